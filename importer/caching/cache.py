"""What a cache does, wherever it keeps things.

A value belongs to a group (what it is about), and carries the group's stamp of the moment before it was computed. To
invalidate a group gives it another stamp: a value that was computed before is then never handed out, even if it
is kept only afterwards. Stamps never come twice, so that forgetting one is always safe.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from importer.caching.counts import Counts

__all__ = ["Cache", "CacheInfo", "Found", "Kept", "Place"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value is kept.

    Attributes:
        group: what it is about; what is invalidated at once.
        name: which of the group.
    """

    group: str
    name: str


@dataclass(frozen=True, slots=True)
class Found:
    """What there is at a place.

    Attributes:
        value: None if it has to be computed.
        stamp: to be handed to :meth:`Cache.keep` with what is computed then; None if nothing can be kept.
        until: the moment (:func:`time.monotonic`) until which the value is good; None where that cannot be told.
    """

    value: bytes | None
    stamp: str | None
    until: float | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """What is to be kept.

    Attributes:
        place: where.
        stamp: as it was found before the value was computed.
        value: what was computed.
        until: when what it was computed from is no longer good; None: as long as any other value.
    """

    place: Place
    stamp: str
    value: bytes
    until: float | None = None


@dataclass(frozen=True, slots=True)
class CacheInfo:
    """How a cache is doing; what is counted is counted since this process began.

    Attributes:
        backend: ``in process`` or ``redis``.
        available: whether it can be used now.
        entries: how many values it holds; None where that cannot be told.
        hits: values that were found.
        misses: values that had to be computed.
        invalidations: groups that were invalidated.
        errors: calls that failed, or were left out because those before them had failed.
        ttl_seconds: for how long a value is good at the most.
    """

    backend: str
    available: bool
    entries: int | None
    hits: int
    misses: int
    invalidations: int
    errors: int
    ttl_seconds: float


class Cache(Protocol):
    """Safe to call from several threads; no method ever raises because the cache is out of order.

    Attributes:
        counts: what has been counted so far.
        is_at_hand: looking up waits for nobody, so that an event loop may do it.
    """

    counts: Counts
    is_at_hand: bool

    def look_up(self, places: Sequence[Place]) -> list[Found]:
        """What there is at each of these places."""
        ...

    def keep(self, kept: Sequence[Kept]) -> None:
        """Keep values, as far as their groups were not invalidated meanwhile."""
        ...

    def invalidate(self, groups: Iterable[str]) -> None:
        """Never hand out again what was computed before this call ends and belongs to one of these groups."""
        ...

    def clear(self) -> None:
        """Invalidate all groups."""
        ...

    def info(self) -> CacheInfo:
        """How it is doing."""
        ...

    def close(self) -> None:
        """End what is open."""
        ...
