"""The points of a shard group, out of all runs, some at a time.

Goes in: where they are. Comes out: portions that fit into memory, each whole keys, in the order of storage files. A
portion is a stretch of series, or of the times of one series that has too many points.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from importer.bulk.keys import Ranks, SeriesKeys
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
    def is_of_all_time(self) -> bool:
        """Whether its series are whole in it."""
        return (self.start_ns, self.stop_ns) == _ALL_TIME


def portions(parts: Sequence[RunPart], series: SeriesKeys, most_bytes: int = PORTION_BYTES) -> list[Portion]:
    """How to cut a shard group so that each portion is small enough, in the order of storage files.

    Args:
        parts: where its points are.
        series: of the load.
        most_bytes: of a portion; a single time of a single series is never cut.
    """
    rows, size = sum(part.rows for part in parts), sum(part.size for part in parts)
    everything = Portion(0, len(series.keys))
    if size <= most_bytes:
        return [everything]
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
    return [*found, Portion(first, len(series.keys))] if held else found


def gathered(parts: Sequence[RunPart], series: SeriesKeys, portion: Portion) -> pl.DataFrame:
    """The points of a portion: ``series`` (the rank), ``time`` and the fields' columns, sorted by the two.

    Points of a key stand in the order of the input.
    """
    frames = []
    for part in parts:
        frame = pl.DataFrame(_read(part))
        ranks = series.ranks[frame["series"].to_numpy()]
        frame = frame.with_columns(pl.Series("series", ranks))
        if part.size and not _is_whole(portion, ranks):
            frame = frame.filter(_chosen(ranks, frame["time"].to_numpy(), portion))
        if frame.height:
            frames.append(frame)
    if not frames:
        return pl.DataFrame(schema={"series": pl.UInt32, "time": pl.Int64})
    return in_order(pl.concat(frames, how="diagonal", rechunk=True))


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


def _is_whole(portion: Portion, ranks: Ranks) -> bool:
    return portion.is_of_all_time and portion.first <= int(ranks.min()) and int(ranks.max()) <= portion.last


def _chosen(ranks: Ranks, times: Times, portion: Portion) -> pl.Series:
    chosen = (ranks >= portion.first) & (ranks <= portion.last)
    if not portion.is_of_all_time:
        chosen &= (times >= portion.start_ns) & (times <= portion.stop_ns)
    return pl.Series(chosen)


def _read(part: RunPart, *columns: str) -> pa.RecordBatch:
    with pa.OSFile(str(part.path)) as file:
        chosen = None
        if columns:
            with pa.ipc.open_file(file) as reader:
                chosen = pa.ipc.IpcReadOptions(
                    included_fields=[reader.schema.get_field_index(name) for name in columns]
                )
            file.seek(0)
        with pa.ipc.open_file(file, options=chosen) as reader:
            return reader.get_batch(part.batch)


def _columns(part: RunPart, *columns: str) -> list[npt.NDArray[np.int64]]:
    batch = _read(part, *columns)
    return [batch.column(name).to_numpy() for name in columns]
