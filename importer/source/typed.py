"""Files of typed columns (Parquet, Arrow) as CSV text, a part at a time.

Goes in: an open file. Comes out: names and, part by part, the rows, written as
:mod:`importer.source.typed_text` says, so that they are cut, mapped, rejected and resumed as those of any source.
"""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from importer.errors import SourceError
from importer.source.kinds import Kind
from importer.source.typed_text import Leaf, column_of, leaves_of, refused

__all__ = ["Piece", "TypedFile"]

PART_BYTES = 4 << 20
"""Of a file's values at a time, as far as the file says how large they are."""

PART_ROWS = 1 << 14

ROUGH_ROWS = 64
"""For a rough idea: from the beginning and the end of each part."""

_READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Piece:
    """Some rows as CSV text, and which part of the whole file has been read with them (0 to 1)."""

    text: bytes
    done: float


class TypedFile:
    """A file of typed columns.

    Args:
        kind: which.
        name: of the source, for messages.
        file: open; a stream of Arrow is read in order, others anywhere.
        delimiter: to write between cells.

    Attributes:
        columns: their names, those of a struct's fields behind its own and a point.
        time_formats: of columns of instants and dates, the format of their text.
        left_out: columns that have no text, with the reason.

    Raises:
        SourceError: it is damaged.
    """

    def __init__(self, kind: Kind, name: str, file: BinaryIO, delimiter: str = ",") -> None:
        self._kind, self._name, self._file, self._delimiter = kind, name, file, delimiter
        with self._damage_told():
            self._opened = _OPENED[kind](file)
            leaves = list(leaves_of(self._opened.schema))
        self._leaves = [leaf for leaf in leaves if refused(leaf.type) is None]
        self.left_out = {leaf.name: why for leaf in leaves if (why := refused(leaf.type))}
        if not self._leaves:
            why = "; ".join(f"{column!r} is {why}" for column, why in self.left_out.items())
            raise SourceError(f"{name!r} has no column that can be read{': ' if why else ''}{why}")
        self.columns = tuple(leaf.name for leaf in self._leaves)
        self.time_formats = tuple((leaf.name, form) for leaf in self._leaves if (form := leaf.time_format) is not None)

    def pieces(self, only: Collection[str] | None = None, *, rough: bool = False) -> Iterator[Piece]:
        """The rows, in order.

        Args:
            only: the columns that are wanted; the others' cells are empty.
            rough: some rows of each part are enough.

        Raises:
            SourceError: it is damaged.
        """
        wanted = [leaf for leaf in self._leaves if only is None or leaf.name in only]
        top = sorted({leaf.path[0] for leaf in wanted})
        with self._damage_told():
            for batch, done in self._opened.batches(top):
                batch.validate(full=True)  # what follows relies on it
                parts = [batch]
                if rough and batch.num_rows > 2 * ROUGH_ROWS:
                    parts = [batch.slice(0, ROUGH_ROWS), batch.slice(batch.num_rows - ROUGH_ROWS)]
                for part in parts:
                    if part.num_rows:
                        yield Piece(self._text(part, wanted, top), done)

    def _text(self, batch: pa.RecordBatch, wanted: list[Leaf], top: list[int]) -> bytes:
        there = {leaf.path: column_of(_moved(leaf, top).of(batch)) for leaf in wanted}
        empty = pl.Series([None], dtype=pl.String).new_from_index(0, batch.num_rows)
        columns = [there.get(leaf.path, empty).alias(str(number)) for number, leaf in enumerate(self._leaves)]
        if len(columns) == 1:
            # An empty line would be a blank one, and no row.
            columns = [columns[0].cast(pl.String).fill_null("")]
        out = io.BytesIO()
        pl.DataFrame(columns).write_csv(out, include_header=False, separator=self._delimiter)
        return out.getvalue()

    @contextmanager
    def _damage_told(self) -> Iterator[None]:
        try:
            yield
        except (pa.ArrowException, OSError, ValueError, pl.exceptions.PolarsError, MemoryError) as error:
            why = str(error).strip().splitlines()[:1] or [type(error).__name__]
            raise SourceError(f"{self._name!r} is damaged, or no {_NAMES[self._kind]} file: {why[0]}") from error


def _moved(leaf: Leaf, top: list[int]) -> Leaf:
    """The leaf, in a batch that has some of the file's columns only."""
    return Leaf(leaf.name, (top.index(leaf.path[0]), *leaf.path[1:]), leaf.type)


class _Parquet:
    def __init__(self, file: BinaryIO) -> None:
        # Buffered, or all of a row group's bytes would be in memory at once.
        self._file = pq.ParquetFile(file, pre_buffer=False, buffer_size=_READ_BYTES)
        self.schema = self._file.schema_arrow

    def batches(self, top: list[int]) -> Iterator[tuple[pa.RecordBatch, float]]:
        meta = self._file.metadata
        groups = [meta.row_group(number) for number in range(meta.num_row_groups)]
        stored = sum(group.total_byte_size for group in groups)
        rows = max(1, min(PART_ROWS, PART_BYTES * meta.num_rows // max(1, stored)))
        names = [self.schema.field(position).name for position in top]
        has_all = len(top) == len(self.schema) or not _are_unique(self.schema.names)
        done = 0
        for batch in self._file.iter_batches(rows, columns=None if has_all else names, use_threads=False):
            done += batch.num_rows
            some = batch.select(top) if has_all else batch.select([batch.schema.names.index(name) for name in names])
            yield some, done / max(1, meta.num_rows)


class _Arrow:
    def __init__(self, file: BinaryIO) -> None:
        self._reader = pa.ipc.open_file(file)
        self.schema = self._reader.schema

    def batches(self, top: list[int]) -> Iterator[tuple[pa.RecordBatch, float]]:
        count = self._reader.num_record_batches
        for number in range(count):
            whole = self._reader.get_batch(number).select(top)
            yield from _parts(whole, number / count, 1 / count)


class _ArrowStream:
    def __init__(self, file: BinaryIO) -> None:
        self._reader = pa.ipc.open_stream(file)
        self.schema = self._reader.schema

    def batches(self, top: list[int]) -> Iterator[tuple[pa.RecordBatch, float]]:
        for whole in self._reader:
            yield from _parts(whole.select(top), 0, 0)  # it is read in order: what was read tells how far it is


def _parts(batch: pa.RecordBatch, before: float, share: float) -> Iterator[tuple[pa.RecordBatch, float]]:
    """A batch in parts of a few megabytes; how much it takes is known by now."""
    rows = max(1, min(PART_ROWS, PART_BYTES * batch.num_rows // max(1, batch.nbytes)))
    for start in range(0, batch.num_rows, rows):
        part = batch.slice(start, rows)
        yield part, before + share * (start + part.num_rows) / batch.num_rows


def _are_unique(names: list[str]) -> bool:
    # A dot would be taken for the way into a struct.
    return len(names) == len(set(names)) and not any("." in name for name in names)


_OPENED: dict[str, type[_Parquet | _Arrow | _ArrowStream]] = {
    "parquet": _Parquet,
    "arrow": _Arrow,
    "arrow stream": _ArrowStream,
}
_NAMES = {"parquet": "Parquet", "arrow": "Arrow", "arrow stream": "Arrow"}
