"""What the server must hold when all has arrived: distinct keys with a value, per field and window."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

import polars as pl

from importer.ledger.windows import Windows
from importer.records import FieldColumn, FieldType

__all__ = ["Expectation"]

FieldName = tuple[str, str]
"""Measurement and field key."""


class Expectation:
    """Counts of values, added up block by block.

    Args:
        windows: aligned with the shard groups.

    Attributes:
        types: of each field that has a value.
        counts: per window, values of each field.
    """

    def __init__(self, windows: Windows) -> None:
        self.windows = windows
        self.types: dict[FieldName, FieldType] = {}
        self.counts: dict[int, Counter[FieldName]] = defaultdict(Counter)
        self.first_ns: int | None = None
        self.last_ns: int | None = None

    def add(self, points: pl.DataFrame, fields: Sequence[FieldColumn], measurements: Sequence[str]) -> None:
        """Count points as if each had a key of its own.

        Args:
            points: ``series``, ``time`` and the fields' columns.
            fields: the fields.
            measurements: of each series, by its number.
        """
        if points.is_empty():
            return
        low, high = points.select(pl.col("time").min().alias("low"), pl.col("time").max().alias("high")).row(0)
        self.first_ns = low if self.first_ns is None else min(self.first_ns, low)
        self.last_ns = high if self.last_ns is None else max(self.last_ns, high)
        self._count(points, fields, measurements, [pl.col(field.column).count() for field in fields], 1)

    def subtract(self, points: pl.DataFrame, fields: Sequence[FieldColumn], measurements: Sequence[str]) -> None:
        """Take back values that fell on one that was there: the fields' columns are Boolean here."""
        if not points.is_empty():
            self._count(points, fields, measurements, [pl.col(field.column).sum() for field in fields], -1)

    def total(self, name: FieldName) -> int:
        """Values of one field."""
        return sum(counter[name] for counter in self.counts.values())

    @property
    def values(self) -> int:
        """Values of all fields."""
        return sum(counter.total() for counter in self.counts.values())

    def _count(
        self,
        points: pl.DataFrame,
        fields: Sequence[FieldColumn],
        measurements: Sequence[str],
        counted: list[pl.Expr],
        sign: int,
    ) -> None:
        of_series = pl.Series(measurements, dtype=pl.String)
        by_window = points.group_by(
            of_series.gather(points["series"]).alias("measurement"),
            self.windows.number(pl.col("time")).alias("window"),
        ).agg(*counted)
        for measurement, window, *numbers in by_window.iter_rows():
            counter = self.counts[window]
            for field, number in zip(fields, numbers, strict=True):
                if number:
                    counter[measurement, field.key] += sign * number
                    self.types.setdefault((measurement, field.key), field.type)
