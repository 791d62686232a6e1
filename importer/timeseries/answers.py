"""Answers about time series as the cache has them, none of which a write can have made void.

Goes in: what is asked for, and what was computed. Comes out: what is known of it.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager

from cachetools import TTLCache

from importer.caching.cache import Cache, Found, Kept, Place
from importer.errors import TransientServerError

__all__ = ["NOTHING", "Answers", "digest"]

MOST_UNSETTLED = 100_000
"""Groups, of which nothing is kept as long as a write may still be done."""

NOTHING = Found(None, None)


class Answers:
    """Safe to call from several threads.

    Args:
        cache: keeps them.
        where: which bucket of which server, as others may use the same cache.
        unsettled_seconds: for how long a write whose answer was lost may still be done.

    Attributes:
        all: the group of what every write may change.
        are_at_hand: looking up waits for nobody.
    """

    def __init__(self, cache: Cache, where: object, unsettled_seconds: float) -> None:
        self._cache = cache
        self._unsettled: TTLCache[str, bool] = TTLCache(MOST_UNSETTLED, unsettled_seconds)
        self._settling = threading.Lock()
        self._namespace = hashlib.blake2b(repr(where).encode(), digest_size=8).hexdigest()
        self.all = f"{self._namespace}:"
        self.are_at_hand = cache.is_at_hand

    def group(self, metric: str) -> str:
        """The group of what writes to a metric may change."""
        return f"{self._namespace}:{digest(metric)}"

    def look_up(self, places: Sequence[Place]) -> list[Found]:
        """What is known; of groups that are unsettled nothing is, nor can be kept."""
        found = self._cache.look_up(places)
        with self._settling:
            if not self._unsettled:
                return found
            unsettled = [place.group in self._unsettled for place in places]
        return [NOTHING if open_ else each for open_, each in zip(unsettled, found, strict=True)]

    def keep(self, values: Iterable[tuple[Place, Found, bytes]], *, until: float | None = None) -> None:
        """Keep what was computed.

        Args:
            values: where, what was found there before it was computed, and what it is.
            until: when what they were computed from is no longer good.
        """
        kept = [Kept(place, found.stamp, value, until) for place, found, value in values if found.stamp is not None]
        if kept:
            self._cache.keep(kept)

    @contextmanager
    def written(self, metrics: Collection[str]) -> Iterator[None]:
        """A write to metrics, however it ends."""
        groups = [self.all, *map(self.group, metrics)]
        try:
            yield
        except TransientServerError:
            with self._settling:  # it may have been done, or be done when somebody has just asked
                self._unsettled.update(dict.fromkeys(groups, True))
            raise
        finally:
            self._cache.invalidate(groups)

    def forget(self) -> None:
        """Nothing is known any more."""
        self._cache.clear()


def digest(text: str) -> str:
    """As long as any other: what is kept in memory by its name takes room that clients do not choose."""
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=20).hexdigest()
