"""How a load writes: its sink, as the options want it, and what the report tells of it."""

from __future__ import annotations

import logging

from importer.bucket import Target
from importer.ledger.report import WritingReport
from importer.options import LoadOptions
from importer.running import Running
from importer.server.connection import Server
from importer.server.retry import RetryPolicy
from importer.sink.compression import encoding_for
from importer.sink.influx import InfluxSink
from importer.sink.pacing import Pace

__all__ = ["report_on", "sink_into"]

log = logging.getLogger(__name__)


def sink_into(server: Server, target: Target, options: LoadOptions, running: Running) -> InfluxSink:
    """What writes into the bucket.

    Args:
        server: the connection.
        target: the bucket.
        options: how to load.
        running: pauses, and hears warnings.
    """
    return InfluxSink(
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


def report_on(sink: InfluxSink) -> WritingReport:
    """How it wrote, up to now."""
    pace = sink.pace
    batch_rows, workers = pace.settled
    return WritingReport(
        workers=workers,
        workers_fixed=pace.has_fixed_writers,
        batch_rows=batch_rows,
        batch_rows_fixed=pace.has_fixed_rows,
        batch_bytes=pace.batch_bytes,
        compression="gzip" if sink.encoding == "gzip" else "none",
        requests=sink.requests,
        setbacks={kind: count for kind, count in sorted(pace.setbacks.items()) if count},
    )
