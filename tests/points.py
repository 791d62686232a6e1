"""Points as plain values: into the importer's records, into a server, and exactly back out of it."""

from __future__ import annotations

import json
import struct
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import polars as pl
from influxdb_client import WriteService

from importer.bucket import catalogue
from importer.bucket.settings import BucketSettings
from importer.encoding.line_protocol import LineEncoder, body
from importer.encoding.series import SeriesIndex
from importer.mapping.values import DTYPES
from importer.records import Block, FieldColumn, FieldType, Lines, PointBatch, TagColumn
from importer.server.connection import Server, translated

Value = bool | int | float | str

# The server's CSV answers change line breaks in texts; its JSON does not, but it knows no -0.0 and no types.
_EXACT_TEXTS = """import "json"
from(bucketID: bucket_id) |> range(start: time(v: start), stop: time(v: stop))
    |> map(fn: (r) => ({json: string(v: json.encode(v: {r with _ns: int(v: r._time)}))}))"""
_OWN = {"_start", "_stop", "_time", "_ns", "_measurement", "_field", "_value"}


class Unsigned(int):
    """An integer that goes into an unsigned field."""


@dataclass(frozen=True)
class P:
    """A point; a record (row) of its own unless one is given."""

    time_ns: int
    fields: dict[str, Value]
    tags: dict[str, str | None] = field(default_factory=dict)
    measurement: str = "m"
    record: int | None = None


def kind_of(value: Value) -> FieldType:
    kinds: dict[type, FieldType] = {
        bool: "boolean",
        Unsigned: "unsigned",
        int: "integer",
        float: "float",
        str: "string",
    }
    return kinds[type(value)]


def block(number: int = 0) -> Block:
    return Block("test.csv", number, 0, 2, b"", 0, "none", ("a",))


def batch(points: Sequence[P], number: int = 0) -> PointBatch:
    """Points as a mapper would give them: each in a row of its own."""
    tag_keys = dict.fromkeys(key for point in points for key in point.tags)
    kinds = dict.fromkeys((key, kind_of(value)) for point in points for key, value in point.fields.items())
    columns = [
        pl.Series("measurement", [point.measurement for point in points], dtype=pl.String),
        pl.Series("time", [point.time_ns for point in points], dtype=pl.Int64),
        pl.Series(
            "record", [n if point.record is None else point.record for n, point in enumerate(points)], dtype=pl.UInt32
        ),
    ]
    columns += [pl.Series(f"tag:{key}", [point.tags.get(key) for point in points], dtype=pl.String) for key in tag_keys]
    columns += [
        pl.Series(
            f"field:{key}:{kind}",
            [
                point.fields[key] if key in point.fields and kind_of(point.fields[key]) == kind else None
                for point in points
            ],
            dtype=DTYPES[kind],
        )
        for key, kind in kinds
    ]
    return PointBatch(
        block=block(number),
        frame=pl.DataFrame(columns),
        tags=tuple(TagColumn(key, f"tag:{key}", f"column of {key}") for key in tag_keys),
        fields=tuple(FieldColumn(key, kind, f"field:{key}:{kind}", f"column of {key}") for key, kind in kinds),
        faults=(),
        skipped={},
        rows_mapped=len({n if point.record is None else point.record for n, point in enumerate(points)}),
        rows_faulty=0,
    )


def encoded(points: Sequence[P], series: SeriesIndex | None = None, number: int = 0) -> Lines:
    return LineEncoder(series if series is not None else SeriesIndex(1_000_000))(batch(points, number))


def raw_lines(texts: Sequence[tuple[str, int]], number: int = 0) -> Lines:
    """Lines (text, time in ns) as they are, right or wrong, each a series of its own."""
    frame = pl.DataFrame(
        {
            "series": pl.Series(range(len(texts)), dtype=pl.UInt32),
            "time": pl.Series([time for _, time in texts], dtype=pl.Int64),
            "record": pl.Series(range(len(texts)), dtype=pl.UInt32),
            "line": pl.Series([text for text, _ in texts], dtype=pl.String),
        }
    )
    return Lines(block(number), frame, (), (), len(texts))


@contextmanager
def new_bucket(server: Server, settings: BucketSettings | None = None) -> Iterator[str]:
    """The id of a bucket that is deleted at the end."""
    bucket = catalogue.create(server, f"test-{uuid.uuid4().hex[:12]}", settings or BucketSettings(), None)
    yield bucket.id
    catalogue.delete(server, bucket.id)


def write(server: Server, bucket_id: str, lines: Lines | str) -> None:
    """One request, as it is; raises what the server answers."""
    with translated():
        WriteService(server.client.api_client).post_write(
            org=server.connection.org,
            bucket=bucket_id,
            body=lines.encode() if isinstance(lines, str) else body(lines.frame["line"]),
            precision="ns",
            content_type="text/plain; charset=utf-8",
        )


def stored_texts(server: Server, bucket_id: str, start_ns: int, stop_ns: int) -> list[P]:
    """All values in a time range, a point for each, names and texts exactly as they are stored."""
    params = {"bucket_id": bucket_id, "start": start_ns, "stop": stop_ns}
    with translated():
        tables = server.client.query_api().query(_EXACT_TEXTS, params=params)
    rows = [json.loads(record["json"]) for table in tables for record in table.records]
    return [
        P(
            row["_ns"],
            {row["_field"]: row["_value"]},
            {key: value for key, value in row.items() if key not in _OWN},
            row["_measurement"],
        )
        for row in rows
    ]


def query(server: Server, flux: str, **params: Any) -> list[dict[str, Any]]:
    with translated():
        tables = server.client.query_api().query(flux, params=params)
    return [dict(record.values) for table in tables for record in table.records]


def bits(value: Value) -> tuple[type, Value | bytes]:
    """A value in a form that is equal for the very same value only: -0.0 is not 0.0, nor 1 True or 1.0."""
    plain = int(value) if isinstance(value, Unsigned) else value
    return type(plain), struct.pack("<d", plain) if isinstance(plain, float) else plain
