"""Read back every key and field that an appending load wrote, whatever else the bucket holds.

Counting cannot tell there: other points may stand in the same windows.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import duckdb
import polars as pl
from influxdb_client import Dialect

from importer.encoding.line_protocol import series_keys
from importer.encoding.series import SeriesIndex
from importer.errors import ServerError
from importer.ledger.expectation import Expectation, FieldName
from importer.ledger.spool import Spool
from importer.mapping.spec import TimeSpec
from importer.mapping.timestamps import parse_times
from importer.records import TagColumn
from importer.server.connection import Server, translated
from importer.verification.compare import Comparison, Difference

__all__ = ["read_back"]

CHUNK_LINES = 100_000

_KEYS = """from(bucketID: bucket_id) |> range(start: time(v: start), stop: time(v: stop))
    |> filter(fn: (r) => r._measurement == measurement and r._field == field)
    |> drop(columns: ["_value", "_start", "_stop", "_field"])
    |> group()"""
_OWN_COLUMNS = ("", "result", "table", "_time", "_measurement", "error", "reference")


def read_back(
    server: Server,
    bucket_id: str,
    expectation: Expectation,
    spool: Spool,
    series: SeriesIndex,
    *,
    progress: Callable[[float], None] = lambda _: None,
) -> Comparison:
    """Ask for the keys of every field and window that was written.

    Args:
        server: the connection.
        bucket_id: which bucket.
        expectation: says which fields and windows were written.
        spool: the points that were written.
        series: the load's series.
        progress: told the share that is done, 0 to 1.

    Returns:
        of what was written, how many values the server gave back; a difference where some are missing.

    Raises:
        ServerError: the server did not answer.
    """
    stored: Counter[FieldName] = Counter()
    differences: list[Difference] = []
    questions = [(number, name) for number, counter in sorted(expectation.counts.items()) for name in sorted(+counter)]
    for done, (number, name) in enumerate(questions, start=1):
        start_ns, stop_ns = expectation.windows.bounds(number)
        missing = _written(spool, name, start_ns, stop_ns, series)
        expected = missing.height
        for found in _stored(server, bucket_id, name, (start_ns, stop_ns), series):
            missing = missing.join(found, on=["series", "time"], how="anti")
        stored[name] += expected - missing.height
        if missing.height:
            differences.append(Difference(name, start_ns, stop_ns, expected, expected - missing.height))
        progress(done / len(questions))
    return Comparison(stored, tuple(differences))


def _written(spool: Spool, name: FieldName, start_ns: int, stop_ns: int, series: SeriesIndex) -> pl.DataFrame:
    """Distinct keys (``series``, ``time``) of the load that have a value for a field."""
    measurement, field = name
    columns = [item.column for item in spool.fields if item.key == field]
    has_value = " OR ".join(f"{column} IS NOT NULL" for column in columns)
    with duckdb.connect() as database:
        found: dict[str, Any] = database.execute(
            "SELECT DISTINCT series, time FROM read_parquet($1, union_by_name = true) "  # noqa: S608 - names of our own
            f"WHERE time >= $2 AND time < $3 AND ({has_value})",
            [spool.files, start_ns, stop_ns],
        ).fetchnumpy()
    keys = pl.DataFrame(
        {"series": found["series"], "time": found["time"]}, schema={"series": pl.UInt32, "time": pl.Int64}
    )
    measurements = pl.Series(series.measurements, dtype=pl.String)
    return keys.filter(measurements.gather(keys["series"]) == measurement)


def _stored(
    server: Server, bucket_id: str, name: FieldName, bounds_ns: tuple[int, int], series: SeriesIndex
) -> Iterator[pl.DataFrame]:
    """Keys (``series``, ``time``) that the server has, some at a time."""
    measurement, field = name
    params = {
        "bucket_id": bucket_id,
        "start": bounds_ns[0],
        "stop": bounds_ns[1],
        "measurement": measurement,
        "field": field,
    }
    with translated():
        response = server.client.query_api().query_raw(
            _KEYS, dialect=Dialect(header=True, annotations=[], date_time_format="RFC3339Nano"), params=params
        )
    response.auto_close = False  # else it closes itself at its end, and reading on is an error
    lines = iter(io.TextIOWrapper(response, encoding="utf-8", newline=""))
    header = next(lines, None)
    if header is None:
        return
    while chunk := "".join(islice(_whole_records(lines), CHUNK_LINES)):
        frame = pl.read_csv((header + chunk).encode(), infer_schema=False)
        if "error" in frame.columns:
            raise ServerError(f"the server could not read back: {frame['error'][0]}")
        yield _keys(frame, series)


def _whole_records(lines: Iterator[str]) -> Iterator[str]:
    held = ""
    for line in lines:
        held += line
        if held.count('"') % 2 == 0:
            if held.strip():
                yield held
            held = ""


def _keys(frame: pl.DataFrame, series: SeriesIndex) -> pl.DataFrame:
    names = [column for column in frame.columns if column not in _OWN_COLUMNS]
    tags = tuple(TagColumn(name, name, name) for name in names)
    points = frame.rename({"_measurement": "measurement"})
    keys = series_keys(points, tags).alias("key")
    times = parse_times(frame["_time"], TimeSpec(column="_time")).ns.alias("time")
    known = pl.DataFrame({"key": series.keys}, schema={"key": pl.String}).with_row_index("series")
    return pl.DataFrame([keys, times]).join(known, on="key").select("series", "time")
