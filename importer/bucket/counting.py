"""How many values a bucket holds, over the whole time that the server can store.

Goes in: a bucket's id. Comes out: the number of field values: one per measurement, tags, field and time.
"""

from __future__ import annotations

from typing import Any, Final

from influxdb_client.client.flux_table import FluxRecord

from importer.server.connection import Server, translated

__all__ = ["count_distinct_values", "count_values"]

# The server stores times from -2^63+2 to 2^63-2 ns. Its range leaves `stop` out, but even with 2^63-1
# only a count that is pushed down per series sees a point at exactly 2^63-2; grouped and plain reads
# do not. So the last nanosecond is counted by itself: few series, if any, have a value there.
_RANGE: Final = "from(bucketID: bucket_id) |> range(start: time(v: start), stop: time(v: stop))"
_BEFORE_LAST: Final = {"start": -(2**63) + 2, "stop": 2**63 - 2}
_LAST: Final = {"start": 2**63 - 2, "stop": 2**63 - 1}

_PER_FIELD: Final = f'{_RANGE} |> group(columns: ["_measurement", "_field"]) |> count()'
_PER_SERIES: Final = f"{_RANGE} |> count()"
_DISTINCT_PER_FIELD: Final = f"""{_RANGE}
    |> filter(fn: (r) => r._measurement == measurement and r._field == field)
    |> unique(column: "_time")
    |> count()
    |> group()
    |> sum()"""


def count_values(server: Server, bucket_id: str) -> int:
    """The number of values as the server counts them.

    It may be too high: after a late point lands in the cache over a full block of 1,000 points, this
    server reads that block twice. A number above the expected one is worth :func:`count_distinct_values`.

    Raises:
        ServerError: the server did not answer the question.
    """
    rows = _rows(server, _PER_FIELD, bucket_id, _BEFORE_LAST) + _rows(server, _PER_SERIES, bucket_id, _LAST)
    return sum(int(row["_value"]) for row in rows)


def count_distinct_values(server: Server, bucket_id: str, *, enough: int) -> int:
    """The number of values, each time of a series counted once; slower than :func:`count_values`.

    Args:
        server: the connection.
        bucket_id: which bucket.
        enough: counting ends with the first field that brings the sum above this number.

    Raises:
        ServerError: the server did not answer the question.
    """
    total = sum(int(row["_value"]) for row in _rows(server, _PER_SERIES, bucket_id, _LAST))
    for row in _rows(server, _PER_FIELD, bucket_id, _BEFORE_LAST):
        field = {"measurement": row["_measurement"], "field": row["_field"], **_BEFORE_LAST}
        total += sum(int(one["_value"]) for one in _rows(server, _DISTINCT_PER_FIELD, bucket_id, field))
        if total > enough:
            break
    return total


def _rows(server: Server, flux: str, bucket_id: str, params: dict[str, Any]) -> list[FluxRecord]:
    with translated():
        tables = server.client.query_api().query(flux, params={"bucket_id": bucket_id, **params})
    return [record for table in tables for record in table.records]
