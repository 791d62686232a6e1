"""The storage files of one shard group.

Goes in: :class:`ShardWork`, which says where the points are. Comes out: :class:`BuiltShard`: an archive of storage
files, and the accounts of keys that occurred more than once. It needs nothing else, so that any process can do it, and
doing it again gives the same bytes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from importer.bulk.archive import Archive
from importer.bulk.gathering import Portion, gathered, in_order, portions, sorted_out
from importer.bulk.keys import SeriesKeys
from importer.bulk.runs import RunPart
from importer.ledger.duplicates import KeyAccounts
from importer.ledger.expectation import Expectation, FieldName
from importer.ledger.merging import merged
from importer.ledger.windows import Windows
from importer.records import FieldColumn
from importer.tsm.columns import Column
from importer.tsm.keys import field_key
from importer.tsm.writer import Writer

__all__ = ["BuiltShard", "ShardWork", "build"]


@dataclass(frozen=True, slots=True)
class ShardWork:
    """A shard group to build.

    Attributes:
        group: its number.
        windows: of the shard groups.
        parts: where its points are, in the order of the input.
        fields: by the runs' columns.
        series: the file of the load's series.
        archive: where to write; None where only the accounts are wanted.
    """

    group: int
    windows: Windows
    parts: tuple[RunPart, ...] = field(repr=False)
    fields: tuple[FieldColumn, ...]
    series: Path
    archive: Path | None


@dataclass(frozen=True, slots=True)
class BuiltShard:
    """A shard group that is built.

    Attributes:
        group: its number.
        archive: where its files are.
        size: of the archive, bytes.
        files: how many storage files there are.
        accounts: of keys that occurred more than once.
        fallen: of each field, how many values fell on another one (below 0).
    """

    group: int
    archive: Path | None
    size: int
    files: int
    accounts: KeyAccounts
    fallen: Counter[FieldName]


def build(work: ShardWork) -> BuiltShard:
    """Build the storage files of a shard group.

    Raises:
        UnstorableError: storage files cannot hold it.
        OSError: the disk refuses.
    """
    series = SeriesKeys.read(work.series)
    merging = _Merging(work, series)
    cut = portions(work.parts, series)
    place = work.series.with_name(f"portions-{work.group}")
    with sorted_out(work.parts, series, cut, place) as places:
        whole = (
            (portion, merging.one_of_each_key(gathered(parts, series)))
            for portion, parts in zip(cut, places, strict=True)
            if parts
        )
        if work.archive is None:
            for _ in whole:
                pass
            return BuiltShard(work.group, None, 0, 0, merging.accounts, merging.fallen)
        return _archived(work, work.archive, whole, series, merging)


def _archived(
    work: ShardWork, path: Path, whole: Iterable[tuple[Portion, pl.DataFrame]], series: SeriesKeys, merging: _Merging
) -> BuiltShard:
    with path.open("wb") as file:
        archive = Archive(file)
        with ExitStack() as stack:
            writer: Writer | None = None
            for portion, points in whole:
                # The times of a series that was cut follow one another under each field's key, not the last one's.
                if writer is not None and (writer.is_full or not portion.is_of_all_time):
                    stack.pop_all().close()
                    writer = None
                if writer is None:
                    writer = stack.enter_context(archive.storage_file())
                writer.write(list(_columns(points, work.fields, series)))
        size = file.tell()
    return BuiltShard(work.group, path, size, archive.files, merging.accounts, merging.fallen)


class _Merging:
    def __init__(self, work: ShardWork, series: SeriesKeys) -> None:
        self.accounts = KeyAccounts()
        self._expectation = Expectation(work.windows)
        self._work = work
        self._series = series

    @property
    def fallen(self) -> Counter[FieldName]:
        return self._expectation.counts[self._work.group]

    def one_of_each_key(self, points: pl.DataFrame) -> pl.DataFrame:
        """Merge the points of keys that occur more than once, as the server would."""
        series, times = points["series"].to_numpy(), points["time"].to_numpy()
        again = (series[1:] == series[:-1]) & (times[1:] == times[:-1])
        if not again.any():
            return points
        repeated = np.zeros(points.height, dtype=np.bool_)
        repeated[1:] |= again
        repeated[:-1] |= again
        mask = pl.Series(repeated)
        fields = tuple(each for each in self._work.fields if each.column in points.columns)
        several = points.filter(mask)
        fallen = self.accounts.add(several, fields, self._series.texts)
        self._expectation.subtract(fallen, fields, self._series.measurements)
        return in_order(pl.concat([points.filter(~mask), merged(several, fields)], how="diagonal"))


def _columns(points: pl.DataFrame, fields: Sequence[FieldColumn], series: SeriesKeys) -> Iterator[Column]:
    """The values of each field, by series."""
    ranks, times = points["series"].to_numpy(), points["time"].to_numpy()
    begins = np.flatnonzero(np.concatenate([[True], ranks[1:] != ranks[:-1]]))
    counts = np.diff(np.append(begins, ranks.size))
    keys = [series.keys[rank] for rank in ranks[begins].tolist()]
    for item in fields:
        values = points[item.column] if item.column in points.columns else None
        if values is None or values.null_count() == values.len():
            continue
        if not values.null_count():
            yield _column(item, keys, counts, times, values)
            continue
        there = values.is_not_null().to_numpy()
        present: npt.NDArray[np.int64] = np.add.reduceat(there, begins, dtype=np.int64)
        some = np.flatnonzero(present)
        yield _column(item, [keys[at] for at in some.tolist()], present[some], times[there], values.drop_nulls())


def _column(
    item: FieldColumn,
    keys: Sequence[bytes],
    counts: npt.NDArray[np.int64],
    times: npt.NDArray[np.int64],
    values: pl.Series,
) -> Column:
    plain = (
        values.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(pa.large_binary())
        if item.type == "string"
        else values.to_numpy()
    )
    return Column(item.type, [field_key(key, item.key) for key in keys], counts, times, plain)
