"""The way by line protocol: its sink, as the options want it, and what the report tells of it."""

from __future__ import annotations

import logging
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from importer.bucket import Target
from importer.encoding.series import SeriesIndex
from importer.ledger.duplicates import Duplicates
from importer.ledger.ledger import Ledger
from importer.ledger.report import LoadPhase, WritingReport
from importer.ledger.spool import Spool
from importer.options import LoadOptions
from importer.pipeline import Stages, WriteTogether
from importer.running import Running
from importer.server.connection import Server
from importer.server.retry import RetryPolicy
from importer.settling import merge_again, merge_duplicates, write_what_is_missing
from importer.sink.compression import encoding_for
from importer.sink.influx import InfluxSink
from importer.sink.pacing import Pace
from importer.verification.compare import Comparison

__all__ = ["LineWriting"]

log = logging.getLogger(__name__)


class LineWriting:
    """Writes lines into the bucket.

    Args:
        server: the connection.
        target: the bucket.
        options: how to load.
        running: pauses, and hears warnings.
        series: of the load.
        folder: for the accounts.

    Raises:
        SpoolError: it cannot be written.
    """

    settling: LoadPhase = "duplicates"
    writes_lines = True

    def __init__(
        self,
        server: Server,
        target: Target,
        options: LoadOptions,
        *,
        running: Running,
        series: SeriesIndex,
        folder: Path,
    ) -> None:
        self.spool = Spool(folder)
        running.broken_off.append(self.spool.break_off)
        self._running = running
        self._series = series
        self._sink = InfluxSink(
            server,
            target.bucket_id,
            shard_seconds=target.shard_duration_seconds,
            policy=RetryPolicy(options.wait_seconds),
            say=log.warning,
            pause=running.pause,
            warn=running.warn,
            pace=Pace(batch_rows=options.batch_rows, writers=options.workers),
            encoding=encoding_for(options.compression, is_local=server.connection.is_to_this_machine),
            most_refusals=options.reject_budget.most,
        )

    @property
    def bounds(self) -> Pace:
        """How many blocks may be in flight."""
        return self._sink.pace

    @property
    def together(self) -> WriteTogether:
        """Takes blocks."""
        return self._sink.together

    def stages(self, stages: Stages) -> AbstractContextManager[Stages]:
        """They are where they are."""
        return nullcontext(stages)

    def settle(self, ledger: Ledger) -> Duplicates:
        """Merge points of keys that occur in several blocks."""
        self._running.tell("duplicates", ledger)
        return merge_duplicates(
            ledger, self.spool, self._series, self._sink, lambda: self._running.check_stopped(ledger)
        )

    def write_again(self, comparison: Comparison, ledger: Ledger) -> int:
        """Write the points of windows in which the server holds too few values once more; how many were missing."""
        return write_what_is_missing(
            comparison,
            ledger=ledger,
            spool=self.spool,
            series=self._series,
            write=self._sink,
            check_stopped=lambda: self._running.check_stopped(ledger),
        )

    def finish(self, ledger: Ledger, *, is_resumed: bool) -> None:
        """Merge once more, as a first try may have come to the server after the merge."""
        if ledger.counts.retries or is_resumed:
            merge_again(ledger, self.spool, self._series, self._sink, lambda: self._running.check_stopped(ledger))

    def report(self) -> WritingReport:
        """How it wrote, up to now."""
        pace = self._sink.pace
        batch_rows, workers = pace.settled
        return WritingReport(
            workers=workers,
            workers_fixed=pace.has_fixed_writers,
            batch_rows=batch_rows,
            batch_rows_fixed=pace.has_fixed_rows,
            batch_bytes=pace.batch_bytes,
            compression="gzip" if self._sink.encoding == "gzip" else "none",
            requests=self._sink.requests,
            setbacks={kind: count for kind, count in sorted(pace.setbacks.items()) if count},
        )
