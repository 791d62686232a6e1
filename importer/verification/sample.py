"""A few of the loaded rows, as Flux gives them back, pivoted to one row per point."""

from __future__ import annotations

from typing import Any

from importer.ledger.report import Report
from importer.limits import MAX_TIME_NS
from importer.server.connection import Connection, Server

__all__ = ["sample_rows"]

_ROWS = """from(bucket: bucket) |> range(start: time(v: start), stop: time(v: stop))
    |> limit(n: n)
    |> toString()
    |> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value")
    |> group()
    |> sort(columns: ["_time"])
    |> limit(n: n)
    |> drop(columns: ["_start", "_stop"])
    |> map(fn: (r) => ({r with _time: string(v: r._time)}))"""


def sample_rows(connection: Connection, report: Report, count: int) -> list[dict[str, Any]]:
    """The first rows of a bucket that was loaded.

    Args:
        connection: the server.
        report: of the load; says which bucket and times.
        count: how many rows.

    Returns:
        columns ``_time`` (RFC 3339, to the nanosecond), ``_measurement``, tags and fields, all as text.

    Raises:
        ServerError: the server did not answer.
    """
    if report.time_range is None:
        return []
    params = {"bucket": report.bucket, "n": count, "start": report.time_range.start, "stop": MAX_TIME_NS}
    with Server(connection) as server:
        tables = server.query(_ROWS, params)
    rows = [dict(record.values) for table in tables for record in table.records]
    return [{key: value for key, value in row.items() if key not in ("result", "table")} for row in rows[:count]]
