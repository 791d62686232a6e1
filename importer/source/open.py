"""Open the input: gzip and zstd by content; any encoding; URLs; typed columns.

Goes in: a :class:`Source`. Comes out: a :class:`Stream` of decompressed UTF-8.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Collection, Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Self, cast

from importer.errors import SourceError
from importer.records import BlockKind
from importer.source.bounds import EXPANSION_JUDGED_FROM_BYTES, Bounds
from importer.source.compression import LONGEST_MAGIC, DamagedError, check_readable, decompressor, is_compressed
from importer.source.decoding import canonical_encoding, decoding
from importer.source.kept import Kept, read_as_file
from importer.source.kinds import LONGEST_START, Kind, kind_of
from importer.source.named import Source, expand
from importer.source.stored import open_stored
from importer.source.unchanged import check_still_there, check_unchanged

if TYPE_CHECKING:
    from importer.source.typed import Piece, TypedFile

__all__ = ["Source", "Stream", "canonical_encoding", "expand"]

READ_BYTES = 1 << 20


class Stream:
    """A source's bytes: decompressed, decoded to UTF-8, without a byte-order mark; of typed columns, CSV made of them.

    Args:
        source: what to open.
        encoding: canonical name of the text's encoding.
        stdin: where ``-`` reads from.
        bounds: how far it may swell, and how much of it may be fetched.
        delimiter: that CSV made of typed columns has.
        only: of typed columns, those that are wanted; the others' cells are empty.
        rough: of typed columns, some rows of each part are enough.
        scratch: folder for what must be kept in a file to be read; None: the system's.
        stop: set when nobody wants it any more.

    Attributes:
        encoding: the encoding in force; for UTF-16 the byte order is known after opening.
        mark_bytes: length of the byte-order mark that was dropped.
        kind: what it is.
        stored_bytes: read so far, as stored (compressed).
        expected_bytes: how many there will be; None where that is not known.
        time_formats: of columns that are instants or dates by their type, the format of their text.
        left_out: of typed columns, those that have no text, with the reason.

    Raises:
        SourceError: it cannot be opened or read, decompressed or decoded; or it changes meanwhile.
    """

    def __init__(
        self,
        source: Source,
        encoding: str = "utf-8",
        stdin: BinaryIO | None = None,
        bounds: Bounds = Bounds(),  # noqa: B008 - frozen
        *,
        delimiter: str = ",",
        only: Collection[str] | None = None,
        rough: bool = False,
        scratch: Path | None = None,
        stop: threading.Event | None = None,
    ) -> None:
        self.source = source
        self.stored_bytes = 0
        self._bounds = bounds
        self._given_bytes = 0
        self._hash = hashlib.sha256()
        self._kept: Kept | None = None
        self._typed: TypedFile | None = None
        self._pieces: Iterator[Piece] = iter(())
        self.time_formats: tuple[tuple[str, str], ...] = ()
        self.left_out: dict[str, str] = {}
        self._file, self.expected_bytes = open_stored(
            source, stdin=stdin, bounds=bounds, stop=stop, so_far=lambda: self.sha256
        )
        try:
            first = self._begin(encoding)
            if self.kind not in {"csv", "json"}:
                self._typed = typed = self._as_typed(first, scratch, delimiter)
                self.time_formats, self.left_out = typed.time_formats, typed.left_out
                self._pieces = typed.pieces(only, rough=rough)
        except BaseException:
            self.close()
            raise

    def _begin(self, encoding: str) -> bytes:
        """Find out what it is; how it begins."""
        self._pending = b""
        self._compressed = b""
        magic = self._peek()
        self._packed = is_compressed(magic)
        self._inflate = decompressor(magic)
        first = b""
        while len(first) < LONGEST_START and (more := self._decompressed()):
            first += more
        name = self.source.name
        check_readable(first, name)
        self.kind: Kind = kind_of(first, name)
        self._ahead: bytes | None = b""
        self.encoding, self.mark_bytes = "utf-8", 0
        if self.kind in {"csv", "json"}:
            found = decoding(name, encoding, first)
            self.encoding, self.mark_bytes, self._decode = found.encoding, found.mark_bytes, found.decode
            self._ahead = self._decode(first[self.mark_bytes :]) if first else b""
        return first

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; standard input stays open."""
        if self.source.path is not None or self.source.url is not None:
            self._file.close()
        if self._kept is not None:
            self._kept.close()

    @property
    def block_kind(self) -> BlockKind:
        """What the text is that it gives."""
        return "csv" if self.kind == "csv" else "json" if self.kind == "json" else "rows"

    @property
    def columns(self) -> tuple[str, ...]:
        """Of typed columns, their names; of text nothing, until it is read."""
        return self._typed.columns if self._typed is not None else ()

    @property
    def sha256(self) -> str:
        """Of the bytes as stored, as far as they were read."""
        return self._hash.hexdigest()

    def read(self) -> bytes:
        """The next piece, of about a megabyte; empty at the end."""
        ahead, self._ahead = self._ahead, None
        if ahead:
            return ahead
        if self._typed is not None:
            return self._next_piece()
        while True:
            raw = self._decompressed()
            piece = self._decode(raw)
            if piece or not raw:
                return piece

    def _as_typed(self, first: bytes, scratch: Path | None, delimiter: str) -> TypedFile:
        """Its typed columns; what cannot be read from any place is kept in a file first."""
        from importer.source.typed import TypedFile  # noqa: PLC0415 - pyarrow is seldom wanted

        name = self.source.name
        if self.kind == "arrow stream":
            return TypedFile(self.kind, name, read_as_file(first, self._decompressed), delimiter)
        if self.source.state is None or self._packed:
            self._kept = Kept.of(first, self._decompressed, name=name, folder=scratch, bounds=self._bounds)
        else:
            self._kept = Kept.already(cast("Path", self.source.path), name)
            check_unchanged(name, self.source.state, self._kept.file.fileno())
        return TypedFile(self.kind, name, self._kept.file, delimiter)

    def _next_piece(self) -> bytes:
        """Of CSV made of typed columns; the file's own bytes are hashed alongside."""
        try:
            piece = next(self._pieces, None)
        except SourceError:
            self._check_unchanged(ended=False)  # if it was, that is what is wrong
            raise
        done = 1.0 if piece is None else piece.done
        while self.stored_bytes < done * (self.expected_bytes or 0) and self._stored():
            pass
        if piece is None:
            while self._stored():
                pass
            return b""
        self._given_bytes += len(piece.text)
        return piece.text

    def _peek(self) -> bytes:
        magic = b""
        while len(magic) < LONGEST_MAGIC and (more := self._stored()):
            magic += more
        self._pending = magic
        return magic

    def _stored(self) -> bytes:
        if self._pending:
            data, self._pending = self._pending, b""
            return data
        try:
            data = self._file.read(READ_BYTES) or b""
        except OSError as error:
            raise SourceError(
                f"cannot read {self.source.name!r} beyond byte {self.stored_bytes:,}: {error.strerror}"
            ) from error
        self.stored_bytes += len(data)
        self._hash.update(data)
        self._check_unchanged(ended=not data)
        return data

    def _check_unchanged(self, *, ended: bool) -> None:
        name, before, path = self.source.name, self.source.state, self.source.path
        if before is None or path is None:
            return
        check_unchanged(name, before, cast("BinaryIO", self._file).fileno())
        if ended:
            check_still_there(name, before, path)
            if self.stored_bytes != before.size_bytes:
                raise SourceError(f"{name!r} gave {self.stored_bytes:,} bytes, but has {before.size_bytes:,}")

    def _decompressed(self) -> bytes:
        while True:
            stored = self._compressed or self._stored()
            try:
                data, self._compressed = self._inflate.feed(stored, READ_BYTES)
                if not stored:
                    self._inflate.finish()
            except DamagedError as error:
                raise SourceError(
                    f"{self.source.name!r} is damaged: {error}; {self._given_bytes:,} bytes of text stand before it"
                ) from error
            self._given_bytes += len(data)
            if self._packed and self._given_bytes > EXPANSION_JUDGED_FROM_BYTES:
                self._check_expansion()
            if data or not stored:
                return data

    def _check_expansion(self) -> None:
        stored_bytes = self.stored_bytes - len(self._compressed)
        if self._given_bytes > stored_bytes * self._bounds.max_expansion:
            raise SourceError(
                f"{self.source.name!r} swells without measure: its first {stored_bytes:,} bytes give "
                f"{self._given_bytes:,}, more than {self._bounds.max_expansion} times as many; "
                "if it is what it should be, allow more by --max-expansion"
            )
