"""The folder of a load, below the state folder: its journal and its spool, and the lock that tells whether it is alive.

The lock is the system's: when its holder dies, however it dies, the system lets go of it.
"""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from types import TracebackType
from typing import Self

from importer.errors import ConfigurationError, SpoolError
from importer.locks import held

__all__ = ["JOURNAL", "LoadFolder", "check_state_dir", "fsync_folder", "load_folders"]

PREFIX, LOCK = "load-", "lock"

JOURNAL = "journal"
"""Name of the journal in its folder."""


class LoadFolder:
    """A folder that this process holds; removed at the end, unless it is to stay for a load that goes on.

    Args:
        path: where it is.
        lock: a descriptor that holds its lock.

    Attributes:
        stays: whether it is kept at the end.
    """

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self.stays = False
        self._lock = lock

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self.stays:
            shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)

    @classmethod
    def create(cls, state_dir: Path, load_id: str) -> LoadFolder:
        """A new one, for its owner alone.

        Raises:
            SpoolError: it cannot be written.
        """
        path = state_dir / f"{PREFIX}{load_id}"
        try:
            state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.mkdir(mode=0o700)
            lock = held(path / LOCK)
            fsync_folder(state_dir)
        except OSError as error:
            raise SpoolError(
                f"cannot keep the accounts in {str(state_dir)!r}: {error.strerror}; name another folder by --state-dir"
            ) from error
        if lock is None:
            raise SpoolError(f"{str(path)!r} is held by another process")
        return cls(path, lock)

    @classmethod
    def hold(cls, path: Path) -> LoadFolder | None:
        """The folder of a dead load, which stays unless told otherwise; None if its load is alive or another user's."""
        try:
            lock = held(path / LOCK) if (path / LOCK).exists() else None  # without, it is just being made
        except OSError:
            return None
        if lock is None:
            return None
        folder = cls(path, lock)
        folder.stays = True
        return folder

    @property
    def load_id(self) -> str:
        """The load's id."""
        return self.path.name.removeprefix(PREFIX)

    @property
    def journal(self) -> Path:
        """The journal's place."""
        return self.path / JOURNAL

    @property
    def spool(self) -> Path:
        """The spool's place."""
        return self.path / "spool"


def check_state_dir(path: Path) -> None:
    """Make the state folder if it is not there.

    Raises:
        ConfigurationError: it cannot be made, or may not be written to.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not os.access(path, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise ConfigurationError(
            f"cannot keep the accounts in {str(path)!r}: {error.strerror}; name another folder by --state-dir"
        ) from error


def load_folders(state_dir: Path) -> list[Path]:
    """The folders of all loads, dead or alive, the youngest first."""
    return sorted(state_dir.glob(f"{PREFIX}*"), reverse=True)


def fsync_folder(path: Path) -> None:
    """Force a folder's entries to the disk.

    Raises:
        OSError: as the system says.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
