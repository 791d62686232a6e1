"""The rows of a dataset as tables, as often as they are asked for: all of them, or a sample.

Goes in: sources and how they are written. Comes out: :class:`Rows`.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from importer.errors import ConfigurationError, LoadInterruptedError
from importer.inspecting.dialect import Sniffed
from importer.records import RECORD, Block, Table
from importer.source.bounds import Bounds
from importer.source.glimpses import can_be_glimpsed
from importer.source.header import Head
from importer.source.open import Source
from importer.source.places import record_starts
from importer.source.reader import Reader

__all__ = ["Lines", "Rows", "rows_in"]

Progress = Callable[[str, int], None]


class Rows:
    """Reads the rows of all sources that have a header of their own.

    Args:
        sources: in their order.
        sniffed: how they are written.
        head: what is to be done with the lines before the rows.
        sample: so many rows only; None: all.
        limit: stop after so many, as if there were no more.
        bounds: what is too much.
        scratch: folder for what must be kept in a file.
        progress: is told what is being done, and how many rows were read.
        stop: when set, the reading ends with LoadInterruptedError.

    Attributes:
        headers: of each source, by its name.
        header: of the first source.
        columns: that can be read: named once, and in all sources.
        unusable: the others, with the reason.
        is_annotated: the sources say themselves what their columns are.
        is_whole: all rows are read; known after the first pass.
        sampled: in words, which are read.
        stored_bytes: of all sources, where that is known.

    Raises:
        SourceError: a source cannot be read.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        sniffed: Sniffed,
        *,
        head: Head,
        sample: int | None = None,
        limit: int | None = None,
        bounds: Bounds = Bounds(),  # noqa: B008 - frozen
        scratch: Path | None = None,
        progress: Progress | None = None,
        stop: threading.Event | None = None,
    ) -> None:
        if sample is not None and sample < 1:
            raise ConfigurationError(f"a sample of {sample} rows: at least 1 is needed")
        self._sources, self._sniffed, self._head = sources, sniffed, head
        self._sample, self._limit, self._bounds = sample, limit, bounds
        self._scratch = scratch
        self._progress, self._stop = progress, stop or threading.Event()
        self._kept: list[Table] | None = None
        self._first: int | None = None
        self.is_whole, self.sampled = True, ""
        with self._reader(limit) as reader, _said_once():
            self.is_annotated = reader.is_annotated
            self.stored_bytes = reader.total_bytes
            if not self.is_annotated:
                reader.want(lambda header, _: tuple(header))  # of JSON Lines the keys of all records, then
            self.headers = reader.headers
            left_out = {name: why for found in reader.left_out.values() for name, why in found.items()}
        self.header, *_ = headers = list(self.headers.values())
        self.columns, self.unusable = _usable(headers)
        self.unusable |= {name: f"not read: {why}" for name, why in left_out.items()}

    def tables(self, doing: str) -> Iterator[Table]:
        """The rows, block by block.

        Raises:
            SourceError: a source cannot be read.
            LoadInterruptedError: it was told to stop.
        """
        if self._sample is not None and self._kept is None and self._first is None:
            self._kept = self._spread(self._sample)
            if self._kept is None:
                self._first = self._limit = self._sample if self._limit is None else min(self._sample, self._limit)
        rows = records = 0
        for table in self._all(self._limit) if self._kept is None else self._kept:
            if self._stop.is_set():
                raise LoadInterruptedError("interrupted while the data was looked at: nothing was written")
            rows += rows_in(table)
            records += rows_in(table) + table.blank + len(table.faults)
            yield table
            if self._progress is not None:
                self._progress(doing, rows)
        if self._first is not None:
            self.is_whole = records < self._first
            self.sampled = "" if self.is_whole else f"the first {self._first:,} rows"

    def _reader(self, limit: int | None) -> Reader:
        return Reader(
            self._sources,
            delimiter=self._sniffed.delimiter,
            encoding=self._sniffed.encoding,
            wanted=None,
            limit=limit,
            bounds=self._bounds,
            scratch=self._scratch,
            stop=self._stop,
            head=self._head,
        )

    def _all(self, limit: int | None) -> Iterator[Table]:
        with self._wanting(limit) as reader:
            for block in reader.blocks():
                yield reader.table(block)

    @contextmanager
    def _wanting(self, limit: int | None) -> Iterator[Reader]:
        with self._reader(limit) as reader, _said_once():
            reader.want(lambda header, _: self.columns or tuple(header[:1]))
            yield reader

    def _spread(self, most: int) -> list[Table] | None:
        """Rows from all over the data, as many as are wanted; None where one cannot go to any place, or it has fewer.

        They are kept: no more are held than what the pieces have. The first rows, of which there may be any number, are
        read each time.
        """
        can_be_spread = all(can_be_glimpsed(source, self._sniffed.encoding) for source in self._sources)
        if not can_be_spread or self._limit is not None or self.is_annotated:  # where pieces may be of other tables
            return None
        with self._wanting(None) as reader:
            found = [reader.table(block) for block in reader.rough_blocks()]
        total = sum(table.frame.height for table in found)
        if total < most:
            return None
        self.is_whole = False
        self.sampled = f"{most:,} rows, evenly spread over the data"
        return _evenly(found, total, most)


def rows_in(table: Table) -> int:
    """How many rows a table has, annotated or not; those at fault not counted."""
    return table.frame.height + sum(part.frame.height for part in table.parts)


class Lines:
    """Where the rows of a block stand in the file.

    Args:
        table: of the block.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._starts: np.ndarray[tuple[int], np.dtype[np.int64]] | None = None

    def __call__(self, row: int) -> int | None:
        """The line of a row of the table; None in a sample's pieces."""
        block: Block = self._table.block
        if block.first_line < 1:
            return None
        if self._starts is None:
            self._starts = record_starts(block)
        start = int(self._starts[self._table.frame[RECORD][row]])
        return block.first_line + block.data.count(b"\n", 0, start)


def _usable(headers: Sequence[tuple[str, ...]]) -> tuple[tuple[str, ...], dict[str, str]]:
    unusable: dict[str, str] = {}
    names = Counter(headers[0])
    for name, count in names.items():
        if count > 1:
            unusable[name] = f"{count} columns have this name: give them different ones in the header"
        elif any(name not in header for header in headers[1:]):
            unusable[name] = "not in every file"
        elif any(header.count(name) > 1 for header in headers[1:]):
            unusable[name] = "several columns of a file have this name: give them different ones in the header"
    for header in headers[1:]:
        unusable |= {name: "not in every file" for name in header if name not in names}
    return tuple(name for name in names if name not in unusable), unusable


def _evenly(tables: Sequence[Table], total: int, most: int) -> list[Table]:
    wanted = np.unique(np.linspace(0, total - 1, most).round().astype(np.int64))
    spread, offset = [], 0
    for table in tables:
        height = table.frame.height
        own = wanted[(wanted >= offset) & (wanted < offset + height)] - offset
        spread.append(replace(table, frame=table.frame[own]))
        offset += height
    return spread


class _OfThread(threading.local):
    is_quiet = False


_of_thread = _OfThread()


def _is_said(_: logging.LogRecord) -> bool:
    return not _of_thread.is_quiet


logging.getLogger("importer.source.reader").addFilter(_is_said)


@contextmanager
def _said_once() -> Iterator[None]:
    """The reader tells of columns that it cannot read each time: here they are in the inspection.

    Of this thread alone: loads in other ones go on to tell of theirs.
    """
    before, _of_thread.is_quiet = _of_thread.is_quiet, True
    try:
        yield
    finally:
        _of_thread.is_quiet = before
