"""A bound on how much goes on at once, which may move while it does.

Goes in: what says how many there may be now. Comes out: slots, to be taken before and given back after.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

__all__ = ["Slots"]


class Slots:
    """So many may go on at once as ``most`` says, which is asked at each taking.

    Where the bound has come down, as many stay taken as were, and none is given out until enough came back.

    Args:
        most: how many there may be now. It is called with a lock held, so it must not take slots.
    """

    def __init__(self, most: Callable[[], int]) -> None:
        self._most = most
        self._taken = 0
        self._changed = threading.Condition()

    def acquire(self, timeout: float | None = None) -> bool:
        """Take a slot; False if there was none within ``timeout`` seconds (None: wait for ever)."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._taken < self._most(), timeout):
                return False
            self._taken += 1
            return True

    def release(self) -> None:
        """Give a slot back; whoever waits looks again how many there may be."""
        with self._changed:
            self._taken -= 1
            self._changed.notify_all()

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
