"""The rejects file: one line per cell, row or point that could not be loaded."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from importer.errors import ConfigurationError, SpoolError
from importer.records import Reject

__all__ = ["COLUMNS", "RejectsFile", "check_rejects_path"]

COLUMNS = ("source", "line", "byte_offset", "column", "error_type", "error_message", "raw")


class RejectsFile:
    """Written anew on each run; it exists only once there is a reject.

    Args:
        path: where it goes.

    Attributes:
        lines: written so far.

    Raises:
        ConfigurationError: it could never be written there.
        SpoolError: it cannot be written; a load must stop then, so that no reject goes unrecorded.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines = 0
        self._file: TextIO | None = None
        check_rejects_path(path)
        try:
            if path.is_file():
                path.unlink()
        except OSError as error:
            raise ConfigurationError(f"cannot replace the rejects file {str(path)!r}: {error.strerror}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._file is not None:
                self._file.close()
        except OSError as failure:
            # What could not be written once is tried again here: the first error has told of it.
            if error is None:
                raise self._unwritable(failure) from failure

    def complete(self) -> None:
        """Force what was written to the disk, and close the file: the bucket is about to be put in its place.

        Raises:
            SpoolError: it cannot be written.
        """
        if self._file is None:
            return
        try:
            self._file.flush()
            if self.path.is_file():
                os.fsync(self._file.fileno())
            self._file.close()
        except OSError as error:
            raise self._unwritable(error) from error

    def write(self, rejects: Iterable[Reject]) -> None:
        """Append rejects; they are on their way to the disk when this returns."""
        try:
            for reject in rejects:
                self._line(reject)
            if self._file is not None:
                self._file.flush()
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> SpoolError:
        return SpoolError(
            f"cannot write the rejects file {str(self.path)!r}: {error.strerror}: "
            "make room, or name another place by --rejects"
        )

    def _line(self, reject: Reject) -> None:
        if self._file is None:
            self._file = self.path.open("w", newline="", encoding="utf-8")
            csv.writer(self._file).writerow(COLUMNS)
        csv.writer(self._file).writerow(
            (
                reject.source,
                reject.line,
                reject.byte_offset,
                reject.column,
                reject.error_type,
                reject.error_message,
                reject.raw,
            )
        )
        self.lines += 1


def check_rejects_path(path: Path) -> None:
    """Refuse a place where rejects could never be written, before the load and not in its midst.

    Raises:
        ConfigurationError: it is a folder, in one that does not exist or may not be written to, or a file that is
            something else: a mistyped name must not cost it.
    """
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise ConfigurationError(f"cannot write the rejects file {str(path)!r}: name a file in a folder that exists")
    # A file is made anew, so that its folder counts; what is none (such as a pipe) is written to itself.
    is_special = path.exists() and not path.is_file()
    place, what = (path, "it") if is_special else (path.absolute().parent, "its folder")
    if not os.access(place, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
        raise ConfigurationError(
            f"cannot write the rejects file {str(path)!r}: {what} may not be written to; name another by --rejects"
        )
    if not path.is_file():
        return
    try:
        with path.open("rb") as file:
            head = file.readline(1_000).strip()
    except OSError as error:
        raise ConfigurationError(f"cannot replace the rejects file {str(path)!r}: {error.strerror}") from error
    if head and head != ",".join(COLUMNS).encode():
        raise ConfigurationError(f"{str(path)!r} is there and is no rejects file: name another one by --rejects")
