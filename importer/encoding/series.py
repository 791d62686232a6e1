"""The series of a load: each distinct measurement and tag set gets a small number.

The numbers stand for the series in the sort, in the search for duplicates and in the report. What
grows with the number of series has a limit here.
"""

from __future__ import annotations

import polars as pl

from importer.errors import LoadError

__all__ = ["SeriesIndex"]


class SeriesIndex:
    """Numbers the series keys (escaped line protocol, exact) in the order in which they come by.

    Args:
        most: more series than this stop the load.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._ids: dict[str, int] = {}
        self._measurements: list[str] = []

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def keys(self) -> list[str]:
        """Series keys, by their numbers."""
        return list(self._ids)

    @property
    def measurements(self) -> list[str]:
        """The measurement of each series, by their numbers."""
        return self._measurements

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
                self._measurements.append(measurement)
            numbers.append(number)
        if len(self._ids) > self._most:
            raise LoadError(
                f"more than {self._most:,} series: a tag takes too many values; make it a field, or raise --max-series"
            )
        return pl.Series(numbers, dtype=pl.UInt32)
