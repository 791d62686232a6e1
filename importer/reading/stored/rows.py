"""Values of a slice, field by field, to rows: one for each series and time.

Goes in: the values of each field, and the tags of the series. Comes out: a :class:`~importer.reading.points.Part`, in
the order in which a server's rows are given out.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from importer.mapping.values import DTYPES
from importer.reading.layout import Layout
from importer.reading.points import Part, in_order
from importer.reading.stored.slicing import FieldValues
from importer.reading.stored.texts import texts_of
from importer.records import FieldColumn

__all__ = ["SeriesTags", "part_of"]


class SeriesTags:
    """The tags of a measurement's series, by their numbers.

    Args:
        layout: the measurement.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._values: list[list[str | None]] = [[] for _ in layout.tags]
        self._frame: pl.DataFrame | None = None
        self._ranks: npt.NDArray[np.uint32] | None = None
        self.count = 0

    def add(self, tags: Mapping[str, str]) -> int:
        """Take a series; returns its number."""
        for tag, values in zip(self._layout.tags, self._values, strict=True):
            values.append(tags.get(tag.key) or None)
        self.count += 1
        return self.count - 1

    def columns(self, series: npt.NDArray[np.uint32]) -> list[pl.Series]:
        """The tags of series of these numbers."""
        return [column.gather(series) for column in self._all().get_columns()]

    def ranks(self) -> npt.NDArray[np.uint32]:
        """Which place each series has among all."""
        if self._ranks is None:
            places = np.arange(self.count, dtype=np.uint32)
            self._ranks = places.copy()
            if self._values:
                self._ranks[in_order(self._all()).to_numpy()] = places
        return self._ranks

    def _all(self) -> pl.DataFrame:
        if self._frame is None:
            self._frame = pl.DataFrame(
                [
                    pl.Series(tag.column, values, dtype=pl.String)
                    for tag, values in zip(self._layout.tags, self._values, strict=True)
                ]
            )
        return self._frame


def part_of(layout: Layout, found: Mapping[int, FieldValues], tags: SeriesTags) -> Part:
    """The rows of a slice, ordered by time and tags.

    Args:
        layout: the measurement.
        found: the values of those fields (by number) that have any.
        tags: of the series.
    """
    times = np.concatenate([each.times for each in found.values()])
    series = np.concatenate([each.series for each in found.values()])
    order = np.lexsort((tags.ranks()[series], times))
    times, series = times[order], series[order]
    begins = np.ones(order.size, dtype=np.bool_)
    begins[1:] = (times[1:] != times[:-1]) | (series[1:] != series[:-1])
    rows = np.empty(order.size, dtype=np.int64)
    rows[order] = np.cumsum(begins) - 1
    ends = np.cumsum([each.times.size for each in found.values()]).tolist()
    rows_of = dict(zip(found, np.split(rows, ends[:-1]), strict=True))
    height = int(begins.sum())
    columns = [pl.Series("time", times[begins]), *tags.columns(series[begins])]
    values = not_utf8 = 0
    for number, field in enumerate(layout.fields):
        if number not in found:
            columns.append(pl.Series(field.column, [None], dtype=DTYPES[field.type]).new_from_index(0, height))
            continue
        places = np.full(height, -1, dtype=np.int64)
        own = rows_of[number]
        places[own] = np.arange(own.size)  # the last one stays where a row has several values
        column, replaced = _column(field, found[number], places)
        columns.append(column)
        values += height - column.null_count()
        not_utf8 += replaced
    return Part(layout, pl.DataFrame(columns), values, not_utf8)


def _column(field: FieldColumn, found: FieldValues, places: npt.NDArray[np.int64]) -> tuple[pl.Series, int]:
    """The values that stand at these places, and how many bytes were replaced; null where the place is below 0."""
    missing = places < 0
    if field.type == "string":
        texts, replaced = texts_of(found.values.take(pa.array(places, mask=missing)))
        return texts.alias(field.column), replaced
    values = pa.array(found.values[np.maximum(places, 0)], mask=missing)
    return pl.Series(field.column, values, dtype=DTYPES[field.type]), 0
