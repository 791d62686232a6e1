"""Fill a bucket, verify it, and put it in its place.

Goes in: a bucket that is ready, and the accounts of the load. Comes out: the bucket under its name, and in the closing
all that the report needs; or the error that broke it off.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import replace
from typing import BinaryIO

from importer.bucket import Target, format_duration
from importer.cardinality import MANY_SERIES, SeriesWatch
from importer.choices import Method
from importer.encoding.line_protocol import LineEncoder
from importer.encoding.series import SeriesIndex
from importer.errors import LoadError, RejectBudgetError, ResumeRefusedError
from importer.first_look import FirstLook, Mapper
from importer.journal import Journal, Past
from importer.ledger.closing import Closing, warn_of_duplicates
from importer.ledger.expectation import Expectation
from importer.ledger.ledger import Ledger
from importer.ledger.rejects import RejectsFile
from importer.ledger.spool import Spool
from importer.ledger.windows import Windows
from importer.mapping.processes import mapped_ahead
from importer.options import LoadOptions
from importer.pipeline import Bounds, Stages, WriteTogether, one_by_one, run_pipeline
from importer.records import Block, Lines, Outcome
from importer.resuming import Accounts, restore
from importer.running import Running
from importer.server.connection import Server
from importer.settling import check, verify
from importer.sink.pacing import Pace
from importer.sink.stdout import StreamSink
from importer.source.places import locate
from importer.source.reader import Reader
from importer.verification.compare import Comparison
from importer.ways import LoadContext, Way
from importer.writing import LineWriting

__all__ = ["Filling"]

log = logging.getLogger(__name__)

DAY_SECONDS = 86_400

MANY_SHARDS = 500
"""The server holds each of them open; measured: 2,000 took it 3 GB."""


class Filling:
    """The work of one load between its first write and its last.

    Args:
        reader: the sources.
        mapper: maps tables to points.
        options: how to load.
        look: gives the blocks, those included that were looked at before.
        closing: gathers what the report needs.
        running: tells how far it is, and may end it.
    """

    def __init__(
        self,
        reader: Reader,
        mapper: Mapper,
        options: LoadOptions,
        *,
        look: FirstLook,
        closing: Closing,
        running: Running,
    ) -> None:
        self._reader = reader
        self._mapper = mapper
        self._options = options
        self._look = look
        self._closing = closing
        self._running = running
        self._series = SeriesIndex(options.max_series)
        self._warned = False

    def fill(self, server: Server, target: Target, accounts: Accounts, stack: ExitStack, *, method: Method) -> None:
        """Fill the bucket, verify it and put it in its place.

        Args:
            server: the connection.
            target: the bucket.
            method: by which way.
            accounts: of the load; what an earlier run has written is not written again.
            stack: closes at the end what is opened here.

        Raises:
            ImporterError: it broke off; the bucket is left to the caller.
        """
        load = LoadContext(server, target, self._options, accounts, self._running, self._series, stack)
        way = self._way(load, method)
        spool, self._closing.are_points_sent = way.spool, way.writes_lines
        journal = None
        if not self._is_spread(method):  # else the points end with the run
            journal = accounts.journal = Journal(
                accounts.log,
                series=self._series,
                spool=spool,
                decided=lambda: self._mapper.decided,
                elapsed=lambda: self._closing.elapsed_seconds,
                past=accounts.past,
            )
        ledger = self._new_ledger(stack, target.shard_duration_seconds, spool=spool, journal=journal)
        restore(accounts, ledger=ledger, spool=spool, series=self._series, mapper=self._mapper)
        if ledger.is_over_budget():
            raise ResumeRefusedError(
                f"the unfinished load has {ledger.rejects_so_far:,} rejects already, where "
                f"{self._options.reject_budget} are allowed now: give --max-rejects as it was given then"
            )
        self._closing.way = way.report
        with self._closing.phase("load"):
            self._flow(
                ledger,
                way.together,
                way.bounds,
                with_lines=way.writes_lines,
                placed=way.stages,
                target=target,
                past=accounts.past,
            )
        with self._closing.phase(way.settling):
            self._settle(ledger, way, target)
        self._running.check_stopped(ledger)
        # What was appended to may have been written to by others between two runs.
        by_counts = accounts.plan.was_empty and not (target.appends and accounts.past)
        if self._options.verify:
            with self._closing.phase("verify"):
                self._verify(server, target, ledger, way, by_counts=by_counts)
        self._running.check_stopped(ledger)
        with self._closing.phase(way.settling):
            way.finish(ledger, is_resumed=accounts.past is not None)
        self._running.tell("swap", ledger)
        ledger.rejects.complete()
        report = self._closing.report(self._closing.status, self._reader.read_sources)
        if journal is not None:
            journal.complete(report.model_dump(mode="json"))
        points = ledger.counts.points_acknowledged - self._closing.duplicates.total
        with self._closing.phase("swap"):
            self._closing.warnings += target.commit(points, ledger.expectation.values)

    def dry_run(self, stack: ExitStack, stdout: BinaryIO) -> None:
        """Write the lines to a stream; no server is asked."""
        ledger = self._new_ledger(stack, DAY_SECONDS, spool=None)
        with self._closing.phase("load"):
            self._flow(ledger, one_by_one(StreamSink(stdout)), Pace(writers=1))

    def _way(self, load: LoadContext, method: Method) -> Way:
        if self._is_spread(method):
            from importer.bulk.spread import ClusterBulk  # noqa: PLC0415 - Dask is an extra

            return ClusterBulk(load, mapper=self._mapper, columns_of=self._reader.columns_of)
        if method == "bulk":
            from importer.bulk.building import Bulk  # noqa: PLC0415 - lines need no Arrow

            return Bulk(load)
        return LineWriting(load)

    def _is_spread(self, method: Method) -> bool:
        return method == "bulk" and self._options.cluster is not None

    def _new_ledger(
        self, stack: ExitStack, shard_seconds: int, *, spool: Spool | None, journal: Journal | None = None
    ) -> Ledger:
        rejects = stack.enter_context(RejectsFile(self._options.rejects_path))
        ledger = Ledger(
            expectation=Expectation(Windows(shard_seconds * 10**9)),
            spool=spool,
            series=self._series,
            locate=locate,
            rejects=rejects,
            budget=self._options.reject_budget,
            journal=journal,
        )
        self._closing.ledger = ledger
        return ledger

    def _flow(
        self,
        ledger: Ledger,
        write: WriteTogether,
        bounds: Bounds,
        *,
        with_lines: bool = True,
        placed: Callable[[Stages], AbstractContextManager[Stages]] = nullcontext,
        target: Target | None = None,
        past: Past | None = None,
    ) -> None:
        """Run the pipeline, and decide whether its end is a good one."""
        halted = threading.Event()

        def stopped() -> bool:
            return self._running.is_stopped() or halted.is_set() or bool(target and target.lost)

        def write_and_tell(batch: Sequence[Lines]) -> Sequence[Outcome]:
            outcomes = write(batch)
            self._running.tell("load", ledger)
            self._warn_of_many_shards(ledger, target)
            return outcomes

        blocks = self._look.blocks()
        wanted = blocks if past is None else past.still_to_write(blocks, stopped)
        encode = LineEncoder(self._series, with_lines=with_lines)
        with (
            mapped_ahead(self._mapper, wanted, self._reader.table) as (in_order, to_table),
            placed(Stages(in_order, to_table, self._look.to_points, encode)) as stages,
        ):
            watched = SeriesWatch(
                stages.to_lines, most=self._options.max_series, share_of=self._share_of, warn=self._running.warn
            )
            run_pipeline(
                replace(stages, to_lines=watched),
                write=write_and_tell,
                ledger=ledger,
                bounds=bounds,
                stopped=stopped,
                halt=halted.set,
            )
        if target and target.lost:
            raise LoadError(f"the bucket {target.target!r} was taken over by another load")
        self._running.check_stopped(ledger)
        if ledger.is_over_budget(at_end=True):
            raise RejectBudgetError(
                self._closing.over_budget(self._options.reject_budget, appends=self._running.appends)
            )
        ledger.check()

    def _warn_of_many_shards(self, ledger: Ledger, target: Target | None) -> None:
        if target is None or self._warned or len(ledger.expectation.counts) <= MANY_SHARDS:
            return
        self._warned = True
        duration = format_duration(target.shard_duration_seconds)
        self._running.warn(
            f"the points lie in more than {MANY_SHARDS} shard groups of {duration}: the server needs much memory and "
            "time for so many; a longer --shard-duration, with --if-exists replace where there is a bucket, helps"
        )

    def _settle(self, ledger: Ledger, way: Way, target: Target) -> None:
        found = way.settle(ledger)
        self._closing.are_points_sent = True
        self._closing.duplicates = found
        warn_of_duplicates(found, self._closing.warnings)
        if ledger.counts.empty_points:
            self._closing.warnings.append(
                f"{ledger.counts.empty_points:,} points of the mapper have no field and were left out; "
                "others of the same rows were loaded"
            )
        if not ledger.counts.points_acknowledged:
            self._without_points(ledger, target)
        if len(self._series) > MANY_SERIES:
            self._closing.warnings.append(
                f"{len(self._series):,} series: queries will be slow; a tag with so many values is better a field"
            )

    def _without_points(self, ledger: Ledger, target: Target) -> None:
        nothing = f"the {ledger.counts.rows_read:,} rows of the source gave no point"
        if target.replaces and not target.appends and not self._options.allow_empty:
            raise LoadError(f"{nothing}: the bucket was left as it was; --allow-empty replaces it with an empty one")
        self._closing.warnings.append(
            f"{nothing}: {'nothing was appended' if target.appends else 'the bucket is empty'}"
        )

    def _verify(self, server: Server, target: Target, ledger: Ledger, way: Way, *, by_counts: bool) -> None:
        def tell(share: float) -> None:
            self._running.check_stopped(ledger)
            self._running.tell("verify", ledger, share)

        def compared() -> Comparison:
            self._running.tell("verify", ledger)
            found = verify(
                server, target.bucket_id, ledger, way.spool, self._series, by_counts=by_counts, progress=tell
            )
            self._closing.stored = found.stored
            return found

        comparison = compared()
        missing = way.write_again(comparison, ledger)
        if missing:
            self._running.warn(
                f"the server did not hold {missing:,} of the values that it had acknowledged: their points were "
                "written once more"
            )
            comparison = compared()
        check(comparison)

    def _share_of(self, block: Block) -> float | None:
        """A block's part of all that is loaded; where it is compressed, as the text up to its end was."""
        total, end, limit = self._reader.total_bytes, block.byte_offset + len(block.data), self._options.limit
        of_text = min(1.0, self._reader.stored_bytes / end) * len(block.data) / total if total else 0.0
        return max(of_text, block.rows / limit if limit else 0.0) or None
