"""The journal of a load: what it needs to go on after its process has died at any moment.

:class:`Journal` writes it, an entry per acknowledged block; :class:`Past` is what an earlier run left in it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from pydantic import ValidationError

from importer.errors import ResumeRefusedError
from importer.journal import entries
from importer.journal.entries import BlockEntry, Completed, DecidedType, Plan, ShardSent, ShardsMade, SpoolColumn
from importer.journal.log import Log, records_of
from importer.records import Block, Reject, SkipReason

__all__ = ["Journal", "Past", "block_sha256"]


class _Series(Protocol):
    def since(self, number: int) -> list[tuple[str, str]]: ...


class _Spool(Protocol):
    def columns_since(self, number: int) -> list[SpoolColumn]: ...


class Journal:
    """Writes down what was acknowledged. One entry at a time: its caller holds the ledger's lock.

    Args:
        log: open, its plan written.
        series: the load's series.
        spool: the load's spool.
        decided: the types decided so far.
        elapsed: seconds since the load began.
        past: what stands in the log already.
    """

    def __init__(
        self,
        log: Log,
        *,
        series: _Series,
        spool: _Spool,
        decided: Callable[[], tuple[DecidedType, ...]],
        elapsed: Callable[[], float],
        past: Past | None = None,
    ) -> None:
        self._log = log
        self._series = series
        self._spool = spool
        self._decided = decided
        self._elapsed = elapsed
        self._series_written = len(past.series) if past else 0
        self._columns_written = len(past.columns) if past else 0
        self._types_written = past.types if past else ()
        self.blocks = len(past.blocks) if past else 0

    def acknowledge(
        self,
        number: int,
        sha256: str,
        *,
        begins_source: str,
        counts: Mapping[str, int],
        skipped: Mapping[SkipReason, int],
        rejects: Sequence[Reject],
        spooled: tuple[int, int] | None,
    ) -> None:
        """Write down that a block is on the server; the arguments are the entry's.

        Raises:
            SpoolError: the journal cannot be written.
        """
        series, columns = self._series.since(self._series_written), self._spool.columns_since(self._columns_written)
        types = self._decided()
        entry = BlockEntry(
            number=number,
            sha256=sha256,
            begins_source=begins_source,
            counts={name: count for name, count in counts.items() if count},
            skipped=dict(skipped),
            rejects=tuple(rejects),
            spooled=spooled,
            series=tuple(series),
            columns=tuple(columns),
            types=() if types == self._types_written else types,
            elapsed_seconds=self._elapsed(),
        )
        self._log.append(entries.write(entry))
        self._series_written += len(series)
        self._columns_written += len(columns)
        self._types_written = types
        self.blocks += 1

    def made(self, bucket_id: str, shards: Mapping[int, int]) -> None:
        """Write down that the bucket is made with its shard groups.

        Raises:
            SpoolError: the journal cannot be written.
        """
        self._log.append(entries.write(ShardsMade(bucket_id, dict(shards))))

    def sent(self, group: int) -> None:
        """Write down that the server says that it has a shard group's files.

        Raises:
            SpoolError: the journal cannot be written.
        """
        self._log.append(entries.write(ShardSent(group)))

    def complete(self, report: dict[str, Any]) -> None:
        """Write down that all is verified, before the bucket is put in its place.

        Raises:
            SpoolError: the journal cannot be written.
        """
        self._log.append(entries.write(Completed(report)))


@dataclass(slots=True)
class Past:
    """What an earlier run left in the journal.

    Attributes:
        plan: what it was begun with.
        blocks: the last entry of each block, by number, without series and rejects.
        series: series keys and measurements by their numbers.
        columns: the spool's columns.
        types: the types decided.
        lost: the text's SHA-256 of blocks that were acknowledged, but whose accounts are gone.
        completed: the last report; None if it did not come that far.
        elapsed_seconds: of the earlier runs.
        made: the bucket with its shard groups, where the bulk way had come to it.
        sent: the shard groups that were sent into it.
    """

    plan: Plan
    blocks: dict[int, BlockEntry]
    series: list[tuple[str, str]]
    columns: list[SpoolColumn]
    types: tuple[DecidedType, ...]
    completed: dict[str, Any] | None
    elapsed_seconds: float
    lost: dict[int, str] = field(default_factory=dict)
    made: ShardsMade | None = None
    sent: set[int] = field(default_factory=set)

    @classmethod
    def read(cls, log: Log) -> Past | None:
        """What stands in a journal; None if it has no plan, or another version of the importer wrote it."""
        past: Past | None = None
        try:
            for record in log.records():
                entry = entries.read(record)
                if isinstance(entry, Plan):
                    past = cls(entry, {}, [], [], (), None, 0.0)
                elif past is None:
                    return None
                elif isinstance(entry, BlockEntry):
                    past._add(entry)
                elif isinstance(entry, ShardsMade):
                    past.made, past.sent = entry, set()
                elif isinstance(entry, ShardSent):
                    past.sent.add(entry.group)
                else:
                    past.completed = entry.report
        except ValidationError:
            return None
        return past

    @staticmethod
    def plan_in(path: Path) -> Plan | None:
        """The plan in a journal that may be another process's; None if it has none that can be read."""
        try:
            entry = entries.read(next(records_of(path)))
        except (OSError, StopIteration, ValidationError):
            return None
        return entry if isinstance(entry, Plan) else None

    def lose(self, number: int) -> None:
        """Take a block out whose accounts are gone: it is compared all the same, and then written again."""
        self.lost[number] = self.blocks.pop(number).sha256

    def rejects(self, log: Log) -> Iterator[tuple[Reject, ...]]:
        """The rejects of :attr:`blocks`, block by block.

        They are read again, as there may be many.
        """
        last: dict[int, int] = {}
        for position, entry in enumerate(map(entries.read, log.records())):
            if isinstance(entry, BlockEntry) and entry.rejects:
                last[entry.number] = position
            elif isinstance(entry, BlockEntry):
                last.pop(entry.number, None)
        wanted = {position for number, position in last.items() if number in self.blocks}
        for position, record in enumerate(log.records()):
            if position in wanted:
                entry = entries.read(record)
                if isinstance(entry, BlockEntry):
                    yield entry.rejects

    def still_to_write(self, blocks: Iterable[Block], stopped: Callable[[], bool]) -> Iterator[Block]:
        """The blocks that no earlier run has written.

        Args:
            blocks: all of the input.
            stopped: asked after each block that is passed over.

        Raises:
            ResumeRefusedError: the input is not what the earlier run read.
        """
        left = {number: entry.sha256 for number, entry in self.blocks.items()} | self.lost
        held: list[Block] = []
        for block in blocks:
            known = left.pop(block.number, None)
            if known is None and left:
                # It was under way when that run ended: as many may be as it had slots. Nothing of it is written
                # before what follows turned out to be what that run read.
                held.append(block)
            elif known is not None and known != block_sha256(block):
                raise ResumeRefusedError(
                    f"{block.source!r} is not what the unfinished load read: the {len(block.data):,} bytes from byte "
                    f"{block.byte_offset:,} on (line {block.first_line:,}) are others; "
                    "without --resume a new load starts"
                )
            else:
                yield from held
                held.clear()
                if known is None or block.number in self.lost:
                    yield block
                elif stopped():
                    return
        if left and not stopped():
            raise ResumeRefusedError(
                "the input is not what the unfinished load read: it ends before all that had been written was seen; "
                "without --resume a new load starts"
            )

    @property
    def bucket_id(self) -> str:
        """The bucket that was written to last."""
        return self.made.bucket_id if self.made else self.plan.bucket_id

    @property
    def rows(self) -> int:
        """Rows of all acknowledged blocks."""
        return sum(entry.counts.get("rows_read", 0) for entry in self.blocks.values())

    def _add(self, entry: BlockEntry) -> None:
        self.blocks[entry.number] = replace(entry, series=(), rejects=())
        self.series += entry.series
        self.columns += entry.columns
        self.types = entry.types or self.types
        self.elapsed_seconds = max(self.elapsed_seconds, entry.elapsed_seconds)


def block_sha256(block: Block) -> str:
    """What a block is known by (hex): its text, and the header that says what the text means."""
    digest = hashlib.sha256("\x1f".join((block.delimiter, *block.columns)).encode())
    digest.update(block.data)
    return digest.hexdigest()
