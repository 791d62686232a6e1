"""Sorted runs: the points of each block on disk, cut at the shard groups.

Goes in: acknowledged points, a block at a time, sorted by series and time. Comes out: for each shard group, where its
points are. A run is an Arrow stream with one record batch for each shard group, and it is known where each stands, so
that a shard group is read without the rest, and without mapping files into memory.
"""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

import numpy as np
import polars as pl
import pyarrow as pa

from importer.encoding.order import stable_order
from importer.ledger.spool import Spool
from importer.ledger.windows import Windows

__all__ = ["RunPart", "Runs", "run_of", "values_of", "write_batches"]

# Threads cost more than they save where batches are small.
_WRITE = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)
_READ = pa.ipc.IpcReadOptions(use_threads=False)


@dataclass(frozen=True, slots=True)
class RunPart:
    """The points of one block in one shard group.

    Attributes:
        path: of the run.
        offset: where in it they stand, bytes.
        length: bytes there.
        rows: points.
        size: bytes in memory.
        schema: of the run, as Arrow serializes it.
    """

    path: Path
    offset: int
    length: int
    rows: int
    size: int
    schema: bytes = field(repr=False)

    def read(self, *columns: str) -> pa.RecordBatch:
        """The points: ``series``, ``time`` and the fields' columns, sorted by the first two; or some columns alone.

        Raises:
            OSError: the disk refuses.
        """
        options = _READ
        if columns:
            names = pa.ipc.read_schema(pa.py_buffer(self.schema)).names
            options = pa.ipc.IpcReadOptions(use_threads=False, included_fields=[names.index(name) for name in columns])
        with self.path.open("rb", buffering=0) as file:
            file.seek(self.offset)
            data = file.read(self.length)
        with pa.ipc.RecordBatchStreamReader(pa.py_buffer(self.schema + data), options=options) as reader:
            return reader.read_next_batch()


class Runs(Spool):
    """A spool whose files are cut at the shard groups.

    Args:
        folder: made if it is not there.
        windows: of the shard groups.

    Attributes:
        parts: by the number of the shard group, in the order of the blocks' acknowledgement.

    Raises:
        SpoolError: it cannot be written.
    """

    suffix = "arrow"

    def __init__(self, folder: Path, windows: Windows) -> None:
        super().__init__(folder)
        self._windows = windows
        self._parts: dict[int, list[tuple[int, RunPart]]] = defaultdict(list)

    @property
    def shard_groups(self) -> list[int]:
        """The numbers of those that have points, in the order of time."""
        return sorted(self._parts)

    def parts(self, shard_group: int) -> list[RunPart]:
        """Where the points of a shard group are, in the order of the input."""
        return [part for _, part in sorted(self._parts[shard_group], key=lambda item: item[0])]

    def _encoded(self, block: int, points: pl.DataFrame) -> memoryview:
        data, found = run_of(points.drop("position"), self._windows, self._file(block))
        for group, part in found.items():
            self._parts[group].append((block, part))
        return data

    def _decoded(self, block: int) -> pl.DataFrame:
        path, batches = self._file(block), []
        with pa.OSFile(str(path)) as file:
            with pa.ipc.open_stream(file) as reader:
                schema = reader.schema.serialize().to_pybytes()
                while True:
                    offset = file.tell()
                    try:
                        part = reader.read_next_batch()
                    except StopIteration:
                        break
                    batches.append(part)
                    group = self._windows.number_of(part.column("time")[0].as_py())
                    found = RunPart(path, offset, file.tell() - offset, part.num_rows, part.nbytes, schema)
                    self._parts[group].append((block, found))
            return pl.DataFrame(pa.Table.from_batches(batches, reader.schema))

    def paths(self) -> list[Path]:
        """Of all runs."""
        return sorted(self.folder.glob(f"block-*.{self.suffix}"))

    def _note(self, block: int, points: pl.DataFrame) -> None:
        del block  # keys that occur more than once are found when the shard groups are built
        self.rows += points.height


def run_of(points: pl.DataFrame, windows: Windows, path: Path) -> tuple[memoryview, dict[int, RunPart]]:
    """A run, and where in it the points of each shard group are.

    Args:
        points: ``series``, ``time`` and the fields' columns, sorted by the first two.
        windows: of the shard groups.
        path: where the run is going to be.
    """
    groups = windows.numbers(points["time"].to_numpy())
    order = stable_order(groups)
    if order is not None:
        points, groups = points[order], groups[order]
    cuts = [0, *(np.flatnonzero(np.diff(groups)) + 1).tolist(), len(groups)]
    file = io.BytesIO()
    parts = write_batches(file, path, points, cuts)
    return file.getbuffer(), {int(groups[start]): part for start, part in zip(cuts, parts, strict=False)}


def write_batches(file: BinaryIO, path: Path, points: pl.DataFrame, cuts: Sequence[int]) -> list[RunPart]:
    """Write points as a stream, at the end of a file, a record batch for each piece.

    Args:
        file: open for writing.
        path: where it is, or is going to be.
        points: ``series``, ``time`` and the fields' columns.
        cuts: where pieces begin, and where the last one ends.

    Raises:
        OSError: the disk refuses.
    """
    table = points.to_arrow(compat_level=pl.CompatLevel.oldest()).combine_chunks()
    (whole,) = table.to_batches()
    schema = table.schema.serialize().to_pybytes()
    offset, parts = file.tell() + len(schema), []  # which comes with the first batch
    with pa.ipc.new_stream(file, table.schema, options=_WRITE) as writer:
        for start, stop in pairwise(cuts):
            part = whole.slice(start, stop - start)
            writer.write_batch(part)
            length = file.tell() - offset
            parts.append(RunPart(path, offset, length, part.num_rows, part.nbytes, schema))
            offset += length
    return parts


def values_of(path: Path, column: str) -> list[object]:
    """The distinct values of a run's column; none where it has no such column."""
    with pa.OSFile(str(path)) as file, pa.ipc.open_stream(file) as reader:
        if column not in reader.schema.names:
            return []
        return [value for value in reader.read_all()[column].unique().to_pylist() if value is not None]
