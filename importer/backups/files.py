"""A backup's files while they are sent: opened, in parts, or looked into.

Goes in: a file's path. Comes out: its bytes, some megabytes at a time.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

from importer.backups.layout import ManifestShard
from importer.errors import SourceError
from importer.server.wire import PIECE

__all__ = ["gzip_parts", "holds_data", "opened"]


def opened(path: Path) -> closing[BinaryIO]:
    """A file, to be closed.

    Raises:
        SourceError: it cannot be read.
    """
    try:
        return closing(path.open("rb"))
    except OSError as error:
        raise SourceError(f"cannot read {str(path)!r}: {error.strerror}") from error


def gzip_parts(file: BinaryIO) -> Iterator[bytes]:
    """The parts of a file that was compressed part by part, each as it stands there."""
    part, unpacking, data = bytearray(), zlib.decompressobj(wbits=31), file.read(PIECE)
    while data:
        unpacking.decompress(data)
        part += data[: len(data) - len(unpacking.unused_data)]
        data = unpacking.unused_data
        if unpacking.eof:
            yield bytes(part)
            part, unpacking = bytearray(), zlib.decompressobj(wbits=31)
        data = data or file.read(PIECE)


def holds_data(path: Path, shard: ManifestShard) -> bool:
    """Whether a shard's archive has a file in it, and is not just an archive's end."""
    with gzip.open(path) if shard.compression else path.open("rb") as file:
        return bool(file.read(1).strip(b"\0"))
