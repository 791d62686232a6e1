"""What a block's Points hold, copied as soon as the row function has given them: it may go on with the same objects.

Goes in: Points. Comes out: for all of them together, the values under each key, untouched, in columns.

Most Points of a load are alike in which keys they have. What follows from that alone is worked out once, for their
:class:`Shape`; of each Point itself only two tuples and four references are kept.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from influxdb_client import Point

from importer.records import FieldColumn, TagColumn

__all__ = ["Contents", "Key", "Shape", "contents_of"]

_BETWEEN = object()
"""Stands between a shape's tags and fields."""

_TOLD_APART = {str, object, type(None)}
"""Types whose values differ where their texts do; others may be equal and read differently, such as 1 and True."""

Key = tuple[str, str | None]
"""A field's key, and what the Point says of its integers (``i``, ``u``, nothing; or None, which is usual)."""


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """What Points have in common.

    Attributes:
        precision: the unit of their times where these are integers, as the Points say it.
        tags: keys, in the Points' order.
        fields: keys, with what is said of their integers, in the Points' order.
        plain: all keys are text.
    """

    precision: Any
    tags: tuple[Any, ...]
    fields: tuple[tuple[Any, str | None], ...]
    plain: bool

    def place(self, what: TagColumn | FieldColumn) -> int:
        """Where a tag stands among the tags, or a field among the fields."""
        keys = self.tags if isinstance(what, TagColumn) else [key for key, _ in self.fields]
        return [str(key) for key in keys].index(what.key)


@dataclass(frozen=True, slots=True)
class Contents:
    """The Points of a block, in input order; all but the last run side by side.

    Attributes:
        rows: which row gave the Point.
        shapes: its keys.
        names: its measurement.
        times: its time.
        values: of its tags and then of its fields.
        distinct_shapes: each object of them once.
    """

    rows: tuple[int, ...] = ()
    shapes: tuple[Shape, ...] = ()
    names: tuple[Any, ...] = ()
    times: tuple[Any, ...] = ()
    values: tuple[tuple[Any, ...], ...] = ()
    distinct_shapes: tuple[Shape, ...] = ()

    def columns(self) -> tuple[dict[str, Sequence[Any]], dict[Key, Sequence[Any]]]:
        """The values of the tags by key, and of the fields; None where a Point has none, or a shape that is not plain.

        Columns stand in the order in which the shapes came.
        """
        if len(self.distinct_shapes) == 1 and self.shapes[0].plain:
            (shape,) = self.distinct_shapes
            whole = list(zip(*self.values, strict=True))
            width = len(shape.tags)
            return dict(zip(shape.tags, whole, strict=False)), dict(zip(shape.fields, whole[width:], strict=False))
        positions: defaultdict[Shape, list[int]] = defaultdict(list)
        for position, shape in enumerate(self.shapes):
            positions[shape].append(position)
        tags: dict[str, list[Any]] = {}
        fields: dict[Key, list[Any]] = {}
        height = len(self.shapes)
        for shape, places in positions.items():
            if not shape.plain:
                continue
            columns = [tags.setdefault(key, [None] * height) for key in shape.tags]
            columns += [fields.setdefault(key, [None] * height) for key in shape.fields]
            for place in places:
                for column, value in zip(columns, self.values[place], strict=True):
                    column[place] = value
        return dict(tags), dict(fields)


def contents_of(points: Iterable[tuple[int, Point]]) -> Contents:
    """Copy what Points hold.

    Args:
        points: each with the number of the row that gave it.
    """
    known: dict[tuple[Any, ...], Shape] = {}
    distinct = []
    copied = []
    for row, point in points:
        tags, fields, types = point._tags, point._fields, point._field_types  # noqa: SLF001 - no other way in
        key = (point._write_precision, *tags, _BETWEEN, *fields)  # noqa: SLF001
        if types:
            key += (_BETWEEN, *types, _BETWEEN, *types.values())
        told_apart = _TOLD_APART.issuperset(map(type, key))
        shape = known.get(key) if told_apart else None
        if shape is None:
            shape = _shape(point)
            distinct.append(shape)
            if told_apart:
                known[key] = shape
        copied.append((row, shape, point._name, point._time, (*tags.values(), *fields.values())))  # noqa: SLF001
    if not copied:
        return Contents()
    rows, shapes, names, times, values = zip(*copied, strict=True)
    return Contents(rows, shapes, names, times, values, tuple(distinct))


def _shape(point: Point) -> Shape:
    tags, fields = tuple(point._tags), tuple(point._fields)  # noqa: SLF001
    types = point._field_types  # noqa: SLF001
    plain = all(type(key) is str for key in (*tags, *fields))
    return Shape(point._write_precision, tags, tuple((key, types.get(key)) for key in fields), plain)  # noqa: SLF001
