"""Files that appear whole or not at all.

Goes in: a path. Comes out: a file beside it to write to, which takes the path's name when all is in it.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from importer.errors import ConfigurationError, ImporterError

__all__ = ["check_place", "new_file", "whole_file"]

FORCE = "--force"


def check_place(path: Path, what: str, *, replace: bool, option: str = FORCE) -> None:
    """Refuse a place where a file cannot be written, before the work and not after it.

    Args:
        path: of the file; a device or a pipe is as good.
        what: it is, for the message, such as ``the report``.
        replace: whether a file that is there may go.
        option: that says so.

    Raises:
        ConfigurationError: it is a folder, in one that does not exist or may not be written to, or there already.
    """
    if _is_special(path):
        return
    place = _place(path)
    if place.is_dir() or not place.parent.is_dir():
        raise ConfigurationError(f"cannot write {what} to {str(path)!r}: name a file in a folder that exists")
    if not os.access(place.parent, os.W_OK):
        raise ConfigurationError(f"cannot write {what} to {str(path)!r}: you may not write to that folder")
    if place.exists() and not replace:
        raise ConfigurationError(f"{str(path)!r} is there already: name another file, or say {option} to replace it")


@contextmanager
def new_file(path: Path, what: str, *, replace: bool, option: str = FORCE) -> Iterator[BinaryIO]:
    """Write to the file that this gives; where that ends well, it becomes `path`. A device or a pipe is written itself.

    Args:
        path: of the file.
        what: it is, for the message.
        replace: whether a file that is there may go.
        option: that says so.

    Raises:
        ConfigurationError: as :func:`check_place`.
        ImporterError: the disk refuses.
    """
    check_place(path, what, replace=replace, option=option)
    try:
        if _is_special(path):
            with path.open("wb") as device:
                yield device
            return
        with whole_file(_place(path)) as file:
            yield file
            check_place(path, what, replace=replace, option=option)  # somebody may have made it meanwhile
    except OSError as error:
        raise ImporterError(f"cannot write {what} to {str(path)!r}: {error.strerror or error}") from error


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Write to a file beside `path`, which is forced to the disk and takes its place where that ends well.

    Args:
        path: of the file, which may be there, and is no link.

    Raises:
        OSError: the disk refuses; what was there stays.
    """
    draft = path.with_name(f".{path.name[:60]}.{secrets.token_hex(4)}.part")  # at most 255 bytes
    try:
        with draft.open("xb") as file:
            if path.exists():
                draft.chmod(stat.S_IMODE(path.stat().st_mode))
            yield file
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _is_special(path: Path) -> bool:
    return path.exists() and not path.is_file() and not path.is_dir()


def _place(path: Path) -> Path:
    """What a link leads to is replaced, and the link stays."""
    return Path(os.path.realpath(path))
