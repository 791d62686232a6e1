"""Whether a file is still what it was when the load began: the accounts must be those of one state of it.

Goes in: the state at the beginning and the open file. Comes out: nothing, or a SourceError that says what changed.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from importer.errors import SourceError

__all__ = ["FileState", "check_still_there", "check_unchanged"]

_WHILE = "while it was being read"
_WHAT_TO_DO = "load it when nobody writes to it any more, or load a copy"


@dataclass(frozen=True, slots=True)
class FileState:
    """What tells one state of a file from another.

    Attributes:
        device: that it is on.
        inode: its number there.
        size_bytes: its length.
        modified_ns: when it was last written to, since 1970.
    """

    device: int
    inode: int
    size_bytes: int
    modified_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> Self:
        """The state that a look at a file gives."""
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def check_unchanged(name: str, before: FileState, file_number: int) -> None:
    """Look at an open file.

    Args:
        name: of the source.
        before: its state when the load began.
        file_number: of the open file.

    Raises:
        SourceError: it was replaced, or written to.
    """
    _compare(name, before, FileState.of(os.fstat(file_number)))


def check_still_there(name: str, before: FileState, path: Path) -> None:
    """Look at what bears the file's name, once it was read to its end.

    Raises:
        SourceError: it is another file, or there is none any more.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise SourceError(f"{name!r} was removed {_WHILE} ({error.strerror}): {_WHAT_TO_DO}") from error
    _compare(name, before, FileState.of(status))


def _compare(name: str, before: FileState, now: FileState) -> None:
    if now == before:
        return
    if (now.device, now.inode) != (before.device, before.inode):
        raise SourceError(f"{name!r} was replaced by another file {_WHILE}: {_WHAT_TO_DO}")
    how = "the same size, but other contents"
    if now.size_bytes != before.size_bytes:
        how = f"{before.size_bytes:,} bytes became {now.size_bytes:,}"
    raise SourceError(f"{name!r} was changed {_WHILE} ({how}): {_WHAT_TO_DO}")
