"""Whether a backup's files are whole, before anything is restored from them.

Goes in: a folder and the bucket that is to be restored. Comes out: nothing, or the error that names the file.
"""

from __future__ import annotations

import gzip
import hashlib
import threading
import zlib
from pathlib import Path

from importer.backups.layout import ManifestBucket, ManifestShard, Sidecar
from importer.backups.tar import TarWalk
from importer.errors import SourceError, TransientServerError
from importer.server.wire import PIECE, check_stop

__all__ = ["check_files"]


def check_files(folder: Path, bucket: ManifestBucket, sidecar: Sidecar | None, stop: threading.Event) -> None:
    """Refuse a backup of which something is missing or changed.

    Files that the sidecar knows are compared with their checksums; of others (the influx command's) sizes are
    compared, and each archive is read to its end.

    Raises:
        SourceError: names the file.
        LoadInterruptedError: it was told to stop.
    """
    for group in bucket.groups:
        for shard in group.shards:
            check_stop(stop)
            _check(folder, shard, sidecar)
    if sidecar is not None:
        record = next((each for each in sidecar.buckets if each.id == bucket.id), None)
        for name in (shard.lines for shard in record.shards.values() if shard.lines) if record else ():
            _compare(folder / name, sidecar)


def _check(folder: Path, shard: ManifestShard, sidecar: Sidecar | None) -> None:
    path = folder / shard.file_name
    if sidecar is not None and shard.file_name in sidecar.files:
        _compare(path, sidecar)
        return
    try:
        size = path.stat().st_size
        if size != shard.size:
            raise SourceError(f"{str(path)!r} is damaged: it has {size} bytes and not {shard.size}")
        walk = TarWalk()
        with gzip.open(path) if shard.compression else path.open("rb") as file:
            while piece := file.read(PIECE):
                walk.feed(piece)
        walk.finish()
    except (OSError, EOFError, zlib.error, TransientServerError) as error:
        raise _unreadable(path, error) from error


def _compare(path: Path, sidecar: Sidecar) -> None:
    known = sidecar.files.get(path.name)
    if known is None:
        raise SourceError(f"{str(path)!r} is not among the files of the backup: its {path.parent.name!r} is damaged")
    try:
        is_same = path.stat().st_size == known.size and _sha256_of(path) == known.sha256
    except OSError as error:
        raise _unreadable(path, error) from error
    if not is_same:
        raise SourceError(
            f"{str(path)!r} is damaged: its checksum is not the one that it was written with; nothing was restored"
        )


def _unreadable(path: Path, error: Exception) -> SourceError:
    if isinstance(error, FileNotFoundError):
        return SourceError(f"{str(path)!r} is missing from the backup; nothing was restored")
    why = error.strerror if isinstance(error, OSError) and error.strerror else "it does not hold a whole archive"
    return SourceError(f"cannot use {str(path)!r}: {why}; nothing was restored")


def _sha256_of(path: Path) -> str:
    """Of a file, read piece by piece."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
