"""The points of a shard group, out of all runs, some at a time.

Goes in: where they are. Comes out: portions that fit into memory, each whole keys, in the order of storage files. A
portion is a stretch of series, or of the times of one series that has too many points.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from importer.bulk.keys import SeriesKeys
from importer.bulk.runs import RunPart

__all__ = ["PORTION_BYTES", "Portion", "gathered", "portions"]

PORTION_BYTES = 32 << 20
"""Of points as they lie in memory; what becomes of them takes some three times as much."""

_BINS = 4_096
_ALL_TIME = (-(2**63), 2**63 - 1)

Times = npt.NDArray[np.int64]


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
    def is_everything(self) -> bool:
        """Whether it is the whole shard group."""
        return self == EVERYTHING

    @property
    def is_of_all_time(self) -> bool:
        """Whether its series are whole in it."""
        return (self.start_ns, self.stop_ns) == _ALL_TIME


EVERYTHING = Portion(0, 2**32 - 1)


def portions(parts: Sequence[RunPart], series: SeriesKeys, most_bytes: int = PORTION_BYTES) -> list[Portion]:
    """How to cut a shard group so that each portion is small enough, in the order of storage files.

    Args:
        parts: where its points are.
        series: of the load.
        most_bytes: of a portion; a single time of a single series is never cut.
    """
    rows, size = sum(part.rows for part in parts), sum(part.size for part in parts)
    if size <= most_bytes:
        return [EVERYTHING]
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
    return [*found, Portion(first, EVERYTHING.last)] if held else found


def gathered(parts: Sequence[RunPart], series: SeriesKeys, portion: Portion) -> pl.DataFrame:
    """The points of a portion: ``series`` (the rank), ``time`` and the fields' columns, sorted by the two.

    Points of a key stand in the order of the input.
    """
    batches = (part.read() for part in parts)
    if not portion.is_everything:
        batches = (_chosen(batch, series, portion) for batch in batches)
    tables: list[pa.Table] = []
    for schema, alike in groupby((batch for batch in batches if batch.num_rows), key=attrgetter("schema")):
        tables.append(pa.Table.from_batches(alike, schema))
    if not tables:
        return pl.DataFrame(schema={"series": pl.UInt32, "time": pl.Int64})
    table = tables[0] if len(tables) == 1 else pa.concat_tables(tables, promote_options="default")
    points = pl.DataFrame(table).rechunk()
    return in_order(points.with_columns(pl.Series("series", series.ranks[points["series"].to_numpy()])))


def in_order(points: pl.DataFrame) -> pl.DataFrame:
    """Sorted by ``series`` and ``time``, stable."""
    series, times = points["series"].to_numpy(), points["time"].to_numpy()
    same, rises = series[1:] == series[:-1], series[1:] > series[:-1]
    if (rises | (same & (times[1:] >= times[:-1]))).all():
        return points
    by_time = np.argsort(times, kind="stable")
    narrow = series.astype(np.uint16) if series.max() < 1 << 16 else series  # which numpy sorts without comparing
    return points[by_time[np.argsort(narrow[by_time], kind="stable")]]


def _cut_in_time(parts: Sequence[RunPart], series: SeriesKeys, rank: int, most_rows: int) -> Iterator[Portion]:
    times_of = [
        times[series.ranks[numbers] == rank] for numbers, times in (_columns(part, "series", "time") for part in parts)
    ]
    lows = [int(times.min()) for times in times_of if times.size]
    highs = [int(times.max()) for times in times_of if times.size]
    low, high = min(lows), max(highs)
    width = (high - low) // _BINS + 1
    counts = np.zeros(_BINS + 1, dtype=np.int64)
    for times in times_of:
        counts += np.bincount((times - low) // width, minlength=counts.size)
    start, held = _ALL_TIME[0], 0
    for number in np.flatnonzero(counts).tolist():
        if held and held + counts[number] > most_rows:
            yield Portion(rank, rank, start, low + number * width - 1)
            start, held = low + number * width, 0
        held += int(counts[number])
    yield Portion(rank, rank, start, _ALL_TIME[1])


def _chosen(batch: pa.RecordBatch, series: SeriesKeys, portion: Portion) -> pa.RecordBatch:
    ranks, times = series.ranks[batch.column("series").to_numpy()], batch.column("time").to_numpy()
    chosen = (ranks >= portion.first) & (ranks <= portion.last)
    if not portion.is_of_all_time:
        chosen &= (times >= portion.start_ns) & (times <= portion.stop_ns)
    return batch if chosen.all() else batch.filter(pa.array(chosen))


def _columns(part: RunPart, *columns: str) -> list[npt.NDArray[np.int64]]:
    batch = part.read(*columns)
    return [batch.column(name).to_numpy() for name in columns]
