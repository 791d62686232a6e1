"""The series of a load: each distinct measurement and tag set gets a small number.

The numbers stand for the series in the sort, in the search for duplicates and in the report. What
grows with the number of series has a limit here.
"""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from importer.errors import LoadError

__all__ = ["KnownSeries", "SeriesIndex"]


class SeriesIndex:
    """Numbers the series keys (escaped line protocol, exact) in the order in which they come by.

    Args:
        most: more series than this stop the load.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._ids: dict[str, int] = {}
        self._keys: list[str] = []
        self._measurements: list[str] = []

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def keys(self) -> list[str]:
        """Series keys, by their numbers."""
        return self._keys

    @property
    def measurements(self) -> list[str]:
        """The measurement of each series, by their numbers."""
        return self._measurements

    def since(self, number: int) -> list[tuple[str, str]]:
        """Key and measurement of each series from this number on; another thread may be adding some."""
        known = len(self._measurements)
        return list(zip(self._keys[number:known], self._measurements[number:known], strict=True))

    def restore(self, known: Iterable[tuple[str, str]]) -> None:
        """Number the series of an earlier run, key and measurement, as they were numbered there."""
        for key, measurement in known:
            self._ids[key] = len(self._ids)
            self._keys.append(key)
            self._measurements.append(measurement)

    def number(self, keys: pl.Series, measurements: pl.Series) -> pl.Series:
        """The series numbers (UInt32) of series keys.

        Args:
            keys: String, no nulls, each once.
            measurements: the measurement of each key.

        Raises:
            LoadError: there are more series than the limit allows.
        """
        numbers = []
        for key, measurement in zip(keys, measurements, strict=True):
            number = self._ids.get(key)
            if number is None:
                number = self._ids[key] = len(self._ids)
                self._keys.append(key)
                self._measurements.append(measurement)
            numbers.append(number)
        if len(self._ids) > self._most:
            raise LoadError(
                f"more than {self._most:,} series: a tag takes too many values; make it a field, or raise --max-series"
            )
        return pl.Series(numbers, dtype=pl.UInt32)


MOST_LOOKED_UP = 2_000
"""Series of a block; more of them are dealt with faster by whole columns."""

MOST_REMEMBERED = 50_000


class KnownSeries:
    """Series that were found to be usable before, with all that is needed of them: most blocks bring no others."""

    def __init__(self) -> None:
        self._shape: object = None
        self._known: dict[tuple[str | None, ...], tuple[str, int]] = {}

    def look_up(self, distinct: pl.DataFrame, shape: object) -> tuple[pl.Series, pl.Series] | None:
        """Keys (String) and numbers (UInt32) of series; None unless all of them are known.

        Args:
            distinct: measurement and tag values, a series each.
            shape: the keys of tags and fields; what was known under other ones is forgotten.
        """
        if shape != self._shape:
            self._shape, self._known = shape, {}
        if distinct.height > MOST_LOOKED_UP or not self._known:
            return None
        found = [self._known.get(values) for values in distinct.rows()]
        if None in found:
            return None
        keys, numbers = zip(*found, strict=True) if found else ((), ())
        return pl.Series(keys, dtype=pl.String), pl.Series(numbers, dtype=pl.UInt32)

    def learn(self, distinct: pl.DataFrame, keys: pl.Series, numbers: pl.Series) -> None:
        """Remember series that are usable, of the shape that was last looked up."""
        if distinct.height <= MOST_LOOKED_UP and len(self._known) + distinct.height <= MOST_REMEMBERED:
            self._known.update(zip(distinct.rows(), zip(keys, numbers, strict=True), strict=True))
