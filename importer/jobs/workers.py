"""The threads that run jobs, and the line of those that wait for one.

Goes in: ids of jobs. Comes out: each of them run in its turn, with an event that tells it to stop.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

__all__ = ["Workers"]

END_SECONDS = 30.0
"""Loads that are told to stop get these; then they are left to their journal."""


class Workers:
    """As many jobs run at once as there are threads.

    Args:
        number: of threads.
        lock: held while something is changed here; its holder may call all methods but :meth:`close`.
        run: runs a job, until its end or until the event is set.
        again: whether a job that has just been run is to be run once more; called with the lock held.
    """

    def __init__(
        self,
        number: int,
        lock: threading.RLock,
        *,
        run: Callable[[str, threading.Event], None],
        again: Callable[[str], bool],
    ) -> None:
        self._changed = threading.Condition(lock)
        self._run, self._again = run, again
        self._waiting: deque[str] = deque()
        self._stops: dict[str, threading.Event] = {}
        self._closing = False
        self._threads = [
            threading.Thread(target=self._work, name=f"import-{each}", daemon=True) for each in range(number)
        ]

    @property
    def waiting(self) -> int:
        """How many jobs wait."""
        return len(self._waiting)

    def is_alone(self) -> bool:
        """Whether no more than one job runs."""
        return len(self._stops) == 1

    def open(self) -> None:
        """Begin to work."""
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Stop what runs, and begin nothing more."""
        with self._changed:
            self._closing = True
            for stop in self._stops.values():
                stop.set()
            self._changed.notify_all()
        deadline = time.monotonic() + END_SECONDS
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(max(0.0, deadline - time.monotonic()))

    def put(self, job: str) -> None:
        """Have a job run, behind those that wait; one that waits keeps its place."""
        with self._changed:
            if job not in self._waiting:
                self._waiting.append(job)
                self._changed.notify()

    def take_out(self, job: str) -> None:
        """Have a job that waits not be run."""
        with self._changed:
            self._waiting.remove(job)

    def runs(self, job: str) -> bool:
        """Whether a job runs."""
        with self._changed:
            return job in self._stops

    def stop(self, job: str) -> None:
        """Tell a job that runs to end."""
        with self._changed:
            self._stops[job].set()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closing or self._waiting)
                if self._closing:
                    return
                job = self._waiting.popleft()
                stop = self._stops[job] = threading.Event()
            try:
                self._run(job, stop)
            finally:
                with self._changed:
                    del self._stops[job]
                    if self._again(job):
                        self.put(job)
