"""All sources of a load, one after another, as tables.

The headers are all read and checked before the first row is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import BinaryIO, Self

from importer.errors import SourceError
from importer.records import Block, Table
from importer.source.blocks import BLOCK_BYTES, blocks
from importer.source.bounds import Bounds
from importer.source.glimpses import can_be_glimpsed, glimpses, pieces_of
from importer.source.header import Header, read_header
from importer.source.open import Source, Stream
from importer.source.table import to_table

__all__ = ["ReadSource", "Reader"]

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
        wanted: given a header and the source's name, the columns to read; raises if one is missing.
        block_bytes: text per block.
        limit: rows to read at the most.
        stdin: where ``-`` reads from.
        bounds: what is too much.

    Raises:
        SourceError: a source cannot be read.
        MappingError: as ``wanted`` does.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        *,
        delimiter: str,
        encoding: str,
        wanted: WantedColumns,
        block_bytes: int = BLOCK_BYTES,
        limit: int | None = None,
        stdin: BinaryIO | None = None,
        bounds: Bounds = Bounds(),  # noqa: B008 - frozen
    ) -> None:
        self.sources = tuple(sources)
        self._delimiter = delimiter
        self._encoding = encoding
        self._block_bytes = block_bytes
        self._limit = limit
        self._stdin = stdin
        self._bounds = bounds
        self._open: dict[str, tuple[Stream, Header]] = {}
        self._headers: dict[str, tuple[str, ...]] = {}
        self._columns: dict[str, tuple[str, ...]] = {}
        self._done: list[ReadSource] = []
        self._current: Stream | None = None
        for source in self.sources:
            stream = Stream(source, encoding, stdin, bounds)
            header = read_header(stream, delimiter, bounds)
            self._headers[source.name] = header.columns
            if source.size_bytes is None:
                self._open[source.name] = (stream, header)  # a pipe cannot be opened twice
            else:
                stream.close()
            self._columns[source.name] = wanted(header.columns, source.name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._current is not None:
            self._current.close()

    @property
    def rereadable(self) -> bool:
        """Whether all sources can be read more than once."""
        return all(source.path is not None and source.size_bytes is not None for source in self.sources)

    @property
    def total_bytes(self) -> int | None:
        """Bytes of all sources as stored, None if one is not known."""
        sizes = [source.size_bytes for source in self.sources]
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
                left = None if left is None else left - block.records
                yield block

    def rough_blocks(self) -> Iterator[Block]:
        """Enough of the rows for a rough idea of them: of large plain files, evenly spread pieces.

        Raises:
            SourceError: a source cannot be read, decompressed or split.
        """
        if self._limit is not None:
            yield from self.blocks()
            return
        plain = [source for source in self.sources if can_be_glimpsed(source, self._encoding)]
        pieces = dict(zip((source.name for source in plain), pieces_of(plain), strict=True))
        for source in self.sources:
            if source.name not in pieces:
                yield from self._blocks_of(source)
            elif pieces[source.name]:
                stream, header = self._start(source)
                stream.close()
                yield from glimpses(source, header, self._delimiter, pieces[source.name])

    def table(self, block: Block) -> Table:
        """A block's wanted columns."""
        return to_table(block, self._columns[block.source])

    def again(self, columns: tuple[str, ...]) -> Reader:
        """Another reader of the same sources, for a first pass over some columns."""
        return Reader(
            self.sources,
            delimiter=self._delimiter,
            encoding=self._encoding,
            wanted=lambda _header, _name: columns,
            block_bytes=self._block_bytes,
            limit=self._limit,
            bounds=self._bounds,
        )

    def _blocks_of(self, source: Source, first_number: int = 0, limit: int | None = None) -> Iterator[Block]:
        stream, header = self._open.get(source.name) or self._start(source)
        self._current = stream
        with stream:
            yield from blocks(
                stream,
                header,
                delimiter=self._delimiter,
                first_number=first_number,
                block_bytes=self._block_bytes,
                limit=limit,
                bounds=self._bounds,
            )
        self._done.append(self._read(stream))
        self._current = None

    def _start(self, source: Source) -> tuple[Stream, Header]:
        stream = Stream(source, self._encoding, self._stdin, self._bounds)
        header = read_header(stream, self._delimiter, self._bounds)
        if header.columns != self._headers[source.name]:
            raise SourceError(f"{source.name!r} was changed while it was being read: its header is another one")
        return stream, header

    @staticmethod
    def _read(stream: Stream) -> ReadSource:
        return ReadSource(stream.source.name, stream.stored_bytes, stream.sha256)
