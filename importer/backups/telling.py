"""Telling now and then how far a long piece of work is."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["Telling"]

EVERY_SECONDS = 5.0


class Telling:
    """Counts steps, and says how many are done once some seconds have passed since it last did.

    Args:
        say: takes a line for the user.
        what: the steps are, such as ``shard groups saved``.
        total: how many there will be.
    """

    def __init__(self, say: Callable[[str], None], what: str, total: int) -> None:
        self._say = say
        self._what = what
        self._total = total
        self._done = 0
        self._told_at = time.monotonic()

    def step(self) -> None:
        """One is done."""
        self._done += 1
        if time.monotonic() - self._told_at >= EVERY_SECONDS:
            self._told_at = time.monotonic()
            self._say(f"  {self._done:,} of {self._total:,} {self._what}")
