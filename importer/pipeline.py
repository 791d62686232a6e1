"""The flow, from text to acknowledged points: the one place where the stages meet.

Records come in blocks of some megabytes. Reading, mapping and encoding go in input order on one thread; the
blocks are written side by side, some of them together; the ledger hears of every one of them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import ParamSpec, Protocol, TypeVar

import reactivex as rx
from reactivex import operators as ops
from reactivex.abc import DisposableBase, ObserverBase, SchedulerBase
from reactivex.scheduler import NewThreadScheduler, ThreadPoolScheduler

from importer.errors import LoadError
from importer.ledger.ledger import Ledger
from importer.records import Block, Lines, Outcome, PointBatch, Table
from importer.slots import Slots

__all__ = ["Bounds", "Stages", "Write", "WriteTogether", "one_by_one", "run_pipeline"]

Write = Callable[[Lines], Outcome]
WriteTogether = Callable[[Sequence[Lines]], Sequence[Outcome]]
"""Blocks that follow one another, and what became of each."""

P = ParamSpec("P")
T = TypeVar("T")


class Bounds(Protocol):
    """How much may be in flight."""

    @property
    def blocks(self) -> int:
        """Blocks that are being read, encoded or written, now: it may change."""

    @property
    def most_writers(self) -> int:
        """Batches that are being written at once, ever."""

    def are_enough(self, rows: Sequence[int], sizes: Sequence[int]) -> bool:
        """Whether blocks of so many lines and bytes are to be written together, and no further one with them."""


@dataclass(frozen=True, slots=True)
class Stages:
    """The stages before the writing.

    Attributes:
        blocks: whole CSV records, in input order.
        to_table: text to columns of text.
        to_points: columns to points, rejects and skipped rows.
        to_lines: points to line protocol.
    """

    blocks: Iterable[Block]
    to_table: Callable[[Block], Table]
    to_points: Callable[[Table], PointBatch]
    to_lines: Callable[[PointBatch], Lines]


def run_pipeline(
    stages: Stages,
    *,
    write: WriteTogether,
    ledger: Ledger,
    bounds: Bounds,
    stopped: Callable[[], bool],
    halt: Callable[[], None],
) -> None:
    """Run all blocks through the stages.

    Args:
        stages: come before the writing.
        write: blocks of lines into the bucket; called on several threads.
        ledger: adds up what becomes of each row and point.
        bounds: how many blocks may be in flight.
        stopped: asked before each block; when true, no further one is read, and what is under way is finished.
        halt: called at the end and after the first error, so that ``stopped`` is true from then on.

    Raises:
        ImporterError: the first fatal error of any stage; the flow has come to rest then.
    """
    threads = ThreadPoolScheduler(bounds.most_writers)
    readers: list[threading.Thread] = []
    slots = Slots(lambda: bounds.blocks)

    @_raising_errors_only
    def mapped_and_encoded(block: Block) -> Lines:
        batch = stages.to_points(stages.to_table(block))
        lines = stages.to_lines(batch)
        ledger.note_mapped(batch, lines)
        return lines

    def written(batch: Sequence[Lines]) -> rx.Observable[Sequence[Outcome]]:
        @_raising_errors_only
        def write_and_note() -> Sequence[Outcome]:
            try:
                outcomes = [Outcome(lines, (), 0, written=False) for lines in batch]
                if not ledger.is_over_budget():
                    outcomes = [*write(batch)]
                for outcome in outcomes:
                    ledger.note_outcome(outcome)
                return outcomes
            finally:
                for _ in batch:
                    slots.release()

        return rx.from_callable(write_and_note, scheduler=threads)

    # reactivex has no back pressure of its own: without the slots, the source would be read to its
    # end while the first block is being written.
    in_slots = _in_slots(stages.blocks, slots, lambda: stopped() or ledger.has_shown_enough())
    flow: rx.Observable[int] = rx.from_iterable(in_slots, scheduler=_on_own_thread(readers)).pipe(  # type: ignore[misc]
        ops.map(mapped_and_encoded),  #   Block   -> Lines      in input order, on the reading thread
        _in_batches(bounds),  #           Lines   -> [Lines]    as many as go into one request
        ops.flat_map(written),  #         [Lines] -> [Outcome]  several at once, on the writers' threads
        ops.count(),
    )
    try:
        flow.run()
    finally:
        halt()
        for reader in readers:
            reader.join()
        threads.executor.shutdown(wait=True)


def _in_slots(blocks: Iterable[Block], slots: Slots, stopped: Callable[[], bool]) -> Iterator[Block]:
    """Take a slot for each block, before it is read; end early when told to."""
    source = iter(blocks)
    read_next = _raising_errors_only(lambda: next(source, None))
    while not stopped():
        if not slots.acquire(timeout=0.2):
            continue
        block = read_next()
        if block is None:
            slots.release()
            return
        yield block


def _in_batches(bounds: Bounds) -> Callable[[rx.Observable[Lines]], rx.Observable[Sequence[Lines]]]:
    """Hold blocks back until they are enough for the bounds, or the last.

    There must be more slots than blocks that are held: else the one that is waited for would never come.
    """

    def batched(source: rx.Observable[Lines]) -> rx.Observable[Sequence[Lines]]:
        def subscribe(
            observer: ObserverBase[Sequence[Lines]], scheduler: SchedulerBase | None = None
        ) -> DisposableBase:
            held: list[Lines] = []

            def on_next(lines: Lines) -> None:
                held.append(lines)
                rows = [each.frame.height for each in held]
                if bounds.are_enough(rows, [each.line_bytes for each in held]):
                    hand_on()

            def on_completed() -> None:
                if held:
                    hand_on()
                observer.on_completed()

            def hand_on() -> None:
                batch = tuple(held)
                held.clear()
                observer.on_next(batch)

            return source.subscribe(on_next, observer.on_error, on_completed, scheduler=scheduler)

        return rx.Observable(subscribe)

    return batched


def one_by_one(write: Write) -> WriteTogether:
    """Write blocks that come together one after another."""
    return lambda batch: [write(lines) for lines in batch]


def _raising_errors_only(stage: Callable[P, T]) -> Callable[P, T]:
    """Make an error of an exit or a panic of polars: reactivex hands on no others, and the flow would never end."""

    @wraps(stage)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return stage(*args, **kwargs)
        except Exception:
            raise
        except BaseException as error:
            raise LoadError(f"a stage broke off with {type(error).__name__}: {error}") from error

    return guarded


def _on_own_thread(started: list[threading.Thread]) -> NewThreadScheduler:
    """Reading leaves the caller's thread free for signals; the thread is kept, to be waited for."""

    def thread(target: Callable[..., None]) -> threading.Thread:
        started.append(threading.Thread(target=target, name="importer-reader", daemon=True))
        return started[-1]

    return NewThreadScheduler(thread)
