"""A mapping tried on the data: what a load would reject, which keys would collide, how many series there are.

Goes in: what maps, and the rows as tables. Comes out: :class:`Trial`. The rows go through the very code that maps,
encodes and looks for duplicates in a load, the ledger's included: a key that is counted in another way would be counted
wrongly. Nothing is sent. What grows with the rows goes to files in a folder.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from importer.encoding.line_protocol import LineEncoder
from importer.encoding.series import SeriesIndex
from importer.errors import LoadError, SpoolError
from importer.inspecting.records import Histogram
from importer.ledger.duplicates import Duplicates, find_duplicates
from importer.ledger.expectation import Expectation
from importer.ledger.spool import Spool
from importer.ledger.windows import Windows
from importer.records import PointBatch, Table
from importer.source.places import locate

__all__ = ["MOST_SERIES", "Trial", "try_mapping"]

MOST_SERIES = 1_000_000
BINS = 60
EXAMPLES = 5
_DAY_NS = 86_400 * 10**9


@dataclass(slots=True)
class Trial:
    """What became of it.

    Attributes:
        rejects: rows with a cell that cannot be mapped.
        reject_examples: the first, in words.
        duplicates: points that share a key with an earlier one.
        series: how many.
        points: rows that gave a point.
        first_ns: earliest time.
        last_ns: latest.
        over_time: how many points lie where in time.
        histograms: of number fields, by column.
        too_many_series: it was broken off.
    """

    rejects: int = 0
    reject_examples: list[str] = field(default_factory=list)
    duplicates: Duplicates = field(default_factory=Duplicates)
    series: int = 0
    points: int = 0
    first_ns: int | None = None
    last_ns: int | None = None
    over_time: Histogram | None = None
    histograms: dict[str, Histogram] = field(default_factory=dict)
    too_many_series: bool = False


def try_mapping(
    mapper: Callable[[Table], PointBatch],
    tables: Iterable[Table],
    *,
    folder: Path | None = None,
    most_series: int = MOST_SERIES,
) -> Trial:
    """Map, encode and count all rows.

    Args:
        mapper: as that of a load.
        tables: the rows.
        folder: for what grows with the rows; None: the system's own.
        most_series: more of them end the trial.

    Raises:
        MappingError: the filter cannot be computed.
        SpoolError: the disk is full.
    """
    try:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="importer-inspect-", dir=folder) as own:
            return _tried(mapper, tables, Path(own), most_series=most_series)
    except OSError as error:
        raise SpoolError(f"cannot keep the keys in a temporary folder: {error.strerror}") from error


def _tried(mapper: Callable[[Table], PointBatch], tables: Iterable[Table], folder: Path, *, most_series: int) -> Trial:
    trial, index = Trial(), SeriesIndex(most_series)
    encode, spool = LineEncoder(index), Spool(folder / "keys")
    expectation = Expectation(Windows(_DAY_NS))
    for number, table in enumerate(tables):
        batch = mapper(table)
        try:
            lines = encode(batch)
        except LoadError:
            trial.too_many_series = True
            return trial
        own = (*batch.faults[len(table.faults) :], *lines.faults)
        if own:
            trial.rejects += len({fault.record for fault in own})
            room = EXAMPLES - len(trial.reject_examples)
            for reject in locate(table.block, own[:room]) if room > 0 else ():
                where = f"line {reject.line}, " if table.block.first_line else ""  # of a sample's pieces not known
                trial.reject_examples.append(f"{where}{reject.column}: {reject.error_message}")
        frame = lines.frame
        if frame.is_empty():
            continue
        trial.points += frame.height
        low, high = int(frame["time"].min()), int(frame["time"].max())  # type: ignore[arg-type]
        trial.first_ns = low if trial.first_ns is None else min(trial.first_ns, low)
        trial.last_ns = high if trial.last_ns is None else max(trial.last_ns, high)
        spool.append(number, frame, lines.fields)
    trial.series = len(index)
    if trial.points:
        trial.duplicates = find_duplicates(
            spool, expectation, index.keys, index.measurements, lambda _points, _fields: None
        )
        _count_values(trial, spool)
    return trial


def _count_values(trial: Trial, spool: Spool) -> None:
    """Histograms, from what was kept: their edges are known only now."""
    files = sorted(spool.folder.glob("block-*.parquet"))
    numbers = [item for item in spool.fields if item.type in ("float", "integer", "unsigned")]
    columns = [item.column for item in numbers]
    ranges: dict[str, tuple[float, float]] = {}
    for file in files:
        frame = pl.read_parquet(file, glob=False)
        for column in columns:
            if column in frame.columns and frame[column].null_count() < frame.height:
                low, high = float(frame[column].min()), float(frame[column].max())  # type: ignore[arg-type]
                known = ranges.get(column, (low, high))
                ranges[column] = min(known[0], low), max(known[1], high)
    times = _Bins(trial.first_ns or 0, trial.last_ns or 0)
    bins = {column: _Bins(*found) for column, found in ranges.items() if found[0] < found[1]}
    for file in files:
        frame = pl.read_parquet(file, glob=False)
        times.add(frame["time"].to_numpy())
        for column, counted in bins.items():
            if column in frame.columns:
                counted.add(frame[column].drop_nulls().to_numpy())
    trial.over_time = times.histogram()
    by_column = {item.column: item.origin for item in numbers}
    trial.histograms = {by_column[column]: counted.histogram() for column, counted in bins.items()}


class _Bins:
    def __init__(self, low: float, high: float) -> None:
        self._edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
        self._counts = np.zeros(BINS, dtype=np.int64)

    def add(self, values: npt.NDArray[np.generic]) -> None:
        # Widened by rounding: no value may lie beyond the outermost edges.
        clipped = np.clip(values.astype(np.float64), self._edges[0], self._edges[-1])
        self._counts += np.histogram(clipped, self._edges)[0]

    def histogram(self) -> Histogram:
        return Histogram(edges=tuple(self._edges.tolist()), counts=tuple(self._counts.tolist()))
