"""The archive in which a shard's storage files go to the server: tar, written once, as its files are written.

Goes in: a file, at its beginning. Comes out: places in it to write storage files to. There is no mark at its end: the
server would stop reading there, and never come to the checksum of what the archive is packed in.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from importer.tsm.writer import Writer

__all__ = ["Archive"]

_BLOCK = tarfile.BLOCKSIZE


class Archive:
    """Writes an archive.

    Args:
        file: to write to; it can be sought in.

    Attributes:
        files: how many are in it.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.files = 0

    @contextmanager
    def storage_file(self) -> Iterator[Writer]:
        """A place for the next storage file, finished where the context ends well.

        Raises:
            UnstorableError: nothing was written to it.
            OSError: the disk refuses.
        """
        head = self._file.tell()
        self._file.write(bytes(_BLOCK))
        writer = Writer(self._file)
        try:
            yield writer
            writer.finish()
        finally:
            writer.close()
        size = self._file.tell() - head - _BLOCK
        self._file.write(bytes(-size % _BLOCK))
        self.files += 1
        # One generation, as what a compaction of the server's leaves: it has nothing to do with them then.
        member = tarfile.TarInfo(f"000000001-{self.files:09}.tsm")
        member.size = size
        self._file.seek(head)
        self._file.write(member.tobuf(tarfile.USTAR_FORMAT))
        self._file.seek(0, 2)
