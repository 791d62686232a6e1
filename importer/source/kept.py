"""What can be read in order only, kept in a file where it must be read anywhere; and the other way round.

Goes in: bytes in order. Comes out: a file that can be sought in, removed when it is closed.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, BinaryIO, cast

from importer.errors import SourceError
from importer.source.bounds import Bounds

__all__ = ["Kept", "check_kept_size", "read_as_file"]


class Kept:
    """A file to be read anywhere.

    Attributes:
        file: open for reading.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self.file = cast("BinaryIO", file)

    @classmethod
    def of(cls, first: bytes, more: Callable[[], bytes], *, name: str, folder: Path | None, bounds: Bounds) -> Kept:
        """Keep what there is, in a file that has no name and goes with this process.

        Args:
            first: the first bytes.
            more: gives the next ones; none at the end.
            name: of the source.
            folder: where; None: the system's own for such files.
            bounds: how much may be kept.

        Raises:
            SourceError: there is too much, or no room for it.
        """
        try:
            if folder is not None:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by close
        except OSError as error:
            raise SourceError(f"cannot keep {name!r} in {str(folder)!r}: {error.strerror}") from error
        kept, size, piece = cls(file), 0, first
        try:
            while piece:
                size += len(piece)
                check_kept_size(name, size, bounds)
                file.write(piece)
                piece = more()
            file.seek(0)
        except OSError as error:
            kept.close()
            raise SourceError(f"cannot keep {name!r} on the disk: {error.strerror}") from error
        except BaseException:
            kept.close()
            raise
        return kept

    @classmethod
    def already(cls, path: Path, name: str) -> Kept:
        """A file that is on a disk.

        Raises:
            SourceError: it cannot be read.
        """
        try:
            return cls(path.open("rb"))
        except OSError as error:
            raise SourceError(f"cannot read {name!r}: {error.strerror}") from error

    def close(self) -> None:
        """Close it, and remove it if it was made here."""
        self.file.close()


def check_kept_size(name: str, size: int, bounds: Bounds) -> None:
    """Refuse to keep more than is allowed.

    Raises:
        SourceError: it is more.
    """
    if size > bounds.max_download_bytes:
        raise SourceError(
            f"{name!r} must be kept on the disk to be read, and has more than the {bounds.max_download_bytes:,} bytes "
            "that are allowed; allow more by --max-download-bytes"
        )


class _InOrder(io.RawIOBase):
    def __init__(self, first: bytes, more: Callable[[], bytes]) -> None:
        self._ahead, self._more = memoryview(first), more

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        into = memoryview(cast("bytearray", buffer)).cast("B")
        if not self._ahead:
            self._ahead = memoryview(self._more())
        size = min(len(into), len(self._ahead))
        into[:size], self._ahead = self._ahead[:size], self._ahead[size:]
        return size


def read_as_file(first: bytes, more: Callable[[], bytes]) -> BinaryIO:
    """A file that is read in order only.

    Args:
        first: its first bytes.
        more: gives the next ones; none at the end.
    """
    return cast("BinaryIO", io.BufferedReader(_InOrder(first, more), 1 << 16))
