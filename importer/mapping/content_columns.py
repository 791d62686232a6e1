"""Points' values to typed columns, a column at a time; which points only a careful reader can judge is told.

Goes in: the :class:`~importer.mapping.contents.Contents` of a block's Points, and the types decided so far. Comes out:
:class:`TypedColumns`. Nothing is told here of what is wrong with a point: :mod:`importer.mapping.careful` reads those
that are ``odd``, and finds some of them in order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from importer.limits import MAX_STRING_BYTES, key_trouble
from importer.mapping.careful import Types, fitted
from importer.mapping.content_times import typed_times
from importer.mapping.contents import Contents, Key
from importer.mapping.point_values import EXACT_IN_FLOAT, RowFaultError, text_of, typed
from importer.mapping.values import DTYPES
from importer.records import FieldType

__all__ = ["TypedColumns", "typed_columns"]

Mask = npt.NDArray[np.bool_]

_KINDS: dict[type, FieldType] = {str: "string", float: "float", int: "integer", bool: "boolean"}
_TURNED: dict[type, type] = {
    Decimal: float,
    np.float64: float,
    np.float32: float,
    np.int64: int,
    np.bool_: bool,
}
"""Types of numbers that are taken for another one, which holds just their value, or the float that is nearest."""


@dataclass(slots=True)
class TypedColumns:
    """A block's points.

    Attributes:
        measurement: String.
        time: Int64, ns since 1970 UTC.
        tags: by key, String; null where the point has none.
        fields: by key and type; null where the point has none, or one of another type.
        odd: points that are to be read carefully; what the columns hold of them means nothing.
        begun: types that these points decide. Where any point is odd, the input's order may make them others.
    """

    measurement: pl.Series
    time: pl.Series
    tags: dict[str, pl.Series]
    fields: dict[tuple[str, FieldType], pl.Series]
    odd: Mask
    begun: Types = field(default_factory=dict)
    _names: list[str] = field(default_factory=list)

    def measurements_of(self, column: pl.Series) -> list[str]:
        """Those whose points have a value in the column."""
        if not self._names:
            self._names = self.measurement.drop_nulls().unique().to_list()
        if len(self._names) == 1 or column.null_count() == 0:
            return self._names
        return self.measurement.filter(column.is_not_null()).drop_nulls().unique().to_list()


def typed_columns(contents: Contents, types: Types, unit_ns: int) -> TypedColumns:
    """Type the values of all points of a block.

    Args:
        contents: of the points.
        types: decided so far; left as they are.
        unit_ns: times are multiples of it.
    """
    height = len(contents.rows)
    odd = np.zeros(height, dtype=np.bool_)
    if not all(shape.plain for shape in contents.distinct_shapes):
        odd |= np.fromiter((not shape.plain for shape in contents.shapes), np.bool_, height)
    measurement = _measurements(contents.names, odd)
    time = typed_times(contents, unit_ns, odd)
    tags, fields = contents.columns()
    built = TypedColumns(measurement, time, {}, {}, odd)
    for key, values in tags.items():
        column = _text(values, odd, str)
        column = column.set(column == "", None)
        if key_trouble("tag", key) is not None:
            odd |= column.is_not_null().to_numpy()
        built.tags[key] = column
    columns_of = Counter(key for key, _ in fields)
    for name, values in fields.items():
        if columns_of[name[0]] > 1:  # of which of the columns the first value is, is only found in input order
            odd |= np.fromiter((value is not None for value in values), np.bool_, height)
        else:
            _add_field(built, name, values, types, contents.names)
    return built


def _measurements(names: Sequence[Any], odd: Mask) -> pl.Series:
    column = _text(names, odd, None)
    odd |= (column.is_null() | (column == "")).to_numpy()
    return column


def _text(values: Sequence[Any], odd: Mask, turn: Callable[[Any], str] | None) -> pl.Series:
    """Values as text; what cannot be written as UTF-8 is odd, and so is what is no text unless it can be turned."""
    try:
        if set(map(type, values)) <= {str, type(None)}:
            return pl.Series(values, dtype=pl.String)
    except UnicodeEncodeError:
        pass
    texts: list[str | None] = [None] * len(values)
    for position, value in enumerate(values):
        if value is None:
            continue
        if turn is None and type(value) is not str:
            odd[position] = True
            continue
        try:
            texts[position] = text_of(value, "tag")
        except RowFaultError:
            odd[position] = True
    return pl.Series(texts, dtype=pl.String)


def _add_field(built: TypedColumns, name: Key, values: Sequence[Any], types: Types, names: Sequence[Any]) -> None:
    key, suffix = name
    column = _of_one_type(values) if suffix is None else None
    if column is None or not _settle(built, key, column, types):
        _one_by_one(built, name, values, types, names)
    if key_trouble("field", key) is not None:
        for (other, _), found in built.fields.items():
            if other == key:
                built.odd |= found.is_not_null().to_numpy()


def _of_one_type(values: Sequence[Any]) -> tuple[FieldType, pl.Series] | None:
    """A column in which all values are of one usual type and can be stored; None if they are not."""
    found = set(map(type, values))
    found.discard(type(None))
    if len(found) > 1:
        return None
    kind_of = found.pop() if found else str
    try:
        if kind_of in _TURNED:
            turn = _TURNED[kind_of]
            kind_of = turn
            values = [None if value is None else turn(value) for value in values]
        kind = _KINDS.get(kind_of)
        if kind is None:
            return None
        column = pl.Series(values, dtype=DTYPES[kind])
    except (TypeError, ValueError, OverflowError):  # beyond all integers or floats; no Unicode
        return None
    if kind == "string":
        lengths = column.str.len_bytes()
        if (lengths.max() or 0) > MAX_STRING_BYTES:  # type: ignore[operator]
            return None
        if lengths.min() == 0:
            column = column.set(lengths == 0, None)
    elif kind == "float" and not column.is_finite().all():
        return None
    return kind, column


def _settle(built: TypedColumns, key: str, typed_column: tuple[FieldType, pl.Series], types: Types) -> bool:
    """Add a column whose type is the one that is decided, or decides it; False if that is not so plain."""
    kind, column = typed_column
    if column.null_count() == len(column):
        return True
    measurements = built.measurements_of(column)
    decided = {types.get((name, key)) for name in measurements}
    if decided == {"float"} and kind == "integer" and column.is_between(-EXACT_IN_FLOAT, EXACT_IN_FLOAT).all():
        kind, column = "float", column.cast(pl.Float64)
    elif decided - {None, kind}:
        return False
    built.begun.update({(name, key): kind for name in measurements if (name, key) not in types})
    built.fields[key, kind] = column
    return True


def _one_by_one(built: TypedColumns, name: Key, values: Sequence[Any], types: Types, names: Sequence[Any]) -> None:
    key, suffix = name
    columns: dict[FieldType, list[Any]] = {}
    for position, value in enumerate(values):
        if value is None or (isinstance(value, str) and not value) or built.odd[position]:
            continue
        pair = names[position], key
        try:
            kind, plain = typed(key, value, suffix)
            decided = types.get(pair) or built.begun.setdefault(pair, kind)
            plain = fitted(key, value, kind, plain, decided)
        except RowFaultError:
            built.odd[position] = True
            continue
        if decided not in columns:
            columns[decided] = [None] * len(values)
        columns[decided][position] = plain
    for kind, plain_values in columns.items():
        built.fields[key, kind] = pl.Series(plain_values, dtype=DTYPES[kind])
