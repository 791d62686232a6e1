"""A shard's files out of its archive, onto the disk.

Goes in: a backup's folder and a shard of it. Comes out: its storage files and their tombstones in a folder, once the
archive has been read to its end and is what the backup says it was.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import tarfile
import threading
import zlib
from contextlib import nullcontext
from pathlib import Path, PurePosixPath
from typing import IO, Any, BinaryIO, Protocol

from importer.backups.layout import SIDECAR, FileRecord, ManifestShard, Sidecar
from importer.backups.tar import TarWalk
from importer.errors import SourceError, SpoolError, TransientServerError
from importer.server.wire import PIECE, check_stop

__all__ = ["unpack"]

SUFFIXES = (".tsm", ".tombstone")


def unpack(folder: Path, shard: ManifestShard, sidecar: Sidecar | None, into: Path, stop: threading.Event) -> None:
    """Unpack a shard's archive.

    Args:
        folder: the backup's.
        shard: what the manifest says of it.
        sidecar: what the importer noted; None where the influx command made the backup.
        into: an empty folder.
        stop: told to stop, it ends at once.

    Raises:
        SourceError: the archive is missing or damaged; what is in the folder is of no use then.
        SpoolError: there is no room for it.
        LoadInterruptedError: it was told to stop.
    """
    path = folder / shard.file_name
    known = FileRecord(size=shard.size, sha256="")
    if sidecar is not None:
        if shard.file_name not in sidecar.files:
            raise SourceError(f"{str(path)!r} is not among the files of the backup: its {SIDECAR!r} is damaged")
        known = sidecar.files[shard.file_name]
    try:
        with path.open("rb") as raw:
            size = os.fstat(raw.fileno()).st_size
            if size != known.size:
                raise SourceError(f"{str(path)!r} is damaged: it has {size} bytes and not {known.size}")
            summed = _Summed(raw)
            file: Any = summed  # of a file, gzip and tar need no more than to read it
            with gzip.GzipFile(fileobj=file) if shard.compression else nullcontext(file) as plain:
                walked: Any = _Walked(plain, stop)
                with tarfile.open(fileobj=walked, mode="r|", bufsize=PIECE) as archive:
                    for member in archive:
                        name = PurePosixPath(member.name).name
                        if member.isreg() and name.endswith(SUFFIXES):
                            _copy(archive.extractfile(member), into / name)
                walked.to_end()
    except FileNotFoundError as error:
        raise SourceError(f"{str(path)!r} is missing from the backup") from error
    except (OSError, EOFError, zlib.error, tarfile.TarError, TransientServerError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else "it does not hold a whole archive"
        raise SourceError(f"cannot use {str(path)!r}: {why}") from error
    if known.sha256 and summed.hexdigest() != known.sha256:
        raise SourceError(f"{str(path)!r} is damaged: its checksum is not the one that it was written with")


def _copy(member: IO[bytes] | None, path: Path) -> None:
    """Write a file of the archive; what the disk says is not taken for a fault of the archive."""
    try:
        file = path.open("xb")
    except OSError as error:
        raise _no_room(path, error) from error
    with file:
        while piece := member.read(PIECE) if member is not None else b"":
            try:
                file.write(piece)
                file.flush()
            except OSError as error:
                raise _no_room(path, error) from error


def _no_room(path: Path, error: OSError) -> SpoolError:
    return SpoolError(
        f"cannot unpack the backup to {str(path.parent)!r}: {error.strerror or error}; make room, or name another "
        "folder by --state-dir"
    )


class _Readable(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


class _Summed:
    """What gzip needs of a file, with the checksum of all that was read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._sum = hashlib.sha256()

    def read(self, size: int = -1, /) -> bytes:
        data = self._file.read(size)
        self._sum.update(data)
        return data

    def hexdigest(self) -> str:
        return self._sum.hexdigest()


class _Walked:
    """What tar needs of a file; tar itself takes an archive that breaks off between two files for whole."""

    def __init__(self, file: _Readable, stop: threading.Event) -> None:
        self._file = file
        self._stop = stop
        self._walk = TarWalk()

    def read(self, size: int = -1, /) -> bytes:
        check_stop(self._stop)
        data = self._file.read(size)
        self._walk.feed(data)
        return data

    def to_end(self) -> None:
        while self.read(PIECE):
            pass
        self._walk.finish()
