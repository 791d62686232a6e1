"""All sources of a load, one after another, as tables.

The headers are all read and checked before the first row is.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from importer.annotated.layouts import Layout
from importer.annotated.sections import sectioned
from importer.annotated.tables import to_parts
from importer.errors import LoadInterruptedError, MappingError, SourceError
from importer.records import Block, Section, Table
from importer.source.beginning import begin
from importer.source.blocks import BLOCK_BYTES, blocks
from importer.source.bounds import Bounds
from importer.source.glimpses import PIECE_BYTES, PIECES, can_be_glimpsed, glimpses, pieces_of
from importer.source.header import Head, Header
from importer.source.json_lines import keys_of
from importer.source.open import Source, Stream
from importer.source.table import to_table

__all__ = ["ReadSource", "Reader"]

log = logging.getLogger(__name__)

WantedColumns = Callable[[Sequence[str], str], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class ReadSource:
    """What was read of a source: bytes as stored, and their SHA-256."""

    name: str
    stored_bytes: int
    sha256: str


class Reader:
    """Reads the sources in order.

    Args:
        sources: what to read.
        delimiter: between cells.
        encoding: canonical name.
        wanted: given a header and the source's name, the columns to read; raises if one is missing. None: that is
            said later, by :meth:`want`.
        block_bytes: text per block.
        limit: rows to read at the most.
        stdin: where ``-`` reads from.
        bounds: what is too much.
        head: what is to be done with the lines before the rows.
        only: of files of typed columns, those that are read; the others' cells are empty.
        scratch: folder for what must be kept in a file to be read; None: the system's.
        stop: set when nobody wants the rest any more.

    Attributes:
        is_annotated: whether the sources say themselves what their columns are.

    Raises:
        SourceError: a source cannot be read.
        MappingError: as ``wanted`` does; or annotations cannot be used, or some sources have none.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        *,
        delimiter: str,
        encoding: str,
        wanted: WantedColumns | None,
        block_bytes: int = BLOCK_BYTES,
        limit: int | None = None,
        stdin: BinaryIO | None = None,
        bounds: Bounds = Bounds(),  # noqa: B008 - frozen
        head: Head = Head(),  # noqa: B008 - frozen
        only: Collection[str] | None = None,
        scratch: Path | None = None,
        stop: threading.Event | None = None,
    ) -> None:
        self.sources = tuple(sources)
        self._delimiter = delimiter
        self._encoding = encoding
        self._block_bytes = block_bytes
        self._limit = limit
        self._stdin = stdin
        self._bounds = bounds
        self._head = head
        self._only = only
        self._scratch = scratch
        self._stop = stop
        self._left_out: dict[str, dict[str, str]] = {}
        self._of_any_keys: dict[str, None] = {}
        self._keys: dict[str, tuple[str, ...]] = {}
        self._open: dict[str, tuple[Stream, Header]] = {}
        self._heads: dict[str, Head] = {}
        self._headers: dict[str, tuple[str, ...]] = {}
        self._of_layout: Callable[[Layout], tuple[str, ...]] = lambda layout: layout.wanted
        self._columns: dict[str, tuple[str, ...]] = {}
        self._done: list[ReadSource] = []
        self._current: Stream | None = None
        self._plain = False
        self._first_annotated: str | None = None
        try:
            annotated = self._read_headers(head)
        except BaseException:
            self._close()
            raise
        self.is_annotated = any(annotated.values())
        if self.is_annotated and not all(annotated.values()):
            with_, without = (next(name for name, has in annotated.items() if has is which) for which in (True, False))
            raise MappingError(f"{with_!r} has annotations, but {without!r} has none: load them one after the other")
        if wanted is not None:
            self.want(wanted)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _close(self) -> None:
        """Close what is open: a URL keeps a connection until then."""
        for stream, _ in self._open.values():
            stream.close()
        if self._current is not None:
            self._current.close()

    def read_plain(self) -> None:
        """Take headers with types, such as ``host|tag``, for names as any other.

        Raises:
            MappingError: there are annotations, which cannot be taken for anything else.
        """
        if self._first_annotated is not None:
            raise MappingError(
                f"{self._first_annotated!r} has annotations, which say what its columns are: leave the mapping out, or "
                "the annotations by --skip-header N"
            )
        self.is_annotated, self._plain = False, True

    def want(self, wanted: WantedColumns) -> None:
        """Say which columns are to be read; of annotated sources, those that the annotations are about are.

        Raises:
            MappingError: as ``wanted`` does.
        """
        for name, columns in self._headers.items():
            self._columns[name] = columns if self.is_annotated else self._wanted_of(name, columns, wanted)

    @property
    def headers(self) -> dict[str, tuple[str, ...]]:
        """The header of each source, by its name."""
        return dict(self._headers)

    @property
    def left_out(self) -> dict[str, dict[str, str]]:
        """Of each source, columns that cannot be read, with the reason."""
        return {name: dict(columns) for name, columns in self._left_out.items()}

    @property
    def rereadable(self) -> bool:
        """Whether all sources can be read more than once."""
        return all(source.path is not None and source.size_bytes is not None for source in self.sources)

    @property
    def total_bytes(self) -> int | None:
        """Bytes of all sources as stored, None if one is not known."""
        streams = {name: stream.expected_bytes for name, (stream, _) in self._open.items()}
        sizes = [streams.get(source.name, source.size_bytes) for source in self.sources]
        return None if None in sizes else sum(size for size in sizes if size is not None)

    @property
    def stored_bytes(self) -> int:
        """Bytes read so far, as stored."""
        current = self._current.stored_bytes if self._current is not None else 0
        return sum(source.stored_bytes for source in self._done) + current

    @property
    def read_sources(self) -> list[ReadSource]:
        """What was read; a source that was begun counts as far as it was read."""
        begun = [] if self._current is None else [self._read(self._current)]
        return [*self._done, *begun]

    def blocks(self) -> Iterator[Block]:
        """All rows, as blocks; numbers go on from source to source.

        Raises:
            SourceError: a source cannot be read, decompressed or split.
        """
        number, left = 0, self._limit
        for source in self.sources:
            if left is not None and left <= 0:
                return
            for block in self._blocks_of(source, number, left):
                number = block.number + 1
                left = None if left is None else left - block.rows
                yield block

    def rough_blocks(self) -> Iterator[Block]:
        """Enough of the rows for a rough idea of them: of large plain files, evenly spread pieces.

        Raises:
            SourceError: a source cannot be read, decompressed or split.
        """
        if self._limit is not None:
            yield from self.blocks()
            return
        plain = [source for source in self.sources if self._is_glimpsed(source)]
        pieces = dict(zip((source.name for source in plain), pieces_of(plain), strict=True))
        for source in self.sources:
            if source.name not in pieces:
                yield from self._blocks_of(source, rough=True)
            elif pieces[source.name]:
                stream, header = self._start(source)
                stream.close()
                for block in glimpses(source, header, header.delimiter, pieces[source.name], stream.block_kind):
                    yield block if self._plain else _of_first_table(block, header)

    def _is_glimpsed(self, source: Source) -> bool:
        """Whether pieces are enough; of annotated CSV they are taken for its first table: a small one is read whole."""
        is_small = self.is_annotated and (source.size_bytes or 0) <= PIECES * PIECE_BYTES
        return not is_small and can_be_glimpsed(source, self._encoding)

    def table(self, block: Block) -> Table:
        """A block's wanted columns."""
        if block.sections is not None:
            return to_parts(block, self._of_layout)
        return to_table(block, self.columns_of(block))

    def columns_of(self, block: Block) -> tuple[str, ...]:
        """The columns that are wanted of a block."""
        return self._columns[block.source]

    def again(self, columns: tuple[str, ...]) -> Reader:
        """Another reader of the same sources, for a first pass over some columns; of annotated ones, the times."""
        reader = Reader(
            self.sources,
            delimiter=self._delimiter,
            encoding=self._encoding,
            wanted=lambda _header, _name: columns,
            block_bytes=self._block_bytes,
            limit=self._limit,
            bounds=self._bounds,
            head=self._head,
            only=columns,
            scratch=self._scratch,
            stop=self._stop,
        )
        reader._plain = self._plain
        reader._of_layout = lambda layout: layout.names_of(layout.time)
        return reader

    def _read_headers(self, head: Head) -> dict[str, bool]:
        """Read what stands before the rows of each source; which of them have annotations."""
        annotated = {}
        for source in self.sources:
            stream = self._stream(source)
            try:
                header = begin(stream, self._delimiter, self._bounds, head)
            except BaseException:
                stream.close()
                raise
            self._heads[source.name], self._headers[source.name] = head, header.columns
            self._left_out[source.name] = stream.left_out
            if stream.kind == "json" and source.size_bytes is not None:
                self._of_any_keys[source.name] = None
            if source.size_bytes is None:
                self._open[source.name] = (stream, header)  # a pipe cannot be opened twice
            else:
                stream.close()
            if header.annotations:  # alone: they are of the sources behind them
                head = replace(head, lines=header.annotations)
            annotated[source.name] = header.tables is not None
            if header.tables is not None and header.tables.has_annotations and self._first_annotated is None:
                self._first_annotated = source.name
        if self.sources and header.annotations:
            raise MappingError(
                f"{source.name!r} has annotations, but no header and no rows, nor has a source behind it"
            )
        return annotated

    def _wanted_of(self, name: str, header: tuple[str, ...], wanted: WantedColumns) -> tuple[str, ...]:
        """The columns to read of a source."""
        for column, why in self._left_out[name].items():
            log.warning("%s: the column %r is not read: %s", name, column, why)
        try:
            columns = wanted(header, name)
            is_enough = set(columns) < set(header)
        except MappingError as error:
            if name not in self._of_any_keys:
                hint = "".join(f"; {column!r} is not read: {why}" for column, why in self._left_out[name].items())
                raise MappingError(f"{error}{hint}") from None
            is_enough = False
        if name not in self._of_any_keys or is_enough:
            return columns
        # Records need not have the same keys, nor need files: all of them are looked at, this one first.
        for other in dict.fromkeys([name, *self._of_any_keys]):
            self._headers[name] = tuple(dict.fromkeys([*self._headers[name], *self._all_keys_of(other)]))
            with suppress(MappingError):
                columns = wanted(self._headers[name], name)
                if set(columns) < set(self._headers[name]):
                    return columns
        return wanted(self._headers[name], name)

    def _all_keys_of(self, name: str) -> tuple[str, ...]:
        """Of JSON Lines, the keys of all records."""
        if name not in self._keys:
            known = dict.fromkeys(self._headers[name])
            source = next(source for source in self.sources if source.name == name)
            for block in self._blocks_of(source, 0, self._limit):
                if self._stop is not None and self._stop.is_set():
                    raise LoadInterruptedError(f"interrupted while looking for the keys of {name!r}")
                known.update(dict.fromkeys(keys_of(block.data)))
            self._done.clear()
            self._keys[name] = tuple(known)
        return self._keys[name]

    def _stream(self, source: Source, *, rough: bool = False) -> Stream:
        return Stream(
            source,
            self._encoding,
            self._stdin,
            self._bounds,
            delimiter=self._delimiter,
            only=self._only,
            rough=rough,
            scratch=self._scratch,
            stop=self._stop,
        )

    def _blocks_of(
        self, source: Source, first_number: int = 0, limit: int | None = None, *, rough: bool = False
    ) -> Iterator[Block]:
        stream, header = self._open.get(source.name) or self._start(source, rough=rough)
        tables = None if self._plain else header.tables
        self._current = stream
        with stream:
            found = blocks(
                stream,
                header,
                delimiter=header.delimiter,
                first_number=first_number,
                block_bytes=self._block_bytes,
                limit=limit if tables is None else None,
                bounds=self._bounds,
            )
            yield from found if tables is None else sectioned(found, tables, limit=limit)
        self._done.append(self._read(stream))
        self._current = None

    def _start(self, source: Source, *, rough: bool = False) -> tuple[Stream, Header]:
        stream = self._stream(source, rough=rough)
        header = begin(stream, self._delimiter, self._bounds, self._heads[source.name])
        known = self._headers[source.name]
        if stream.kind == "json" and header.columns == known[: len(header.columns)]:
            header = replace(header, columns=known)  # others come up further behind
        if header.columns != known:
            raise SourceError(f"{source.name!r} was changed while it was being read: its header is another one")
        return stream, header

    @staticmethod
    def _read(stream: Stream) -> ReadSource:
        return ReadSource(stream.source.name, stream.stored_bytes, stream.sha256)


def _of_first_table(block: Block, header: Header) -> Block:
    """A piece from anywhere: of annotated CSV, its rows are taken for those of the first table."""
    if header.tables is None or header.tables.layout is None:
        return block
    return replace(block, sections=(Section(header.tables.layout, 0, len(block.data), 0, block.records),))
