"""Fields of one type per measurement, whatever tables their values come from.

Goes in: typed columns of a table. Comes out: the columns as they are written, each of the type that its field has for
the whole load; the first value decides it.
"""

from __future__ import annotations

import polars as pl

from importer.mapping.collected import Collected
from importer.mapping.values import DTYPES
from importer.records import FieldColumn, FieldType

__all__ = ["Fields", "Types"]

Types = dict[tuple[str, str], FieldType]
"""By measurement and field key."""

_EXACT_IN_FLOAT = 1 << 53
_WHOLE: tuple[FieldType, ...] = ("integer", "unsigned")


class Fields:
    """Gathers the fields of one table's rows.

    Args:
        types: decided so far; those that the rows decide are added.
        measurement: of each row (String).
        collected: is told of values that do not fit.

    Attributes:
        columns: by their name in the frame.
    """

    def __init__(self, types: Types, measurement: pl.Series, collected: Collected) -> None:
        self.columns: dict[str, tuple[FieldColumn, pl.Series]] = {}
        self._types = types
        self._measurement = measurement
        self._collected = collected
        self._names: list[str] = measurement.drop_nulls().unique(maintain_order=True).to_list()

    def add(self, key: str, kind: FieldType, values: pl.Series, origin: str) -> None:
        """Add a field's values of one type; rows that are at fault already count for nothing.

        Args:
            key: of the field.
            kind: of the values.
            values: null where a row has none.
            origin: the source's column, for messages.
        """
        if self._collected.faults:
            values = values.set(self._collected.faulty, None)
        if values.null_count() == len(values):
            return
        for decided, names in self._decided(key, kind, values).items():
            if decided == kind and len(names) == len(self._names):
                self._put(key, kind, values, origin)
                return
            own = values.set(~self._measurement.is_in(names).fill_null(value=False), None)
            if decided != kind:
                own = self._fitted(key, kind, own, decided, origin)
            self._put(key, decided, own, origin)

    def _decided(self, key: str, kind: FieldType, values: pl.Series) -> dict[FieldType, list[str]]:
        """The measurements that have such a field, by the type that it has there."""
        names = self._names
        if len(names) > 1 and values.null_count():
            names = self._measurement.filter(values.is_not_null()).drop_nulls().unique(maintain_order=True).to_list()
        by_type: dict[FieldType, list[str]] = {}
        for name in names:
            by_type.setdefault(self._types.setdefault((name, key), kind), []).append(name)
        if set(by_type) == {kind}:
            return {kind: self._names}
        return by_type

    def _fitted(self, key: str, kind: FieldType, values: pl.Series, decided: FieldType, origin: str) -> pl.Series:
        """Values of one type as those of another, as far as nothing of them is lost."""
        if decided == "float" and kind in _WHOLE:
            fits = values.is_between(-_EXACT_IN_FLOAT if kind == "integer" else 0, _EXACT_IN_FLOAT)
        elif decided in _WHOLE and kind in _WHOLE:
            fits = values.is_between(0, (1 << 63) - 1)
        else:
            fits = values.is_null() & False
        wrong = values.is_not_null() & ~fits.fill_null(value=False)
        message = f"of type {kind}, but {key!r} began as {decided}"
        self._collected.add(wrong, origin, decided, message, values.cast(pl.String))
        return values.set(wrong, None).cast(DTYPES[decided]) if not wrong.all() else _nothing(decided, len(values))

    def _put(self, key: str, kind: FieldType, values: pl.Series, origin: str) -> None:
        name = f"field:{key}:{kind}"
        before = self.columns.get(name)
        if before is not None:
            values = before[1].fill_null(values)
        self.columns[name] = FieldColumn(key, kind, name, origin), values.alias(name)


def _nothing(kind: FieldType, length: int) -> pl.Series:
    return pl.Series([None], dtype=DTYPES[kind]).new_from_index(0, length)
