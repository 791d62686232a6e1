"""Keeps away for a while from what has just failed, so that nobody waits for it again and again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

__all__ = ["Breaker"]

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0


class Breaker:
    """Says whether to try; after a failure one caller at a time may, after pauses that double.

    Args:
        clock: seconds that only rise.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._closed_until = 0.0

    @property
    def has_failed(self) -> bool:
        """Whether the last try failed."""
        return self._failures > 0

    def may_try(self) -> bool:
        """Whether to try now; who is told so after a failure is the only one for a while."""
        with self._lock:
            if not self._failures:
                return True
            if self._clock() < self._closed_until:
                return False
            self._closed_until = self._clock() + self._pause_seconds()
            return True

    def succeed(self) -> bool:
        """Hear that it worked; true if that is news."""
        with self._lock:
            is_news, self._failures = self._failures > 0, 0
            return is_news

    def fail(self) -> bool:
        """Hear that it did not; true if that is news."""
        with self._lock:
            self._failures += 1
            self._closed_until = self._clock() + self._pause_seconds()
            return self._failures == 1

    def _pause_seconds(self) -> float:
        return float(min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** min(self._failures - 1, 10)))
