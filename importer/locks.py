"""One process at a time: locks that the system takes back when their holder dies, however it dies.

Goes in: the path of what is locked. Comes out: the lock, or that somebody else has it.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["held", "held_folder", "locked"]


@contextmanager
def locked(path: Path, *, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold a lock for the length of a ``with`` block, after waiting for its holder.

    Args:
        path: the lock file; created, with its folder, where it is missing, and never removed.
        waiting: called once if somebody else holds the lock.

    Raises:
        OSError: it cannot be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = _opened(path)
    try:
        if not _is_free(descriptor):
            waiting()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def held(path: Path) -> int | None:
    """A descriptor that holds a lock until it is closed; None if another process does.

    Args:
        path: the lock file; created where it is missing.

    Raises:
        OSError: it cannot be made.
    """
    return _held(_opened(path))


def held_folder(path: Path) -> int | None:
    """The same of a folder itself, so that the lock is gone with it.

    Raises:
        OSError: it is not there, or cannot be locked.
    """
    return _held(os.open(path, os.O_RDONLY | os.O_DIRECTORY))


def _opened(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)


def _held(descriptor: int) -> int | None:
    try:
        if _is_free(descriptor):
            return descriptor
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def _is_free(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
