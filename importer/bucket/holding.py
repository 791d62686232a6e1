"""Holding a bucket: signs of life that others can see, and telling a dead load from a living one.

Goes in: a bucket with the importer's mark. Comes out: whether the load behind it is alive, and for the
load's own bucket a :class:`HeldBucket` that keeps showing that it is.
"""

from __future__ import annotations

import os
import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from importer.bucket import catalogue
from importer.bucket.catalogue import Bucket, Make
from importer.bucket.mark import Mark, Owner
from importer.bucket.names import staging_name
from importer.bucket.settings import BucketSettings
from importer.errors import LoadError, LoadInProgressError, NotFoundError, ServerError
from importer.server.connection import Server

__all__ = ["DEAD_AFTER_SECONDS", "HeldBucket", "check_no_load", "is_alive", "is_held_here", "this_process"]

BEAT_SECONDS: Final = 10.0
DEAD_AFTER_SECONDS: Final = 60.0

# Target and load of what this process holds or is about to hold; a list, as its append and remove are atomic.
_held_here: list[tuple[str, str]] = []


def this_process() -> Owner:
    """The owner that a bucket held by this process names."""
    return Owner(host=socket.gethostname(), machine=_machine(), pid=os.getpid())


def is_alive(bucket: Bucket) -> bool:
    """Whether the load that a bucket's mark names is still at work.

    A load shows life by touching its bucket; 60 seconds without are its death. On the same machine the
    process itself is looked for, so that a killed load does not stand in the way of the next.

    Args:
        bucket: as just read from the server; one without a mark or without an owner is nobody's.
    """
    if bucket.mark is None or bucket.mark.owner is None:
        return False
    if _key(bucket.mark) in _held_here:
        return True
    here, owner = this_process(), bucket.mark.owner
    same_machine = (owner.host, owner.machine) == (here.host, here.machine)
    if same_machine and (owner.pid == here.pid or not _is_running(owner.pid)):
        return False
    return bucket.idle_seconds < DEAD_AFTER_SECONDS


def is_held_here(target: str) -> bool:
    """Whether a load of this very process fills a bucket, or is about to; nothing is asked of the server."""
    return any(held == target for held, _ in tuple(_held_here))


def check_no_load(server: Server, target: str) -> None:
    """Refuse to write into a bucket that a load is about to replace together with what would be written.

    Args:
        server: the connection.
        target: the bucket's name.

    Raises:
        LoadInProgressError: a load is filling it.
        ServerError: the server refused, or did not answer.
    """
    staging = catalogue.find(server, staging_name(target))
    if staging is not None and is_alive(staging):
        raise LoadInProgressError(f"a load is at work on the bucket {target!r}: write to it when that has ended")


class HeldBucket:
    """A bucket that this process works on and shows to be alive; made by :meth:`create` or :meth:`claim`.

    Args:
        server: the connection.
        bucket: as just read from the server or created.
        mark: the mark with this process as its owner, as it stands in the description.

    Attributes:
        lost: set once another process has taken the bucket over or removed it: the load must stop.
    """

    def __init__(self, server: Server, bucket: Bucket, mark: Mark) -> None:
        self.id = bucket.id
        self.lost = threading.Event()
        self._server = server
        self._text = bucket.settings.text
        self._mark = mark
        self._writing = mark
        self._lock = threading.RLock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._beat_until_stopped, name="heartbeat", daemon=True)
        self._thread.start()

    @classmethod
    def create(
        cls, server: Server, name: str, settings: BucketSettings, mark: Mark, *, make: Make = catalogue.create
    ) -> HeldBucket:
        """Make a bucket that is held from its first moment.

        Args:
            server: the connection.
            name: the bucket's.
            settings: of the bucket.
            mark: with this process as its owner.
            make: makes it.

        Raises:
            NameTakenError: there is one of that name.
        """
        with _announced(mark):
            return cls(server, make(server, name, settings, mark), mark)

    @classmethod
    def claim(cls, server: Server, bucket: Bucket, mark: Mark) -> HeldBucket:
        """Take over the bucket of a dead load by writing this process into its mark.

        A load that was only asleep finds another owner in it when it wakes, and stops.

        Raises:
            NotFoundError: the bucket is gone.
        """
        claimed = replace(mark, owner=this_process())
        with _announced(claimed):
            catalogue.update(server, bucket.id, bucket.settings.text, claimed)
            return cls(server, bucket, claimed)

    @property
    def mark(self) -> Mark:
        """The mark as this process wrote it last."""
        return self._mark

    def describe(self, mark: Mark, *, text: str | None = None, name: str | None = None) -> None:
        """Write a new mark, and in the same request a new text and name.

        Args:
            mark: the new mark.
            text: the user's part of the description; None leaves it.
            name: the bucket's new name; None leaves it.

        Raises:
            LoadError: the bucket is no longer this process's.
            NameTakenError: another bucket has that name.
        """
        with self._lock:
            # An answer may get lost on its way, and the step be done again.
            self._writing = mark
            self.check()
            new_text = self._text if text is None else text
            catalogue.update(self._server, self.id, new_text, mark, name)
            self._mark, self._text = mark, new_text

    def check(self) -> None:
        """Look whether the bucket is still this process's.

        Raises:
            LoadError: it is gone, or another process has taken it over.
        """
        with self._lock:
            found = catalogue.get(self._server, self.id)
            if found is None or found.mark is None or not self._is_mine(found.mark):
                self.lost.set()
        if self.lost.is_set():
            raise LoadError(
                f"the load {self._mark.load_id} no longer holds the bucket {self._mark.target!r}: "
                "another process has taken its place or removed its bucket"
            )

    def stop(self) -> None:
        """Show life no longer. The bucket stays as it is."""
        if not self._stopped.is_set():
            self._stopped.set()
            _held_here.remove(_key(self._mark))
        if self._thread is not threading.current_thread():
            self._thread.join(timeout=BEAT_SECONDS)

    def beat(self) -> None:
        """One sign of life; sets `lost` if the bucket is no longer this process's."""
        try:
            with self._lock:  # a step that is under way may change the mark
                self.describe(self._mark)
        except (NotFoundError, LoadError):
            self.lost.set()
        except ServerError:
            # The load itself waits for an absent server, or fails; a missed beat is no reason to.
            return

    def _is_mine(self, found: Mark) -> bool:
        mine = (self._mark.load_id, self._mark.owner)
        return (found.load_id, found.owner) == mine or found == self._writing

    def _beat_until_stopped(self) -> None:
        while not self._stopped.wait(BEAT_SECONDS) and not self.lost.is_set():
            self.beat()


@contextmanager
def _announced(mark: Mark) -> Iterator[None]:
    """Known as held in this process before another of its threads can see the bucket."""
    _held_here.append(_key(mark))
    try:
        yield
    except BaseException:
        _held_here.remove(_key(mark))
        raise


def _key(mark: Mark) -> tuple[str, str]:
    return mark.target, mark.load_id


def _machine() -> str:
    """Something equal for two processes exactly if a process id means the same to both.

    Two containers may share a host name and still number their processes each from 1.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}/{os.readlink('/proc/self/ns/pid')}"  # noqa: PTH115 (the link's text is no path)
    except OSError:
        return f"{uuid.getnode():x}"


def _is_running(pid: int) -> bool:
    if os.name != "posix":
        return True  # signal 0 is no mere question elsewhere; the 60 seconds decide
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
