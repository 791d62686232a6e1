"""Counts of values, as the server gives them.

Goes in: a bucket's id and a time window. Comes out: the number of values of each field.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, datetime
from typing import Any

from influxdb_client.client.flux_table import FluxRecord

from importer.ledger.windows import Windows
from importer.limits import MAX_TIME_NS
from importer.server.connection import Server

__all__ = ["count_by_window", "count_distinct", "count_values"]

FieldName = tuple[str, str]

# The server leaves `stop` out; but even with 2^63-1 as the stop, only a count that is pushed down per
# series sees a point at exactly 2^63-2 (grouped and plain reads do not): that nanosecond is asked apart.
_RANGE = "from(bucketID: bucket_id) |> range(start: time(v: start), stop: time(v: stop))"
_PER_FIELD = f'{_RANGE} |> group(columns: ["_measurement", "_field"]) |> count()'
_PER_SERIES = f"{_RANGE} |> count()"
# Without the values, because this server cuts columns short in which a text is empty.
_PER_WINDOW = f"""{_RANGE}
    |> aggregateWindow(
        every: duration(v: every), offset: duration(v: offset), fn: count, timeSrc: "_start", createEmpty: false
    )
    |> group(columns: ["_measurement", "_field", "_time"])
    |> sum()"""
_DISTINCT = f"""{_RANGE}
    |> filter(fn: (r) => r._measurement == measurement and r._field == field)
    |> drop(columns: ["_value"])
    |> unique(column: "_time")
    |> map(fn: (r) => ({{r with _value: 1}}))
    |> count()
    |> group()
    |> sum()"""


def count_values(server: Server, bucket_id: str, start_ns: int, stop_ns: int) -> Counter[FieldName]:
    """The number of values of each measurement and field in a window.

    It may be too high: after a late point lands in the cache over a full block of 1,000 points, this
    server reads that block twice. A number that is too high is worth :func:`count_distinct`.

    Args:
        server: the connection.
        bucket_id: which bucket.
        start_ns: first timestamp of the window.
        stop_ns: first timestamp behind it.

    Raises:
        ServerError: the server did not answer the question.
    """
    rows: list[FluxRecord] = []
    if start_ns < MAX_TIME_NS:
        rows += _rows(server, _PER_FIELD, bucket_id, {"start": start_ns, "stop": min(stop_ns, MAX_TIME_NS)})
    if stop_ns > MAX_TIME_NS:
        rows += _rows(server, _PER_SERIES, bucket_id, {"start": MAX_TIME_NS, "stop": MAX_TIME_NS + 1})
    counted: Counter[FieldName] = Counter()
    for row in rows:
        counted[row["_measurement"], row["_field"]] += int(row["_value"])
    return counted


def count_by_window(
    server: Server, bucket_id: str, start_ns: int, stop_ns: int, windows: Windows
) -> dict[int, Counter[FieldName]]:
    """The number of values of each measurement and field in each of several windows, by the windows' numbers.

    For the server it is half the work of asking :func:`count_values` of each, as long as series and windows are few;
    but it leaves out, silently, values of a field that has another type in another window. What is as expected is
    right; of anything else :func:`count_values` is to be asked.

    Args:
        server: the connection.
        bucket_id: which bucket.
        start_ns: where the first window begins; not beyond the last nanosecond but one that can be stored.
        stop_ns: where the last one ends; the same holds.
        windows: says where windows begin.

    Raises:
        ServerError: the server did not answer the question.
    """
    params = {"start": start_ns, "stop": stop_ns, "every": windows.duration_ns, "offset": windows.offset_ns}
    counted: dict[int, Counter[FieldName]] = defaultdict(Counter)
    for row in _rows(server, _PER_WINDOW, bucket_id, params):
        counted[windows.number_of(_nanoseconds(row["_time"]))][row["_measurement"], row["_field"]] += int(row["_value"])
    return counted


def count_distinct(server: Server, bucket_id: str, name: FieldName, start_ns: int, stop_ns: int) -> int:
    """The number of values of one field, each time of a series counted once; slower, and not fooled.

    Raises:
        ServerError: the server did not answer the question.
    """
    measurement, field = name
    total = 0
    if start_ns < MAX_TIME_NS:
        window = {
            "start": start_ns,
            "stop": min(stop_ns, MAX_TIME_NS),
            "measurement": measurement,
            "field": field,
        }
        total = sum(int(row["_value"]) for row in _rows(server, _DISTINCT, bucket_id, window))
    if stop_ns > MAX_TIME_NS:
        total += count_values(server, bucket_id, MAX_TIME_NS, MAX_TIME_NS + 1)[name]
    return total


def _rows(server: Server, flux: str, bucket_id: str, params: dict[str, Any]) -> list[FluxRecord]:
    tables = server.query(flux, {"bucket_id": bucket_id, **params})
    return [record for table in tables for record in table.records]


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _nanoseconds(moment: datetime) -> int:
    """Of where a window begins, which is a whole second."""
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * 10**9
