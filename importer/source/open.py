"""Open the input: paths, globs and standard input; gzip and zstd by content; any encoding.

Goes in: what the user named. Comes out: for each source a :class:`Stream` of decompressed UTF-8.
"""

from __future__ import annotations

import codecs
import glob
import hashlib
import os
import stat
import sys
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import zstandard

from importer.errors import ConfigurationError, SourceError
from importer.source.compression import LONGEST_MAGIC, check_readable, decompressor

__all__ = ["Source", "Stream", "canonical_encoding", "expand"]

STDIN = "-"
READ_BYTES = 1 << 20

_BYTE_ORDERS = {
    "utf-16": ((codecs.BOM_UTF16_LE, "-le"), (codecs.BOM_UTF16_BE, "-be")),
    "utf-32": ((codecs.BOM_UTF32_LE, "-le"), (codecs.BOM_UTF32_BE, "-be")),
}


_LONGEST_MARK = 4


@dataclass(frozen=True, slots=True)
class Source:
    """One input.

    Attributes:
        name: as the user gave it (a glob's match by its path).
        path: None for standard input.
        size_bytes: as stored, None where it is not known.
    """

    name: str
    path: Path | None
    size_bytes: int | None


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
    return Source(name, path, status.st_size if stat.S_ISREG(status.st_mode) else None)


def canonical_encoding(name: str) -> str:
    """The codec's own name for an encoding.

    Raises:
        ConfigurationError: there is no such text encoding.
    """
    try:
        codec = codecs.lookup(name)
        "".encode(name)
    except (LookupError, ValueError):
        raise ConfigurationError(f"unknown encoding {name!r}; examples: utf-8, utf-16, latin-1, cp1252") from None
    return codec.name.removesuffix("-sig")


class Stream:
    """A source's bytes: decompressed, decoded to UTF-8, without a byte-order mark.

    Args:
        source: what to open.
        encoding: canonical name of the text's encoding.
        stdin: where ``-`` reads from.

    Attributes:
        encoding: the encoding in force; for UTF-16 the byte order is known after opening.
        mark_bytes: length of the byte-order mark that was dropped.
        stored_bytes: read so far, as stored (compressed).

    Raises:
        SourceError: it cannot be opened or read, decompressed or decoded.
    """

    def __init__(self, source: Source, encoding: str = "utf-8", stdin: BinaryIO | None = None) -> None:
        self.source = source
        self.encoding = encoding
        self.mark_bytes = 0
        self.stored_bytes = 0
        self._hash = hashlib.sha256()
        self._file = self._open(stdin)
        self._pending = b""
        self._compressed = b""
        self._inflate = decompressor(self._peek())
        first = b""
        while len(first) < _LONGEST_MARK and (more := self._decompressed()):
            first += more
        self._ahead: bytes | None = self._start_decoding(first)

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
            raise SourceError(f"cannot read {self.source.name!r}: {error.strerror}") from error
        self.stored_bytes += len(data)
        self._hash.update(data)
        return data

    def _decompressed(self) -> bytes:
        while True:
            stored = self._compressed or self._stored()
            try:
                data, self._compressed = self._inflate.feed(stored, READ_BYTES)
                if not stored:
                    self._inflate.finish()
            except (zlib.error, zstandard.ZstdError, EOFError) as error:
                raise SourceError(f"{self.source.name!r} is damaged: {error}") from error
            if data or not stored:
                return data

    def _start_decoding(self, first: bytes) -> bytes:
        check_readable(first, self.source.name)
        if self.encoding == "utf-8":
            if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                raise SourceError(f"{self.source.name!r} is UTF-16: say --encoding utf-16")
            if first.startswith(codecs.BOM_UTF8):
                self.mark_bytes = len(codecs.BOM_UTF8)
            self._decode: Callable[[bytes], bytes] = lambda raw: raw
            return first[self.mark_bytes :]
        family, _, given = self.encoding.rpartition("-")
        if f"-{given}" not in ("-le", "-be"):
            family, given = self.encoding, ""
        for mark, order in _BYTE_ORDERS.get(family, ()):
            if first.startswith(mark) and order.endswith(given):
                self.encoding = family + order
                self.mark_bytes = len(mark)
                break
        else:
            self.encoding += "-le" if self.encoding in _BYTE_ORDERS else ""
        decoder = codecs.getincrementaldecoder(self.encoding)()

        def decode(raw: bytes) -> bytes:
            try:
                return decoder.decode(raw, final=not raw).encode()
            except UnicodeError as error:
                raise SourceError(
                    f"{self.source.name!r} is not {self.encoding} ({error}): say --encoding NAME"
                ) from error

        self._decode = decode
        return decode(first[self.mark_bytes :]) if first else b""
