"""The row-by-row way: csv.DictReader -> Point -> batching WriteApi, as in the client library's own example.

``python -m benchmarks.row_by_row FILE SHAPE BUCKET BATCH_ROWS``, with the server in ``INFLUX_URL``, ``INFLUX_TOKEN``,
``INFLUX_ORG``. The options of the batching are the example's. Requests may take longer than the library's ten seconds,
in which the server does not always create the default shard groups of several years: it would get the batch twice.
"""

from __future__ import annotations

import os
import sys
from csv import DictReader
from pathlib import Path

import reactivex as rx
from influxdb_client import InfluxDBClient, WriteOptions
from reactivex import operators as ops

from benchmarks import row_functions

__all__ = ["main"]

FLUSH_MILLISECONDS = 10_000
TIMEOUT_MILLISECONDS = 120_000


def main() -> None:
    """Load the file; what is still in memory is sent when the batching is closed."""
    path, shape, bucket, batch_rows = sys.argv[1:]
    to_point = getattr(row_functions, shape)
    options = WriteOptions(batch_size=int(batch_rows), flush_interval=FLUSH_MILLISECONDS)
    server = (os.environ["INFLUX_URL"], os.environ["INFLUX_TOKEN"])
    with (
        Path(path).open(encoding="utf-8", newline="") as file,
        InfluxDBClient(*server, org=os.environ["INFLUX_ORG"], timeout=TIMEOUT_MILLISECONDS) as client,
        client.write_api(write_options=options) as write_api,
    ):
        write_api.write(bucket=bucket, record=rx.from_iterable(DictReader(file)).pipe(ops.map(to_point)))
    # All is written and closed by now, but a timer of the batching would hold the process up for as long as the flush
    # interval, which is no part of the work.
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
