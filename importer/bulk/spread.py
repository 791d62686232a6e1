"""The bulk way over the workers of a cluster: blocks are mapped there, and storage files built.

Goes in: blocks, as they are read here. Comes out: what :class:`~importer.bulk.building.Bulk` makes of them alone. Here
are the accounts, the order of the blocks, and all that is said to InfluxDB: its token stays in this process. The points
stay on the workers. What is done there are pure functions (:mod:`importer.bulk.on_workers`); of what a lost worker had,
Dask does them again, from the blocks, which its scheduler keeps, packed.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from importer.ahead import sent_ahead
from importer.bulk import on_workers
from importer.bulk.building import MOST_SHARDS, Bulk
from importer.bulk.cluster import Cluster, There
from importer.bulk.on_workers import BlockAccounts, BlockWork
from importer.bulk.runs import Runs
from importer.bulk.shard import BuiltShard, ShardWork
from importer.first_look import Mapper
from importer.ledger.windows import Windows
from importer.mapping.processes import importable_name
from importer.mapping.rows import RowMapper
from importer.pipeline import Stages, WriteTogether
from importer.records import Block, FieldColumn, Lines, Outcome, PointBatch, Refusal, Table
from importer.ways import LoadContext

__all__ = ["ClusterBulk"]

MOST_AHEAD = 32
"""Blocks that are mapped at once; the text of each is here, too, until its accounts are."""


class ClusterBulk(Bulk):
    """Builds storage files on the workers of a cluster.

    Args:
        load: what it is made with; its options name the cluster.
        mapper: of the load.
        columns_of: the columns that are wanted of a block.

    Raises:
        ConfigurationError: there is no such cluster, its workers are others than are needed, or the mapper cannot be
            imported there.
        SpoolError: the accounts cannot be kept.
    """

    def __init__(self, load: LoadContext, *, mapper: Mapper, columns_of: Callable[[Block], tuple[str, ...]]) -> None:
        super().__init__(load)
        if isinstance(mapper, RowMapper):
            importable_name(mapper.function)
        self._cluster = Cluster(load.options, load.running, load.stack)
        self.spool: _Elsewhere = _Elsewhere(load.accounts.folder.spool, self._windows)
        self._mapper = mapper
        self._columns_of = columns_of
        self._max_series = load.options.max_series
        self._workers = load.options.workers or min(MOST_SHARDS, self._cluster.threads + 1)
        self._report = self._report.model_copy(update={"workers": self._workers})
        self._build = self._built_there
        self._sent: dict[int, _Sent] = {}
        self._accounts_here: dict[int, BlockAccounts] = {}
        self._refusals: dict[int, tuple[Refusal, ...]] = {}
        self._looked_at: dict[int, PointBatch] = {}
        self._knows_points = False
        self._placed: dict[int, There] = {}
        self._series_there: There | None = None
        self._lock = threading.Lock()

    @property
    def together(self) -> WriteTogether:
        """Takes blocks, which the workers have taken already."""
        return lambda batch: [Outcome(lines, self._refusals.pop(lines.block.number), 0) for lines in batch]

    @contextmanager
    def stages(self, stages: Stages) -> Iterator[Stages]:
        """Blocks are mapped and encoded by the workers, some of them ahead of the flow."""

        def send(block: Block) -> None:
            if not self._knows_points:
                # Its types are decided before others are mapped, and its series looked at.
                batch = self._looked_at[block.number] = stages.to_points(stages.to_table(block))
                self._knows_points = batch.frame.height > 0
            self._sent[block.number] = self._sent_off(block)

        most = min(MOST_AHEAD, 2 * self._cluster.threads)
        blocks = sent_ahead(stages.blocks, send, lambda waiting: waiting < most)
        yield Stages(blocks, _no_table, self._points_of, self._lines_of)

    def _sent_off(self, block: Block) -> _Sent:
        types_then = len(self._mapper.decided)
        work = BlockWork(
            block, self._mapper, self._columns_of(block), self._windows, self._max_series, self._sink.oldest_ns
        )
        mapped = self._cluster.submit(on_workers.mapped, on_workers.packed(work))
        return _Sent(mapped, self._cluster.submit(on_workers.accounts_of, mapped), types_then)

    def _points_of(self, table: Table) -> PointBatch:
        """A block's counts, without points; with those of a block that was mapped here, too."""
        block = table.block
        sent = self._sent[block.number]
        found: BlockAccounts = self._cluster.result(sent.accounts)
        if self._is_other_than(found, sent.types_then):
            sent = self._sent[block.number] = self._sent_off(block)
            found = self._cluster.result(sent.accounts)
        self._mapper.decide(found.begun)
        self._accounts_here[block.number] = found
        looked_at = self._looked_at.pop(block.number, found.batch)
        return replace(found.batch, block=block, frame=looked_at.frame)

    def _is_other_than(self, found: BlockAccounts, types_then: int) -> bool:
        """Whether types that earlier blocks have decided since may have made a difference."""
        types = {(measurement, key): kind for measurement, key, kind in self._mapper.decided}
        if len(types) > types_then and found.has_faults:
            return True
        return any(types.get((measurement, key), kind) != kind for measurement, key, kind in found.begun)

    def _lines_of(self, batch: PointBatch) -> Lines:
        """A block's accounts; its points get the numbers that the load gives to their series."""
        number = batch.block.number
        found, sent = self._accounts_here.pop(number), self._sent.pop(number)
        lines = replace(found.lines, block=batch.block)
        keys, measurements = (pl.Series(names, dtype=pl.String) for names in found.series)
        numbers = self._series.number(keys, measurements)
        self._refusals[number] = found.refusals
        if lines.elsewhere is not None and lines.elsewhere.points:
            columns = self.spool.note(lines)
            self._placed[number] = self._cluster.submit(
                on_workers.placed, sent.mapped, numbers.to_numpy(), columns, self._windows
            )
        return lines

    def _built_there(self, work: ShardWork) -> BuiltShard:
        """Have a shard group built, and fetch its archive."""
        with self._lock:
            if self._series_there is None:
                self._series_there = self._cluster.submit(on_workers.as_given, work.series.read_bytes())
        parts = [
            self._cluster.submit(on_workers.part_of, self._placed[block], work.group)
            for block in self.spool.blocks_of(work.group)
        ]
        there = self._cluster.submit(on_workers.built, work, parts, self._series_there)
        built: BuiltShard
        built, pieces = self._cluster.result(self._cluster.submit(on_workers.built_shard, there))
        if work.archive is None:
            return built
        with work.archive.open("wb") as file:
            for number in range(pieces):
                file.write(self._cluster.result(self._cluster.submit(on_workers.piece_of, there, number)))
        return replace(built, archive=work.archive)

    def _distinct(self, field: FieldColumn, most: int) -> int:
        found: set[object] = set()
        for run in self._placed.values():
            found.update(self._cluster.result(self._cluster.submit(on_workers.values_in, run, field.column, most + 1)))
            if len(found) > most:
                break
        return len(found)


@dataclass(frozen=True, slots=True)
class _Sent:
    """A block that is being mapped, and how many types were decided when it was sent."""

    mapped: There
    accounts: There
    types_then: int


class _Elsewhere(Runs):
    """The accounts of runs that are on the workers."""

    def __init__(self, folder: Path, windows: Windows) -> None:
        super().__init__(folder, windows)
        self._blocks: dict[int, list[int]] = defaultdict(list)

    def note(self, lines: Lines) -> dict[str, str]:
        """Take note of a block, in input order; the names that its columns have in runs."""
        if lines.elsewhere is not None:
            self.rows += lines.elsewhere.points
            for group in lines.elsewhere.values:
                self._blocks[group].append(lines.block.number)
        return {field.column: self._column(field) for field in lines.fields}

    @property
    def shard_groups(self) -> list[int]:
        """The numbers of those that have points, in the order of time."""
        return sorted(self._blocks)

    def blocks_of(self, shard_group: int) -> Sequence[int]:
        """The blocks that have points in a shard group, in input order."""
        return self._blocks[shard_group]


def _no_table(block: Block) -> Table:
    """The flow needs none: the block is with a worker."""
    return Table(block, pl.DataFrame(), (), 0)
