"""The folder of jobs: a folder for each, with its record, its rejects, and the accounts of its load.

Goes in: records. Comes out: the same ones, in the next run of the service too.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from importer.errors import ConfigurationError
from importer.jobs.folders import own_folder, write_whole
from importer.jobs.job import Record
from importer.jobs.refusals import NoRoomError
from importer.locks import held

__all__ = ["JobStore"]

log = logging.getLogger(__name__)

RECORD, LOCK = "job.json", "lock"


class JobStore:
    """Keeps jobs; held by one service at a time.

    Args:
        folder: where.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock: int | None = None

    def open(self) -> list[Record]:
        """Get hold of the folder, and read what is in it, the oldest job first.

        Raises:
            ConfigurationError: another service works on it.
            NoRoomError: it cannot be made.
        """
        own_folder(self.folder)
        try:
            self._lock = held(self.folder / LOCK)
        except OSError as error:
            raise NoRoomError(f"cannot keep jobs in {str(self.folder)!r}: {error.strerror}") from error
        if self._lock is None:
            raise ConfigurationError(
                f"another service works on the jobs in {str(self.folder)!r}: end it, or name another --state-dir"
            )
        found = [self._read(path) for path in self.folder.iterdir() if path.is_dir()]
        return sorted((record for record in found if record is not None), key=lambda record: record.id)

    def close(self) -> None:
        """Let go of the folder."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def place(self, job: str) -> Path:
        """The folder of a job."""
        return self.folder / job

    def keep(self, record: Record) -> None:
        """Write a record in the place of the one before.

        Raises:
            NoRoomError: the disk refuses.
        """
        write_whole(own_folder(self.place(record.id)) / RECORD, record.model_dump_json())

    def forget(self, jobs: Iterable[str]) -> None:
        """Remove jobs and all that belongs to them."""
        for job in jobs:
            shutil.rmtree(self.place(job), ignore_errors=True)

    def _read(self, path: Path) -> Record | None:
        with suppress(FileNotFoundError):
            try:
                return Record.model_validate_json((path / RECORD).read_text(encoding="utf-8"))
            except (OSError, UnicodeDecodeError, ValidationError) as error:
                log.warning("the job in %s cannot be read, and is left alone: %s", path, type(error).__name__)
                return None
        shutil.rmtree(path, ignore_errors=True)  # a service died before it had written down what the job is
        return None
