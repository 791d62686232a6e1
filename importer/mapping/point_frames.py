"""Points that were read by columns and points that were read one by one, as one frame in input order.

Goes in: :class:`~importer.mapping.content_columns.TypedColumns`, and a :class:`~importer.mapping.careful.ReadPoint` for
each odd point. Comes out: what a :class:`~importer.records.PointBatch` is made of.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from importer.mapping.careful import ReadPoint
from importer.mapping.content_columns import TypedColumns
from importer.mapping.contents import Contents
from importer.mapping.values import DTYPES
from importer.records import FieldColumn, FieldType, TagColumn

__all__ = ["POSITION", "joined", "one_by_one"]

POSITION = "position"
"""The frame's column with the points' positions in the contents."""

Named = dict[str, TagColumn | FieldColumn]


def joined(
    contents: Contents, columns: TypedColumns, odd: npt.NDArray[np.bool_], careful: Iterable[ReadPoint]
) -> tuple[pl.DataFrame, tuple[TagColumn, ...], tuple[FieldColumn, ...]]:
    """Join the points that have a field.

    Args:
        contents: of all points.
        columns: of all points.
        odd: points that the columns do not stand for.
        careful: those of them that can be loaded.

    Returns:
        ``position``, ``measurement``, ``time``, and the columns that the tags and fields name; tags and fields stand in
        the order in which they first occur.
    """
    frame, named = _by_columns(columns, odd)
    singles, more = one_by_one([point for point in careful if point.fields])
    named |= more
    if singles.height:
        frame = pl.concat([frame, singles], how="diagonal").sort(POSITION) if frame.height else singles
    places: list[tuple[int, int, TagColumn | FieldColumn]] = []
    for column, what in named.items():
        if column in frame.columns and frame[column].null_count() < frame.height:
            first = int(frame[POSITION][int(frame[column].is_not_null().arg_max() or 0)])
            places.append((first, contents.shapes[first].place(what), what))
    places.sort(key=lambda place: place[:2])
    tags = tuple(what for *_, what in places if isinstance(what, TagColumn))
    fields = tuple(what for *_, what in places if isinstance(what, FieldColumn))
    columns_of = (*(tag.column for tag in tags), *(field.column for field in fields))
    return frame.select(POSITION, "measurement", "time", *columns_of), tags, fields


def _by_columns(columns: TypedColumns, odd: npt.NDArray[np.bool_]) -> tuple[pl.DataFrame, Named]:
    height = len(columns.time)
    position = pl.Series(POSITION, np.arange(height, dtype=np.uint32))
    frame, named = _frame(position, columns.measurement, columns.time, columns.tags, columns.fields)
    kept = np.zeros(height, dtype=np.bool_)
    for values in columns.fields.values():
        kept |= values.is_not_null().to_numpy()
    kept &= ~odd
    return (frame if kept.all() else frame.filter(pl.Series(kept))), named


def one_by_one(points: Sequence[ReadPoint]) -> tuple[pl.DataFrame, Named]:
    """Points that were read one by one, as :func:`joined` has them; and what its other columns are, by name."""
    tags: dict[str, list[str | None]] = {}
    fields: dict[tuple[str, FieldType], list[Any]] = {}
    for height, point in enumerate(points):
        for key, value in point.tags.items():
            _put(tags.setdefault(key, []), height, value)
        for name, (kind, plain) in point.fields.items():
            _put(fields.setdefault((name, kind), []), height, plain)
    for values in (*tags.values(), *fields.values()):
        values.extend([None] * (len(points) - len(values)))
    return _frame(
        pl.Series([point.position for point in points], dtype=pl.UInt32),
        pl.Series([point.measurement for point in points], dtype=pl.String),
        pl.Series([point.time_ns for point in points], dtype=pl.Int64),
        {key: pl.Series(values, dtype=pl.String) for key, values in tags.items()},
        {name: pl.Series(plain, dtype=DTYPES[name[1]]) for name, plain in fields.items()},
    )


def _frame(
    position: pl.Series,
    measurement: pl.Series,
    time: pl.Series,
    tags: dict[str, pl.Series],
    fields: dict[tuple[str, FieldType], pl.Series],
) -> tuple[pl.DataFrame, Named]:
    named: Named = {}
    series = [position.alias(POSITION), measurement.alias("measurement"), time.alias("time")]
    for key, values in tags.items():
        tag = TagColumn(key, f"tag:{key}", key)
        named[tag.column] = tag
        series.append(values.alias(tag.column))
    for (key, kind), values in fields.items():
        # The same field may have another type in another measurement.
        field = FieldColumn(key, kind, f"field:{key}:{kind}", key)
        named[field.column] = field
        series.append(values.alias(field.column))
    return pl.DataFrame(series), named


def _put(values: list[Any], position: int, value: Any) -> None:
    values.extend([None] * (position - len(values)))
    values.append(value)
