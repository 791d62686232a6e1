"""What the server must hold when all has arrived: distinct keys with a value, per field and window."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from importer.ledger.windows import Windows
from importer.records import Counted, FieldColumn, FieldType

__all__ = ["Expectation"]

FieldName = tuple[str, str]
"""Measurement and field key."""


Mask = npt.NDArray[np.bool_]

FEW_GROUPS = 10_000
"""More than there are points, for which counting off in a table is cheaper than sorting."""


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
        self._numbers: dict[str, int] = {}
        self._of_series = np.zeros(0, dtype=np.int64)
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
        times = points["time"].to_numpy()
        self._reach(int(times.min()), int(times.max()))

        def has_value(column: pl.Series) -> Mask | None:
            return column.is_not_null().to_numpy() if column.null_count() else None

        self._count(points, fields, measurements, has_value, 1)

    def subtract(self, points: pl.DataFrame, fields: Sequence[FieldColumn], measurements: Sequence[str]) -> None:
        """Take back values that fell on one that was there: the fields' columns are Boolean here."""
        if not points.is_empty():
            self._count(points, fields, measurements, pl.Series.to_numpy, -1)

    def add_counted(self, counted: Counted) -> None:
        """Add points that were counted elsewhere, as if each had a key of its own."""
        if counted.points:
            self._reach(counted.first_ns, counted.last_ns)
        for name, kind in counted.types.items():
            self.types.setdefault(name, kind)
        self.add_counts(counted.values)

    def add_counts(self, counts: Mapping[int, Mapping[FieldName, int]]) -> None:
        """Add counts, by windows, that were made elsewhere."""
        for window, counted in counts.items():
            for name, count in counted.items():
                self.counts[window][name] += count

    def total(self, name: FieldName) -> int:
        """Values of one field."""
        return sum(counter[name] for counter in self.counts.values())

    @property
    def values(self) -> int:
        """Values of all fields."""
        return sum(counter.total() for counter in self.counts.values())

    def _reach(self, low: int, high: int) -> None:
        self.first_ns = low if self.first_ns is None else min(self.first_ns, low)
        self.last_ns = high if self.last_ns is None else max(self.last_ns, high)

    def _count(
        self,
        points: pl.DataFrame,
        fields: Sequence[FieldColumn],
        measurements: Sequence[str],
        counts: Callable[[pl.Series], Mask | None],
        sign: int,
    ) -> None:
        """Count where a mask is true, or everywhere where there is none."""
        windows = self.windows.numbers(points["time"].to_numpy())
        names, of_series = self._measurements_of(measurements)
        first = int(windows.min())
        groups = (windows - first) * len(names) + of_series[points["series"].to_numpy()]
        if groups.max() < len(groups) + FEW_GROUPS:
            known = np.arange(int(groups.max()) + 1)
        else:
            known, groups = np.unique(groups, return_inverse=True)
        everywhere = np.bincount(groups, minlength=len(known))
        for field in fields:
            mask = counts(points[field.column])
            counted = everywhere if mask is None else np.bincount(groups[mask], minlength=len(known))
            for group in np.flatnonzero(counted):
                window, measurement = divmod(int(known[group]), len(names))
                name = names[measurement], field.key
                self.counts[first + window][name] += sign * int(counted[group])
                self.types.setdefault(name, field.type)

    def _measurements_of(self, measurements: Sequence[str]) -> tuple[list[str], npt.NDArray[np.int64]]:
        """The distinct measurements, and which of them each series has; series are added, and never change."""
        known = len(self._of_series)
        if known < len(measurements):
            more = [self._numbers.setdefault(name, len(self._numbers)) for name in measurements[known:]]
            self._of_series = np.concatenate((self._of_series, np.array(more, dtype=np.int64)))
        return list(self._numbers), self._of_series
