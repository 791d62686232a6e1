"""Read back every key and field that an appending load wrote, whatever else the bucket holds.

Counting cannot tell there: other points may stand in the same windows.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import polars as pl
from influxdb_client import Dialect

from importer.encoding.line_protocol import series_keys
from importer.encoding.series import SeriesIndex
from importer.errors import ServerError
from importer.ledger.expectation import Expectation, FieldName
from importer.ledger.spool import Spool
from importer.limits import MAX_TIME_NS
from importer.mapping.parts import TimeSpec
from importer.mapping.timestamps import parse_times
from importer.records import TagColumn
from importer.server.connection import Server, translated
from importer.verification.compare import Comparison, Difference

__all__ = ["read_back"]

CHUNK_LINES = 100_000

_VALUES = """from(bucketID: bucket_id) |> range(start: time(v: start), stop: time(v: stop))
    |> filter(fn: (r) => r._measurement == measurement and r._field == field)"""
_KEYS = f'{_VALUES} |> drop(columns: ["_value", "_start", "_stop", "_field"]) |> group()'
# A plain read does not see the very last nanosecond; a count that is pushed down per series does.
_KEYS_AT_LAST = f"""{_VALUES} |> count() |> drop(columns: ["_value", "_start", "_field"])
    |> rename(columns: {{_stop: "_time"}}) |> group()"""
_OWN_COLUMNS = ["", "result", "table"]


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
    with spool.database() as database:
        found: dict[str, Any] = database.execute(
            "SELECT DISTINCT series, time FROM read_parquet($1, union_by_name = true) "  # noqa: S608 - names of our own
            f"WHERE time >= $2 AND time < $3 AND ({has_value})",
            [spool.files_within(start_ns, stop_ns), start_ns, stop_ns],
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
    start_ns, stop_ns = bounds_ns
    params = {"bucket_id": bucket_id, "measurement": name[0], "field": name[1]}
    if start_ns < MAX_TIME_NS:
        window = {"start": start_ns, "stop": min(stop_ns, MAX_TIME_NS)}
        for header, text in _answers(server, _KEYS, params | window):
            yield _keys(header, text, series)
    if stop_ns > MAX_TIME_NS:
        for header, text in _answers(server, _KEYS_AT_LAST, params | {"start": MAX_TIME_NS, "stop": stop_ns}):
            yield _keys(header, text, series).with_columns(pl.lit(MAX_TIME_NS).alias("time"))


def _answers(server: Server, flux: str, params: dict[str, Any]) -> Iterator[tuple[list[str], str]]:
    """The names of the columns and the records of an answer, some at a time."""
    dialect = Dialect(header=True, annotations=[], date_time_format="RFC3339Nano")

    def ask() -> Any:
        with translated():
            return server.client.query_api().query_raw(flux, dialect=dialect, params=params)

    response = server.patiently(ask)
    response.auto_close = False  # else it closes itself at its end, and reading on is an error
    with translated():
        records = _whole_records(iter(io.TextIOWrapper(response, encoding="utf-8", newline="")))
        header = next(csv.reader([next(records, "")]), [])
        while text := "".join(islice(records, CHUNK_LINES)):
            yield header, text


def _whole_records(lines: Iterator[str]) -> Iterator[str]:
    held = ""
    for line in lines:
        held += line
        if held.count('"') % 2 == 0:
            if held.strip():
                yield held
            held = ""


def _keys(header: list[str], text: str, series: SeriesIndex) -> pl.DataFrame:
    """Keys (``series``, ``time``) of those records whose series are the load's."""
    columns = [str(position) for position in range(len(header))]
    frame = pl.read_csv(text.encode(), has_header=False, new_columns=columns, infer_schema=False)
    # A tag may be named as one of the answer's own columns, so it is their places that count.
    own, tag_keys = header[: len(_OWN_COLUMNS)], dict(enumerate(header))
    if own != _OWN_COLUMNS or frame.width != len(header):
        raise ServerError(f"the server could not read back: {text[:1000]}")
    names = {name: str(place) for place, name in tag_keys.items() if name in ("_time", "_measurement")}
    broken = frame.filter(pl.col(names["_time"]).is_null())
    if broken.height:
        raise ServerError(f"the server could not read back to the end: {' '.join(filter(None, broken.row(-1)))}")
    tags = tuple(
        TagColumn(name, str(place), name)
        for place, name in tag_keys.items()
        if place >= len(_OWN_COLUMNS) and name not in names
    )
    keys = series_keys(frame.rename({names["_measurement"]: "measurement"}), tags).alias("key")
    times = parse_times(frame[names["_time"]], TimeSpec(column="_time")).ns.alias("time")
    known = pl.DataFrame({"key": series.keys}, schema={"key": pl.String}).with_row_index("series")
    return pl.DataFrame([keys, times]).join(known, on="key").select("series", "time")
