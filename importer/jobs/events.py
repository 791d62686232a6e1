"""What a job tells while it runs, for anybody who listens, however slowly.

Goes in: events, from any thread. Comes out: those that came after one that a listener knows. Only the last ones are
kept: who is too slow misses some, and holds up nobody.
"""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Literal

__all__ = ["Event", "EventKind", "Events"]

EventKind = Literal["state", "progress", "log", "end"]

KEPT = 1_000
PROGRESS_EVERY_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened.

    Attributes:
        id: unlike all others of the job, also those of earlier runs of the service.
        kind: what it is about.
        data: JSON on one line.
    """

    id: str
    kind: EventKind
    data: str


class Events:
    """The last events of one job in one run of it.

    Args:
        run: tells this run's ids from those of all others, also of this job.
    """

    def __init__(self, run: str) -> None:
        self.ended = False
        self._run = run
        self._kept: deque[tuple[int, Event]] = deque(maxlen=KEPT)
        self._progress: tuple[int, Event] | None = None
        """Apart, as there is so much of it that nothing else would be left."""
        self._number = 0
        self._lock = threading.Lock()
        self._listeners: list[Callable[[], None]] = []
        self._progress_after = 0.0
        self._pending: dict[str, Any] | None = None
        self._phase: object = None

    def tell(self, kind: EventKind, data: dict[str, Any]) -> None:
        """Something happened; behind an ``end`` nothing does."""
        with self._lock:
            if self.ended:
                return
            if kind in {"state", "end"} and self._pending is not None:
                self._keep("progress", self._pending)
                self._pending = None
            self._keep(kind, data)
            self.ended = kind == "end"
            listeners = tuple(self._listeners)
        for wake in listeners:
            wake()

    def tell_progress(self, data: dict[str, Any]) -> None:
        """How far it is: at most four times a second, but at once where the phase changes, and at last."""
        moment = time.monotonic()
        with self._lock:
            if moment < self._progress_after and data.get("phase") == self._phase:
                self._pending = data
                return
            self._progress_after = moment + PROGRESS_EVERY_SECONDS
            self._phase, self._pending = data.get("phase"), None
        self.tell("progress", data)

    def after(self, known: str | None) -> list[Event]:
        """The events behind one.

        Args:
            known: its id; None, or one that is not of this run: all that are kept. Of the progress it is the last.
        """
        with self._lock:
            number = self._number_of(known)
            kept = [*self._kept, self._progress] if self._progress else self._kept
            return [event for own, event in sorted(kept, key=itemgetter(0)) if own > number]

    @contextmanager
    def listening(self, wake: Callable[[], None]) -> Iterator[None]:
        """Have a function called at each event; it must return at once."""
        with self._lock:
            self._listeners.append(wake)
        try:
            yield
        finally:
            with self._lock:
                self._listeners.remove(wake)

    def _number_of(self, known: str | None) -> int:
        run, _, number = (known or "").rpartition("-")
        return int(number) if run == self._run and number.isascii() and number.isdigit() and len(number) < 20 else 0  # noqa: PLR2004 - far beyond any

    def _keep(self, kind: EventKind, data: dict[str, Any]) -> None:
        self._number += 1
        text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
        numbered = self._number, Event(f"{self._run}-{self._number}", kind, text)
        if kind == "progress":
            self._progress = numbered
        else:
            self._kept.append(numbered)
