"""What a cache counts, from several threads."""

from __future__ import annotations

import threading

__all__ = ["Counts"]


class Counts:
    """Numbers that only rise.

    Attributes:
        hits: values that were found.
        misses: values that were not.
        invalidations: groups that were invalidated.
        errors: calls that failed.
    """

    def __init__(self) -> None:
        self.hits = self.misses = self.invalidations = self.errors = 0
        self._lock = threading.Lock()

    def add(self, *, hits: int = 0, misses: int = 0, invalidations: int = 0, errors: int = 0) -> None:
        """Count further."""
        with self._lock:
            self.hits += hits
            self.misses += misses
            self.invalidations += invalidations
            self.errors += errors
