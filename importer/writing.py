"""The way by line protocol: its sink, as the options want it, and what the report tells of it."""

from __future__ import annotations

import logging

from importer.ledger.duplicates import Duplicates
from importer.ledger.ledger import Ledger
from importer.ledger.report import LoadPhase, WritingReport
from importer.ledger.spool import Spool
from importer.pipeline import WriteTogether
from importer.server.retry import RetryPolicy
from importer.settling import merge_again, merge_duplicates, write_what_is_missing
from importer.sink.compression import encoding_for
from importer.sink.influx import InfluxSink
from importer.sink.pacing import Pace
from importer.verification.compare import Comparison
from importer.ways import LoadContext, Way

__all__ = ["LineWriting"]

log = logging.getLogger(__name__)


class LineWriting(Way):
    """Writes lines into the bucket.

    Args:
        load: what it is made with.

    Raises:
        SpoolError: it cannot be written.
    """

    settling: LoadPhase = "duplicates"
    writes_lines = True

    def __init__(self, load: LoadContext) -> None:
        options, running = load.options, load.running
        self._running, self._series = running, load.series
        self.spool = Spool(load.accounts.folder.spool)
        running.broken_off.append(self.spool.break_off)
        self._sink = InfluxSink(
            load.server,
            load.target.bucket_id,
            shard_seconds=load.target.shard_duration_seconds,
            policy=RetryPolicy(options.wait_seconds),
            say=log.warning,
            pause=running.pause,
            warn=running.warn,
            pace=Pace(batch_rows=options.batch_rows, writers=options.workers),
            encoding=encoding_for(options.compression, is_local=load.server.connection.is_to_this_machine),
            most_refusals=options.reject_budget.most,
        )
        self.bounds = self._sink.pace

    @property
    def together(self) -> WriteTogether:
        """Takes blocks."""
        return self._sink.together

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
