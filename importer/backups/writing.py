"""The files of a backup while they are written.

Goes in: a folder that is not the backup yet, and bytes as they come. Comes out: files that only their owner can read,
each with its size and checksum.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from isal import igzip

from importer.backups.layout import FileRecord
from importer.errors import SpoolError
from importer.sink.compression import LEVEL

__all__ = ["Draft"]


class Draft:
    """The folder that becomes the backup.

    Attributes:
        folder: where it is written.
        files: what has been written, by name.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: dict[str, FileRecord] = {}

    @contextmanager
    def compressed(self, name: str) -> Iterator[BinaryIO]:
        """A gzip file to write to; written anew where it is there already."""
        with self._written(name) as raw:
            made: Any = igzip.IGzipFile  # it has no types
            with made(filename="", fileobj=raw, mode="wb", compresslevel=LEVEL, mtime=0) as file:
                yield file

    def text(self, name: str, text: str) -> None:
        """A whole file of text."""
        with self._written(name) as raw:
            raw.write(text.encode())

    def forget(self, name: str) -> None:
        """Remove a file that is there."""
        self.files.pop(name, None)
        (self.folder / name).unlink(missing_ok=True)

    @contextmanager
    def parts(self, name: str) -> Iterator[Callable[[bytes], object]]:
        """A gzip file, each part of which can be unpacked, and sent, by itself: what writes a part."""
        with self._written(name) as raw:
            yield lambda part: raw.write(igzip.compress(part, compresslevel=LEVEL))

    @contextmanager
    def _written(self, name: str) -> Iterator[_Summed]:
        path = self.folder / name
        try:
            with open(path, "wb", opener=_for_the_owner) as opened:
                summed = _Summed(opened.write)
                yield summed
                opened.flush()
                os.fsync(opened.fileno())
        except OSError as error:
            raise SpoolError(f"cannot write {str(path)!r}: {error.strerror or error}") from error
        self.files[name] = FileRecord(size=summed.size, sha256=summed.hexdigest())


class _Summed:
    """What a gzip writer needs of a file, with the checksum of all that it wrote."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write
        self._sum = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> int:
        self._sum.update(data)
        self.size += len(data)
        self._write(data)
        return len(data)

    def flush(self) -> None:
        """There is nothing to flush here."""

    def hexdigest(self) -> str:
        return self._sum.hexdigest()


def _for_the_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
