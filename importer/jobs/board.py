"""What is known of all jobs: their records, what they tell, and the uploads that they read.

Goes in: changes. Comes out: records as they are now. Each change is on the disk before anybody sees it, so that a
service that is killed goes on with what it had promised.
"""

from __future__ import annotations

import itertools
import logging
import secrets
import shutil
import threading
from pathlib import Path
from typing import Any

from importer.jobs.events import Events
from importer.jobs.job import ACTIVE, ENDED, Job, JobProgress, JobState, Record, now
from importer.jobs.keeping import outdated
from importer.jobs.naming import Hidden, allowed_file
from importer.jobs.refusals import NoRoomError, NoSuchJobError
from importer.jobs.store import JobStore
from importer.jobs.uploads import Uploads

__all__ = ["Board"]

log = logging.getLogger(__name__)


class Board:
    """The records of all jobs.

    Args:
        folder: where jobs and uploads are kept.
        most_upload_bytes: of one upload.
        allow_folder: of files that are read by their path.

    Attributes:
        lock: held while several things are to be seen as one; it may be taken again by its holder.
        uploads: the files that were sent.
        scratch: for what is of no use to the next run of the service.
    """

    def __init__(self, folder: Path, *, most_upload_bytes: int, allow_folder: Path | None) -> None:
        self.lock = threading.RLock()
        self.scratch = folder / "scratch"
        self.uploads = Uploads(folder / "uploads", most_upload_bytes)
        self._store = JobStore(folder / "jobs")
        self._folder, self._allow_folder = folder, allow_folder
        self._records: dict[str, Record] = {}
        self._events: dict[str, Events] = {}
        self._run = secrets.token_hex(3)
        self._numbers = itertools.count(1)

    def open(self) -> list[Record]:
        """Take up the jobs of earlier runs of the service; the oldest comes first.

        Raises:
            ConfigurationError: another service works in the same folder.
            NoRoomError: the folder cannot be made.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = self._store.open()
        self.uploads.open()
        shutil.rmtree(self.scratch, ignore_errors=True)
        self._records = {record.id: record for record in found}
        return found

    def close(self) -> None:
        """Let go of the folder."""
        self._store.close()

    def place(self, job: str) -> Path:
        """The folder of a job."""
        return self._store.place(job)

    def add(self, record: Record) -> None:
        """A new job.

        Raises:
            NoRoomError: the disk refuses.
        """
        with self.lock:
            self._store.keep(record)
            self._records[record.id] = record

    def record(self, job: str) -> Record:
        """A job as it is now.

        Raises:
            NoSuchJobError: there is none of that id.
        """
        with self.lock:
            if job not in self._records:
                raise NoSuchJobError(f"there is no import {job[:60]!r}")
            return self._records[job]

    def records(self) -> list[Record]:
        """All of them, in the order in which they came."""
        with self.lock:
            return sorted(self._records.values(), key=lambda record: record.id)

    def change(self, job: str, **what: Any) -> Record:
        """Something of a job is another thing now, even where the disk refuses to keep it.

        Raises:
            NoSuchJobError: there is none of that id.
        """
        with self.lock:
            record = self.record(job).model_copy(update=what)
            # Also that it has ended is told to those who heard how it ran.
            listened = self._events.get(job)
            try:
                self.add(record)
            except NoRoomError as error:
                # After a restart it is as it was before: then it is gone on with, or run once more.
                log.warning("that the import %s is %s was not kept: %s", job, record.state, error)
                self._records[job] = record
            if listened is not None:
                listened.tell("state", _json(record.shown))
            return record

    def end(self, job: str, state: JobState, **what: Any) -> None:
        """A job has come to its end, or was interrupted; the upload goes that nobody needs any more."""
        with self.lock:
            record = self.change(job, state=state, ended=now(), cancelling=False, **what)
            # That of a failed one stays a while, to be tried with other options.
            if record.upload and state in {"verified", "cancelled"} and record.upload not in self.uploads_in_use():
                self.uploads.remove(record.upload)
            events = self._events.pop(job, None)
            if events is not None:
                events.tell("end", _json(record.shown))

    def told(self, job: str) -> Events:
        """What a job tells; of one that does not run, how it stands."""
        with self.lock:
            record = self.record(job)
            if job in self._events:
                return self._events[job]
            # Each run of it has a name of its own, and so has each end: who had another one's is told all of this.
            ended = record.state not in {"queued", "running"}
            events = Events(f"{self._run}.{record.ended if ended else next(self._numbers)}")
            events.tell("state", _json(record.shown))
            if record.progress is not None:
                events.tell_progress(record.progress.model_dump(mode="json"))
            if ended:
                events.tell("end", _json(record.shown))
            else:
                self._events[job] = events
            return events

    def note_progress(self, job: str, progress: JobProgress) -> None:
        """How far a job is; this alone need not survive."""
        with self.lock:
            self._records[job] = self.record(job).model_copy(update={"progress": progress})
            events = self.told(job)
        events.tell_progress(progress.model_dump(mode="json"))

    def uploads_in_use(self) -> set[str]:
        """Those that a job reads, or will."""
        with self.lock:
            return {record.upload for record in self._records.values() if record.upload and record.state in ACTIVE}

    def hidden_of(self, path: Path, *more: Path) -> Hidden:
        """The folders that need not be known of where a file is read; what is left of its path is its name."""
        folders = [path.parent] if path.is_relative_to(self.uploads.folder) else []
        folders += [self._allow_folder.resolve()] if self._allow_folder else []
        return Hidden(self._folder, *folders, *more)

    def file_of(self, record: Record) -> Path:
        """The file that a job reads; one that is read by its path must still be allowed.

        Raises:
            NotAllowedError: it is not any more.
            NoSuchUploadError: it has gone.
        """
        return Path(record.path) if record.upload else allowed_file(self._allow_folder, record.path)

    def hidden(self, record: Record) -> Hidden:
        """Those of a job."""
        return self.hidden_of(Path(record.path), self.place(record.id))

    def sweep(self) -> None:
        """Forget old jobs and old uploads."""
        with self.lock:
            gone = outdated(record for record in self._records.values() if record.state in ENDED)
            for job in gone:
                del self._records[job]
        self._store.forget(gone)
        for upload in self.uploads.old():
            with self.lock:
                if upload not in self.uploads_in_use():
                    self.uploads.remove(upload)


def _json(job: Job) -> dict[str, Any]:
    return job.model_dump(mode="json")
