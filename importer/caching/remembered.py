"""One answer remembered for a while, and asked for by one caller at a time.

Goes in: what asks. Comes out: its answer, never older than so many seconds. What it raises is raised to all who wait,
and not remembered.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from importer.caching.flights import Flights

__all__ = ["Remembered"]

T = TypeVar("T")


class Remembered(Generic[T]):
    """Safe to call from several threads; no lock is held while it asks.

    Args:
        ask: gives the answer.
        seconds: for how long it is good, from the moment it was asked for.
        clock: seconds that only rise.
    """

    def __init__(self, ask: Callable[[], T], seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._ask = ask
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._asking: Flights[T] = Flights()
        self._known: tuple[T, float] | None = None
        self._forgotten = 0

    def __call__(self) -> T:
        """The answer, asked for if it is not known."""
        known = self._good()
        return known[0] if known is not None else self._asking.join(None, self._asked)

    def forget(self) -> None:
        """The answer may be another one from now on; nor is one kept that is just being asked for."""
        with self._lock:
            self._known = None
            self._forgotten += 1

    def _good(self) -> tuple[T, float] | None:
        known = self._known
        return known if known is not None and self._clock() < known[1] else None

    def _asked(self) -> T:
        known = self._good()  # by whoever asked before, perhaps
        if known is not None:
            return known[0]
        with self._lock:
            forgotten = self._forgotten
        until = self._clock() + self._seconds
        answer = self._ask()
        with self._lock:
            if forgotten == self._forgotten:
                self._known = answer, until
        return answer
