"""An append-only file of checksummed records, which survives its writer's death at any byte.

Format: a first line that names it, then per record its length and the CRC-32 of its bytes (unsigned, 4 bytes each,
little-endian), then the bytes. What follows the last whole record is cut off when the file is opened again.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from importer.errors import SpoolError
from importer.journal.folder import fsync_folder

__all__ = ["Log", "is_begun", "records_of"]

MAGIC = b"importer journal 1\n"

_HEAD = struct.Struct("<II")


class Log:
    """An open file of records; made by :meth:`create` or :meth:`reopen`.

    Args:
        path: where it is.
        descriptor: open for reading and writing.
        end: bytes up to the end of the last whole record.
    """

    def __init__(self, path: Path, descriptor: int, end: int) -> None:
        self.path = path
        self._descriptor = descriptor
        self._end = end

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @classmethod
    def create(cls, path: Path) -> Log:
        """An empty one, on the disk when this returns, the folder's entry included.

        Raises:
            SpoolError: it cannot be written.
        """
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            _write_all(descriptor, MAGIC)
            os.fsync(descriptor)
            fsync_folder(path.parent)
        except OSError as error:
            raise _unwritable(path, error) from error
        return cls(path, descriptor, len(MAGIC))

    @classmethod
    def reopen(cls, path: Path) -> Log | None:
        """An existing one, its torn tail cut off; None if it is none, or was never begun.

        Raises:
            SpoolError: it cannot be read or written.
        """
        try:
            descriptor = os.open(path, os.O_RDWR)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unwritable(path, error) from error
        try:
            if os.pread(descriptor, len(MAGIC), 0) != MAGIC:
                os.close(descriptor)
                return None
            log = cls(path, descriptor, len(MAGIC))
            for record in log.records():
                log._end += _HEAD.size + len(record)
            log._cut()
        except OSError as error:
            raise _unwritable(path, error) from error
        return log

    def records(self) -> Iterator[bytes]:
        """The records up to the first that is not whole."""
        return records_of(self.path)

    def append(self, record: bytes) -> None:
        """Add a record; it is on the disk when this returns.

        Raises:
            SpoolError: it cannot be written; the file is as it was before.
        """
        data = _HEAD.pack(len(record), zlib.crc32(record)) + record
        try:
            os.lseek(self._descriptor, self._end, os.SEEK_SET)
            _write_all(self._descriptor, data)
            os.fsync(self._descriptor)
        except OSError as error:
            raise _unwritable(self.path, error) from error
        self._end += len(data)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def _cut(self) -> None:
        os.ftruncate(self._descriptor, self._end)
        os.fsync(self._descriptor)


def records_of(path: Path) -> Iterator[bytes]:
    """The whole records of a file that another process may be writing; none if it is no journal."""
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            return
        while len(head := file.read(_HEAD.size)) == _HEAD.size:
            length, checksum = _HEAD.unpack(head)
            if length > os.fstat(file.fileno()).st_size:
                return  # the length itself is torn
            record = file.read(length)
            if len(record) != length or zlib.crc32(record) != checksum:
                return
            yield record


def is_begun(path: Path) -> bool:
    """Whether there is a record in a file, or it is of another version; False if its writer died before."""
    try:
        with path.open("rb") as file:
            named = file.read(len(MAGIC))
        return not MAGIC.startswith(named) or next(records_of(path), None) is not None
    except FileNotFoundError:
        return False


def _write_all(descriptor: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]


def _unwritable(path: Path, error: OSError) -> SpoolError:
    return SpoolError(
        f"cannot write the journal {str(path)!r}: {error.strerror}; make room, or name another folder by --state-dir"
    )
