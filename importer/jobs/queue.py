"""The queue of imports: who may come in, who goes next, who is told to end.

Goes in: what is wanted, and the file. Comes out: jobs, run in their order by as many workers as are set.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from importer.errors import LoadInProgressError
from importer.jobs.board import Board
from importer.jobs.entering import MOST_DEATHS, new_record, taken_up
from importer.jobs.events import Events
from importer.jobs.job import ACTIVE, ENDED, Job, Wanted
from importer.jobs.loading import REJECTS, load_options
from importer.jobs.naming import Hidden
from importer.jobs.refusals import JobStateError, QueueFullError
from importer.jobs.running import run_job
from importer.jobs.uploads import Upload, Uploads
from importer.jobs.workers import Workers
from importer.server.connection import Connection

__all__ = ["Jobs"]

log = logging.getLogger(__name__)


class Jobs:
    """All imports of a service.

    Args:
        folder: where jobs and uploads are kept.
        connection: finds InfluxDB.
        workers: loads that run at once.
        most_queued: jobs that may wait.
        most_upload_bytes: of one upload.
        allow_folder: of files that are read by their path, which messages do not show.
        loaded: is told of each bucket that a load has written to, before its job has ended.
    """

    def __init__(
        self,
        folder: Path,
        connection: Callable[[], Connection],
        *,
        workers: int = 1,
        most_queued: int = 100,
        most_upload_bytes: int = 1 << 34,
        allow_folder: Path | None = None,
        loaded: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._board = Board(folder, most_upload_bytes=most_upload_bytes, allow_folder=allow_folder)
        self._connection = connection
        self._loaded = loaded
        self._most_queued = most_queued
        self._workers = Workers(workers, self._board.lock, run=self._run, again=self._is_taken_back)

    @property
    def uploads(self) -> Uploads:
        """The files that were sent."""
        return self._board.uploads

    @property
    def scratch(self) -> Path:
        """A folder for what is of no use to the next run of the service."""
        return self._board.scratch

    def hidden_of(self, path: Path) -> Hidden:
        """What is not to be shown of a file's path."""
        return self._board.hidden_of(path)

    def open(self) -> None:
        """Take up the jobs of earlier runs, those that were running first, and begin to work.

        Raises:
            ConfigurationError: another service works in the same folder.
            NoRoomError: the folder cannot be made.
        """
        found = [taken_up(self._board, record) for record in self._board.open()]
        for record in sorted(found, key=lambda record: record.attempts == 0):
            if record.state == "queued":
                self._workers.put(record.id)
        self.sweep()
        self._workers.open()

    def close(self) -> None:
        """Stop what is running, so that the next run of the service goes on with it."""
        self._workers.close()
        self._board.close()

    def submit(self, wanted: Wanted, source: Path, *, upload: Upload | None = None) -> Job:
        """Have a file loaded.

        Args:
            wanted: how.
            source: the file.
            upload: which it is, where it was sent; it is removed when its import has ended well, or was cancelled.

        Raises:
            ConfigurationError: an option or the mapping is wrong.
            SourceError: the file cannot be read.
            LoadInProgressError: a job of the same bucket waits or runs.
            QueueFullError: too many jobs wait.
            NoSuchUploadError: the upload has just been removed.
            NoRoomError: the disk refuses.
        """
        record = new_record(self._board, wanted, source, upload)
        with self._board.lock:
            self.check_place(record.bucket)
            if upload is not None:
                self.uploads.find(upload.upload)
            self._board.add(record)
            self._workers.put(record.id)
        return record.shown

    def bucket_of(self, wanted: Wanted, source: Path) -> str:
        """The bucket that a job would fill.

        Raises:
            ConfigurationError: an option is wrong, or the bucket must be named.
        """
        return load_options(wanted, source, self.scratch).bucket

    def check_place(self, bucket: str | None) -> None:
        """Refuse a job that could not be queued, before its file is sent.

        Args:
            bucket: that it fills; None: not known yet.

        Raises:
            LoadInProgressError: another job is about to fill that bucket; names it.
            QueueFullError: too many jobs wait.
        """
        with self._board.lock:
            for other in self._board.records():
                if other.bucket == bucket and other.state in ACTIVE:
                    raise LoadInProgressError(
                        f"the import {other.id} of the bucket {bucket!r} is {other.state}: "
                        "wait for its end, cancel it, or name another bucket"
                    )
            if self._workers.waiting >= self._most_queued:
                raise QueueFullError(f"{self._most_queued} imports are waiting already; try again when some have ended")

    def get(self, job: str) -> Job:
        """A job as it is now.

        Raises:
            NoSuchJobError: there is none of that id.
        """
        return self._board.record(job).shown

    def newest(self, most: int) -> list[Job]:
        """The last jobs, the newest first."""
        return [record.shown for record in self._board.records()[: -most - 1 : -1]]

    def counts(self) -> dict[str, int]:
        """How many jobs are in each state."""
        states = [record.state for record in self._board.records()]
        return {state: states.count(state) for state in sorted(ACTIVE | ENDED)}

    def events(self, job: str) -> Events:
        """What a job tells.

        Raises:
            NoSuchJobError: there is none of that id.
        """
        return self._board.told(job)

    def rejects(self, job: str) -> tuple[Path, Hidden]:
        """Where a job's rejects are, if there are any, and what is not to be shown of them.

        Raises:
            NoSuchJobError: there is none of that id.
        """
        return self._board.place(job) / REJECTS, self._board.hidden(self._board.record(job))

    def cancel(self, job: str) -> Job:
        """Tell a job to end: one that waits is ended at once, one that runs as soon as it can be.

        Raises:
            NoSuchJobError: there is none of that id.
            JobStateError: it has ended.
        """
        with self._board.lock:
            record = self._board.record(job)
            if record.state in ENDED:
                raise JobStateError(f"the import {job} has ended: it is {record.state}")
            if self._workers.runs(job):
                self._board.change(job, cancelling=True)
                self._workers.stop(job)
            elif record.attempts:
                # What it had staged is to be removed, which needs the server.
                self._board.change(job, cancelling=True, state="queued")
                self._workers.put(job)
            else:
                self._workers.take_out(job)
                self._board.end(job, "cancelled")
            return self.get(job)

    def resume(self, job: str) -> Job:
        """Have a job gone on with that was interrupted.

        Raises:
            NoSuchJobError: there is none of that id.
            JobStateError: it was not interrupted.
        """
        with self._board.lock:
            record = self._board.record(job)
            if record.state != "interrupted" or self._workers.runs(job):
                raise JobStateError(f"the import {job} is not interrupted: it is {record.state}")
            deaths = min(record.deaths, MOST_DEATHS - 1)  # at the next one it is left again
            self._board.change(job, state="queued", ended=None, deaths=deaths)
            self._workers.put(job)
            return self.get(job)

    def sweep(self) -> None:
        """Forget old jobs, and old uploads that no job reads; where the disk refuses, later."""
        try:
            self._board.sweep()
        except OSError as error:
            log.warning("old jobs and uploads could not be removed: %s", error.strerror)

    def discard(self, upload: str) -> None:
        """Remove an upload.

        Raises:
            NoSuchUploadError: there is none of that id.
            JobStateError: a job reads it, or will.
        """
        with self._board.lock:
            self.uploads.find(upload)
            if upload in self._board.uploads_in_use():
                raise JobStateError("an import reads this upload, or is about to: cancel it first")
            self.uploads.remove(upload)

    def _run(self, job: str, stop: threading.Event) -> None:
        self.sweep()
        run_job(
            self._board, job, connection=self._connection, stop=stop, alone=self._workers.is_alone, loaded=self._loaded
        )

    def _is_taken_back(self, job: str) -> bool:
        """Whether it was cancelled when it had just stopped: what it had staged is to be removed yet."""
        record = self._board.record(job)
        if not record.cancelling or record.state in ENDED:
            return False
        self._board.change(job, state="queued")
        return True
