"""A folder for what is unpacked, removed in any case: a process that is killed leaves it to the next one.

The folder is locked as long as its process lives; the lock is the system's.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from importer.errors import SpoolError
from importer.locks import held_folder

__all__ = ["scratch_folder"]

PREFIX = "unpacked-"


@contextmanager
def scratch_folder(state_dir: Path) -> Iterator[Path]:
    """A new folder, for its owner alone; those of processes that died are removed first.

    Raises:
        SpoolError: it cannot be made.
    """
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in state_dir.glob(f"{PREFIX}*"):
            _remove(left)
        path, lock = _made(state_dir)
    except OSError as error:
        raise SpoolError(
            f"cannot unpack the backup to {str(state_dir)!r}: {error.strerror}; name another folder by --state-dir"
        ) from error
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(lock)


def _made(state_dir: Path) -> tuple[Path, int]:
    while True:
        path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=state_dir))
        # Before it is locked, another process may take it for one that was left, and remove it.
        with suppress(FileNotFoundError):
            lock = held_folder(path)
            if lock is not None and path.exists():
                return path, lock
            if lock is not None:
                os.close(lock)


def _remove(path: Path) -> None:
    """Remove a folder unless its process is alive."""
    with suppress(OSError):
        lock = held_folder(path)
        if lock is not None:
            shutil.rmtree(path, ignore_errors=True)
            os.close(lock)
