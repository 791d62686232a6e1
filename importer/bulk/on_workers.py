"""What other machines do of a load: pure functions of what they are given, so that any of them can be done again.

Goes in: a packed block, and what is needed to map it. Comes out, step by step: the accounts of its points, which go
back to the load; the points by shard group, which stay; and a shard group's storage files, built where most of its
points are.
"""

from __future__ import annotations

import io
import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from pickle import HIGHEST_PROTOCOL, dumps, loads
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import zstandard

from importer.annotated.tables import to_parts
from importer.bulk.runs import RunPart, run_of, values_of
from importer.bulk.shard import BuiltShard, ShardWork, build
from importer.bulk.sink import refusals_of
from importer.encoding.line_protocol import LineEncoder
from importer.encoding.series import SeriesIndex
from importer.first_look import Mapper
from importer.ledger.expectation import Expectation
from importer.ledger.windows import Windows
from importer.records import Block, Counted, FieldType, Lines, PointBatch, Refusal
from importer.source.table import to_table

__all__ = [
    "BlockAccounts",
    "BlockWork",
    "Part",
    "accounts_of",
    "as_given",
    "built",
    "built_shard",
    "mapped",
    "packed",
    "part_of",
    "piece_of",
    "placed",
    "values_in",
    "versions",
]

PIECE_BYTES = 32 << 20
"""Of an archive, on its way back."""

_NOWHERE = Path()


@dataclass(frozen=True, slots=True)
class BlockWork:
    """A block to map.

    Attributes:
        block: the block.
        mapper: with the types that are decided so far.
        columns: that are wanted of the block.
        windows: of the shard groups.
        max_series: of the load.
        oldest_ns: what is older is refused; None: nothing is.
    """

    block: Block
    mapper: Mapper
    columns: tuple[str, ...]
    windows: Windows
    max_series: int
    oldest_ns: int | None


@dataclass(frozen=True, slots=True)
class BlockAccounts:
    """What the load must know of a block's points.

    Attributes:
        batch: faults and counts, without points.
        lines: the same; of the points only those that are refused.
        refusals: of these.
        series: key and measurement of each series, by the block's own numbers.
        begun: the types that the block decided.
        has_faults: whether the mapper found some.
    """

    batch: PointBatch
    lines: Lines
    refusals: tuple[Refusal, ...]
    series: tuple[list[str], list[str]] = field(repr=False)
    begun: tuple[tuple[str, str, FieldType], ...]
    has_faults: bool


class Part(NamedTuple):
    """The points of a block in a shard group: a record batch, with what is known of it."""

    data: bytes
    schema: bytes
    rows: int
    size: int


Mapped = tuple[BlockAccounts, bytes]
Placed = tuple[bytes, dict[int, RunPart]]
Built = tuple[BuiltShard, list[bytes]]


def packed(work: BlockWork) -> bytes:
    """A block's work, as it is sent and kept: it is small."""
    return zstandard.compress(dumps(work, HIGHEST_PROTOCOL), 1)


def mapped(packed_work: bytes) -> Mapped:
    """Map a block: its accounts, and the points that are to be loaded.

    Raises:
        ImporterError: as the mapper and the encoder do.
    """
    work: BlockWork = loads(zstandard.decompress(packed_work))  # noqa: S301 - of the load's own making
    block, decided = work.block, len(work.mapper.decided)
    if block.sections is not None:
        table = to_parts(block, lambda layout: layout.wanted)
    else:
        table = to_table(block, work.columns)
    batch = work.mapper(table)
    index = SeriesIndex(work.max_series)
    lines = LineEncoder(index, with_lines=False)(batch)
    refusals = refusals_of(lines, work.oldest_ns)
    is_refused = np.zeros(lines.frame.height, dtype=np.bool_)
    is_refused[[refusal.row for refusal in refusals]] = True
    kept = lines.frame.filter(pl.Series(~is_refused))
    expectation = Expectation(work.windows)
    expectation.add(kept, lines.fields, index.measurements)
    counted = Counted(
        kept.height,
        {group: dict(values) for group, values in expectation.counts.items()},
        expectation.types,
        expectation.first_ns or 0,
        expectation.last_ns or 0,
    )
    bare = replace(block, data=b"")
    accounts = BlockAccounts(
        batch=replace(batch, block=bare, frame=batch.frame.clear()),
        lines=replace(lines, block=bare, frame=lines.frame.filter(pl.Series(is_refused)), elsewhere=counted),
        refusals=tuple(replace(refusal, row=row) for row, refusal in enumerate(refusals)),
        series=(index.keys, index.measurements),
        begun=work.mapper.decided[decided:],
        has_faults=len(batch.faults) > len(table.faults),
    )
    return accounts, _written(kept.drop("record"))


def accounts_of(found: Mapped) -> BlockAccounts:
    """What goes back to the load."""
    return found[0]


def placed(found: Mapped, numbers: npt.NDArray[np.uint32], columns: dict[str, str], windows: Windows) -> Placed:
    """A block's points as a run of the load.

    Args:
        found: the block.
        numbers: the load's number of each of the block's series.
        columns: the load's name of each of the block's columns.
        windows: of the shard groups.
    """
    points = _read(found[1]).rename(columns)
    points = points.with_columns(pl.Series("series", numbers[points["series"].to_numpy()]))
    data, parts = run_of(points, windows, _NOWHERE)
    return bytes(data), parts


def part_of(run: Placed, group: int) -> Part:
    """A run's points in a shard group."""
    data, parts = run
    part = parts[group]
    return Part(data[part.offset : part.offset + part.length], part.schema, part.rows, part.size)


def values_in(run: Placed, column: str, most: int) -> list[object]:
    """The distinct values of a run's column, at the most so many."""
    with TemporaryDirectory(prefix="importer-") as folder:
        path = Path(folder, "run")
        path.write_bytes(run[0])
        return values_of(path, column)[:most]


def as_given(data: bytes) -> bytes:
    """What all builds share, as a step of its own: so it is sent once."""
    return data


def built(work: ShardWork, parts: Sequence[Part], series: bytes) -> Built:
    """Build the storage files of a shard group.

    Args:
        work: which one, and the fields.
        parts: its points, in the order of the input.
        series: the file of the load's series.

    Returns:
        What is known of it, and the archive in pieces.
    """
    with TemporaryDirectory(prefix="importer-") as name:
        folder = Path(name)
        keys, archive = folder / "series.keys", folder / "shard.tar"
        keys.write_bytes(series)
        here = []
        for number, part in enumerate(parts):
            path = folder / f"part-{number}"
            path.write_bytes(part.data)
            here.append(RunPart(path, 0, len(part.data), part.rows, part.size, part.schema))
        found = build(replace(work, parts=tuple(here), series=keys, archive=archive))
        with archive.open("rb") as file:
            pieces = list(_pieces(file))
        return replace(found, archive=None), pieces


def built_shard(found: Built) -> tuple[BuiltShard, int]:
    """What is known of it, and how many pieces there are."""
    return found[0], len(found[1])


def piece_of(found: Built, number: int) -> bytes:
    """A piece of the archive."""
    return found[1][number]


def versions() -> dict[str, str]:
    """Of what must be the same everywhere."""
    names = ("importer", "dask", "distributed", "numpy", "polars", "pyarrow")
    return {"python": ".".join(platform.python_version_tuple()[:2])} | {name: version(name) for name in names}


def _pieces(file: Any) -> Iterator[bytes]:
    while piece := file.read(PIECE_BYTES):
        yield piece


def _written(points: pl.DataFrame) -> bytes:
    table = points.to_arrow(compat_level=pl.CompatLevel.oldest())
    file = io.BytesIO()
    with pa.ipc.new_stream(file, table.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer:
        writer.write_table(table)
    return file.getvalue()


def _read(data: bytes) -> pl.DataFrame:
    with pa.ipc.open_stream(data) as reader:
        return pl.DataFrame(reader.read_all())
