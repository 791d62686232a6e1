"""The points of a shard group, out of all runs, some at a time.

Goes in: where they are. Comes out: portions that fit into memory, each whole keys, in the order of storage files. A
portion is a stretch of series, or of the times of one series that has too many points. Where there are several, the
points are first brought into as many places of one more file, so that each is read twice, however many there are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby, pairwise
from operator import attrgetter
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from importer.bulk.keys import SeriesKeys
from importer.bulk.runs import RunPart, write_batches
from importer.encoding.order import key_order

__all__ = ["PORTION_BYTES", "Portion", "gathered", "in_order", "portions", "sorted_out"]

PORTION_BYTES = 12 << 20
"""Of points as they lie in memory; what becomes of them takes some five times as much, in each shard under way."""

_BINS = 4_096
_ALL_TIME = (-(2**63), 2**63 - 1)

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Portion:
    """A stretch of a shard group's points.

    Attributes:
        first: rank of its first series.
        last: rank of its last series.
        start_ns: first timestamp.
        stop_ns: last timestamp.
    """

    first: int
    last: int
    start_ns: int = _ALL_TIME[0]
    stop_ns: int = _ALL_TIME[1]

    @property
    def is_of_all_time(self) -> bool:
        """Whether its series are whole in it."""
        return (self.start_ns, self.stop_ns) == _ALL_TIME


_LAST_RANK = 2**32 - 1


def portions(parts: Sequence[RunPart], series: SeriesKeys, most_bytes: int = PORTION_BYTES) -> list[Portion]:
    """How to cut a shard group so that each portion is small enough, in the order of storage files.

    Args:
        parts: where its points are.
        series: of the load.
        most_bytes: of a portion; a single time of a single series is never cut.
    """
    rows, size = sum(part.rows for part in parts), sum(part.size for part in parts)
    if size <= most_bytes:
        return [Portion(0, _LAST_RANK)]
    most_rows = max(1, most_bytes * rows // size)
    counts = np.zeros(len(series.keys), dtype=np.int64)
    for part in parts:
        (numbers,) = _columns(part, "series")
        counts += np.bincount(series.ranks[numbers], minlength=counts.size)
    found: list[Portion] = []
    first, held = 0, 0
    for rank in np.flatnonzero(counts).tolist():
        if held and held + counts[rank] > most_rows:
            found.append(Portion(first, rank - 1))
            first, held = rank, 0
        if counts[rank] > most_rows:
            found += _cut_in_time(parts, series, rank, most_rows)
            first = rank + 1
        else:
            held += int(counts[rank])
    return [*found, Portion(first, _LAST_RANK)] if held else found


@contextmanager
def sorted_out(
    parts: Sequence[RunPart], series: SeriesKeys, cut: Sequence[Portion], path: Path
) -> Iterator[list[list[RunPart]]]:
    """Where the points of each portion are, as long as the context lasts, in the order of the input.

    Args:
        parts: where those of the shard group are.
        series: of the load.
        cut: its portions.
        path: of a file for them, which goes at the end.

    Raises:
        OSError: the disk refuses.
    """
    if len(cut) == 1:
        yield [list(parts)]
        return
    places: list[list[RunPart]] = [[] for _ in cut]
    try:
        with path.open("wb") as file:
            for batches in _by_bytes(parts):
                points = pl.DataFrame(_table(batches))
                of_portion = _portion_of(points, series, cut)
                order = np.argsort(of_portion, kind="stable")
                chosen = of_portion[order]
                bounds = [0, *(np.flatnonzero(np.diff(chosen)) + 1).tolist(), chosen.size]
                for (start, _), part in zip(
                    pairwise(bounds), write_batches(file, path, points[order], bounds), strict=True
                ):
                    places[chosen[start]].append(part)
        yield places
    finally:
        path.unlink(missing_ok=True)


def gathered(parts: Sequence[RunPart], series: SeriesKeys) -> pl.DataFrame:
    """Points: ``series`` (the rank), ``time`` and the fields' columns, sorted by the two.

    Points of a key stand in the order of the input.
    """
    points = pl.DataFrame(_table([part.read() for part in parts])).rechunk()
    return in_order(points.with_columns(pl.Series("series", series.ranks[points["series"].to_numpy()])))


def in_order(points: pl.DataFrame) -> pl.DataFrame:
    """Sorted by ``series`` and ``time``, stable."""
    order = key_order(points["series"].to_numpy(), points["time"].to_numpy())
    return points if order is None else points[order]


def _cut_in_time(parts: Sequence[RunPart], series: SeriesKeys, rank: int, most_rows: int) -> Iterator[Portion]:
    start = _ALL_TIME[0]
    for end in _ends(parts, series, rank, most_rows, _ALL_TIME):
        yield Portion(rank, rank, start, end)
        start = end + 1
    yield Portion(rank, rank, start, _ALL_TIME[1])


def _ends(
    parts: Sequence[RunPart], series: SeriesKeys, rank: int, most_rows: int, bounds_ns: tuple[int, int]
) -> Iterator[int]:
    """The last times of portions of one series, but that of the last one."""
    low, high = bounds_ns[1], bounds_ns[0]
    for times in _times(parts, series, rank, bounds_ns):
        low, high = min(low, int(times.min())), max(high, int(times.max()))
    width = (high - low) // _BINS + 1
    counts = np.zeros(_BINS + 1, dtype=np.int64)
    for times in _times(parts, series, rank, bounds_ns):
        counts += np.bincount((times - low) // width, minlength=counts.size)
    held = 0
    for number in np.flatnonzero(counts).tolist():
        begin = low + number * width
        if held and held + counts[number] > most_rows:
            yield begin - 1
            held = 0
        if counts[number] > most_rows and width > 1:  # more than a time, and too many
            yield from _ends(parts, series, rank, most_rows, (begin, begin + width - 1))
            yield begin + width - 1
            held = 0
        else:
            held += int(counts[number])


def _times(parts: Sequence[RunPart], series: SeriesKeys, rank: int, bounds_ns: tuple[int, int]) -> Iterator[Numbers]:
    for part in parts:
        numbers, times = _columns(part, "series", "time")
        found = times[(series.ranks[numbers] == rank) & (times >= bounds_ns[0]) & (times <= bounds_ns[1])]
        if found.size:
            yield found


def _by_bytes(parts: Sequence[RunPart]) -> Iterator[list[pa.RecordBatch]]:
    """All points, so many at a time that each portion of them is worth a place of its own."""
    held, size = [], 0
    for part in parts:
        held.append(part.read())
        size += part.size
        if size > PORTION_BYTES // 2:
            yield held
            held, size = [], 0
    if held:
        yield held


def _portion_of(points: pl.DataFrame, series: SeriesKeys, cut: Sequence[Portion]) -> npt.NDArray[np.intp]:
    """The number of each point's portion."""
    ranks, times = series.ranks[points["series"].to_numpy()], points["time"].to_numpy()
    lasts = np.array([portion.last for portion in cut], dtype=np.int64)
    found: npt.NDArray[np.intp] = np.searchsorted(lasts, ranks.astype(np.int64))
    for rank, first, after in _cut_series(cut):
        stops = np.array([portion.stop_ns for portion in cut[first:after]], dtype=np.int64)
        of_it = ranks == rank
        found[of_it] = first + np.searchsorted(stops, times[of_it])
    return found


def _cut_series(cut: Sequence[Portion]) -> Iterator[tuple[int, int, int]]:
    """The series that are cut in time: rank, and from which portion to before which."""
    for rank, found in groupby(range(len(cut)), key=lambda number: cut[number].last):
        numbers = list(found)
        if len(numbers) > 1:
            yield rank, numbers[0], numbers[-1] + 1


def _table(batches: Sequence[pa.RecordBatch]) -> pa.Table:
    tables = [pa.Table.from_batches(alike, schema) for schema, alike in groupby(batches, key=attrgetter("schema"))]
    return tables[0] if len(tables) == 1 else pa.concat_tables(tables, promote_options="default")


def _columns(part: RunPart, *columns: str) -> list[Numbers]:
    batch = part.read(*columns)
    return [batch.column(name).to_numpy() for name in columns]
