"""One computation for all who ask for the same at the same time.

Whoever asks while an answer is being computed does not get that one, which may be older than the question; but all who
ask meanwhile share the next one. So each answer was begun after it was asked for, and no more than one of a kind is
being computed, however many ask.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

__all__ = ["Flights"]

T = TypeVar("T")


class Flights(Generic[T]):
    """Computations under way, by what they are about. Safe to call from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[Hashable, Future[T]] = {}
        self._next: dict[Hashable, Future[T]] = {}

    def join(self, key: Hashable, compute: Callable[[], T]) -> T:
        """What a computation gives that begins now or later.

        Args:
            key: the same for those who may share.
            compute: what one of them calls; what it raises is raised to all.
        """
        with self._lock:
            before = self._running.get(key)
            shared = None if before is None else self._next.get(key)
            if shared is None:
                own: Future[T] = Future()
                (self._running if before is None else self._next)[key] = own
        if shared is not None:
            return shared.result()
        if before is not None:
            before.exception()  # waits for its end, whatever it is; then it is our turn
        try:
            result = compute()
        except BaseException as error:
            self._land(key)
            own.set_exception(error)
            raise
        self._land(key)
        own.set_result(result)
        return result

    def _land(self, key: Hashable) -> None:
        """Let those begin who have been waiting; whoever asks from now on waits for the next ones."""
        with self._lock:
            following = self._next.pop(key, None)
            if following is None:
                del self._running[key]
            else:
                self._running[key] = following
