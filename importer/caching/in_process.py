"""The cache within the process: quick, and known to nobody else."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cachetools import LRUCache, TLRUCache

from importer.caching.cache import CacheInfo, Found, Kept, Place
from importer.caching.counts import Counts

__all__ = ["InProcessCache"]

MOST_BYTES = 64 << 20
MOST_GROUPS = 100_000
OVERHEAD_BYTES = 500
"""Of a value in memory, about, beside its bytes and its name."""


@dataclass(frozen=True, slots=True)
class _Held:
    """A value, the stamp that its group had, and the moment until which it is good."""

    stamp: str
    value: bytes
    until: float


class InProcessCache:
    """Keeps the values that were asked for last.

    Args:
        ttl_seconds: for how long a value is good.
        most_bytes: of all values, about; a value that is larger than an eighth of it is not kept.

    Attributes:
        counts: what has been counted so far.
        is_at_hand: looking up waits for nobody.
    """

    is_at_hand = True

    def __init__(self, ttl_seconds: float, *, most_bytes: int = MOST_BYTES) -> None:
        self._ttl_seconds = ttl_seconds
        self._largest = most_bytes // 8
        self.counts = Counts()
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._stamps: LRUCache[str, str] = LRUCache(MOST_GROUPS)
        self._values: TLRUCache[Place, _Held] = TLRUCache(
            most_bytes,
            ttu=lambda _, held, __: held.until,
            timer=time.monotonic,
            getsizeof=lambda held: len(held.value) + OVERHEAD_BYTES,
        )

    def look_up(self, places: Sequence[Place]) -> list[Found]:
        """What there is at each of these places."""
        found = []
        with self._lock:
            for place in places:
                stamp = self._stamps.get(place.group)
                if stamp is None:
                    self._stamps[place.group] = stamp = str(next(self._numbers))
                held = self._values.get(place)
                is_good = held is not None and held.stamp == stamp
                found.append(Found(held.value, stamp, held.until) if held and is_good else Found(None, stamp))
        hits = sum(each.value is not None for each in found)
        self.counts.add(hits=hits, misses=len(found) - hits)
        return found

    def keep(self, kept: Sequence[Kept]) -> None:
        """Keep values, as far as their groups were not invalidated meanwhile."""
        until = time.monotonic() + self._ttl_seconds
        with self._lock:
            for each in kept:
                if self._stamps.get(each.place.group) == each.stamp and len(each.value) <= self._largest:
                    good_until = until if each.until is None else min(until, each.until)
                    self._values[each.place] = _Held(each.stamp, each.value, good_until)

    def invalidate(self, groups: Iterable[str]) -> None:
        """Give these groups other stamps."""
        number = 0
        with self._lock:
            for group in groups:
                self._stamps.pop(group, None)
                number += 1
        self.counts.add(invalidations=number)

    def clear(self) -> None:
        """Invalidate all groups."""
        with self._lock:
            self._stamps.clear()
            self._values.clear()
        self.counts.add(invalidations=1)

    def info(self) -> CacheInfo:
        """How it is doing."""
        with self._lock:
            self._values.expire()
            entries = len(self._values)
        counts = self.counts
        return CacheInfo(
            "in process",
            available=True,
            entries=entries,
            hits=counts.hits,
            misses=counts.misses,
            invalidations=counts.invalidations,
            errors=counts.errors,
            ttl_seconds=self._ttl_seconds,
        )

    def close(self) -> None:
        """Forget everything."""
        self.clear()
