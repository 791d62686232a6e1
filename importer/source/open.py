"""Open the input: paths, globs and standard input; gzip and zstd by content; any encoding.

Goes in: what the user named. Comes out: for each source a :class:`Stream` of decompressed UTF-8.
"""

from __future__ import annotations

import glob
import hashlib
import os
import stat
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from importer.errors import ConfigurationError, SourceError
from importer.source.bounds import EXPANSION_JUDGED_FROM_BYTES, Bounds
from importer.source.compression import LONGEST_MAGIC, DamagedError, check_readable, decompressor, is_compressed
from importer.source.decoding import LONGEST_MARK, canonical_encoding, decoding
from importer.source.unchanged import FileState, check_still_there, check_unchanged

__all__ = ["Source", "Stream", "canonical_encoding", "expand"]

STDIN = "-"
READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Source:
    """One input.

    Attributes:
        name: as the user gave it (a glob's match by its path).
        path: None for standard input.
        size_bytes: as stored, None where it is not known.
        state: what the file was when it was named; None for what is no file on a disk.
    """

    name: str
    path: Path | None
    size_bytes: int | None
    state: FileState | None = None


def expand(names: Sequence[str | Path]) -> list[Source]:
    """The sources that paths, globs and ``-`` stand for.

    Args:
        names: in the order of the user; a glob's matches are sorted.

    Raises:
        SourceError: a file is missing, a glob matches nothing, a folder was named.
        ConfigurationError: nothing was named, or a source twice.
    """
    if not names:
        raise ConfigurationError("no source named: give a CSV file, a glob or - for standard input")
    sources: list[Source] = []
    for name in map(str, names):
        if name == STDIN:
            sources.append(Source(name, None, None))
        elif os.path.exists(name) or not glob.has_magic(name):  # noqa: PTH110 - Path.exists raises for a long name
            sources.append(_from_path(name))
        else:
            matches = sorted(match for match in glob.glob(name, recursive=True) if not Path(match).is_dir())  # noqa: PTH207
            if not matches:
                raise SourceError(f"no file matches {name!r}")
            sources.extend(_from_path(match) for match in matches)
    identities = [str(source.path.resolve()) if source.path else STDIN for source in sources]
    for position, identity in enumerate(identities):
        if identity in identities[:position]:
            raise ConfigurationError(f"{sources[position].name!r} is named twice; every row of it would be a duplicate")
    return sources


def _from_path(name: str) -> Source:
    path = Path(name)
    try:
        status = path.stat()
    except FileNotFoundError:
        raise SourceError(f"no such file: {name!r} (looked in {Path.cwd()})") from None
    except OSError as error:
        raise SourceError(f"cannot read {name!r}: {error.strerror}") from error
    if stat.S_ISDIR(status.st_mode):
        raise SourceError(f"{name!r} is a folder: name its files, such as '{name.rstrip('/')}/*.csv'")
    # The kernel's own files, such as those of /proc, have no size but give text: they are read as pipes are.
    if not stat.S_ISREG(status.st_mode) or status.st_size == 0:
        return Source(name, path, None)
    return Source(name, path, status.st_size, FileState.of(status))


class Stream:
    """A source's bytes: decompressed, decoded to UTF-8, without a byte-order mark.

    Args:
        source: what to open.
        encoding: canonical name of the text's encoding.
        stdin: where ``-`` reads from.
        bounds: how far it may swell.

    Attributes:
        encoding: the encoding in force; for UTF-16 the byte order is known after opening.
        mark_bytes: length of the byte-order mark that was dropped.
        stored_bytes: read so far, as stored (compressed).

    Raises:
        SourceError: it cannot be opened or read, decompressed or decoded; or it changes meanwhile.
    """

    def __init__(
        self,
        source: Source,
        encoding: str = "utf-8",
        stdin: BinaryIO | None = None,
        bounds: Bounds = Bounds(),  # noqa: B008 - frozen
    ) -> None:
        self.source = source
        self.stored_bytes = 0
        self._bounds = bounds
        self._given_bytes = 0
        self._hash = hashlib.sha256()
        self._file = self._open(stdin)
        self._pending = b""
        self._compressed = b""
        magic = self._peek()
        self._packed = is_compressed(magic)
        self._inflate = decompressor(magic)
        first = b""
        while len(first) < LONGEST_MARK and (more := self._decompressed()):
            first += more
        check_readable(first, source.name)
        found = decoding(source.name, encoding, first)
        self.encoding, self.mark_bytes, self._decode = found.encoding, found.mark_bytes, found.decode
        self._ahead: bytes | None = self._decode(first[self.mark_bytes :]) if first else b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; standard input stays open."""
        if self.source.path is not None:
            self._file.close()

    @property
    def sha256(self) -> str:
        """Of the bytes as stored, as far as they were read."""
        return self._hash.hexdigest()

    def read(self) -> bytes:
        """The next piece, of about a megabyte; empty at the end."""
        ahead, self._ahead = self._ahead, None
        if ahead:
            return ahead
        while True:
            raw = self._decompressed()
            piece = self._decode(raw)
            if piece or not raw:
                return piece

    def _open(self, stdin: BinaryIO | None) -> BinaryIO:
        if self.source.path is None:
            return stdin or sys.stdin.buffer
        try:
            return self.source.path.open("rb", buffering=0)
        except OSError as error:
            raise SourceError(f"cannot read {self.source.name!r}: {error.strerror}") from error

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
        check_unchanged(name, before, self._file.fileno())
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
