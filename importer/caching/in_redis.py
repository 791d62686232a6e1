"""The cache in Redis: shared by all services that use it, and never a reason to fail.

Stamps are random texts that stand in Redis beside the values: to invalidate a group is to delete its stamp, and the
next one who asks gives it another. One more stamp, the epoch, belongs to all groups: it is deleted before this process
uses Redis again after an invalidation that did not get there, and when the process begins, as one before it may
have ended like that.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar, cast

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from importer.caching.breaker import Breaker
from importer.caching.cache import CacheInfo, Found, Kept, Place
from importer.caching.counts import Counts
from importer.errors import ConfigurationError

__all__ = ["RedisCache"]

T = TypeVar("T")

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 0.5
LARGEST_BYTES = 8 << 20
PREFIX = "importer:cache"
EPOCH = f"{PREFIX}:epoch"
STAMP_BYTES = 16
"""Of a stamp as it stands in Redis; values begin with the epoch's and their group's."""

MOST_SCANS = 100
"""Round trips for counting the entries; a Redis with more keys is not asked on."""


class RedisCache:
    """Keeps values in Redis.

    Args:
        url: such as ``redis://127.0.0.1:6379/0``; never shown, as a password may stand in it.
        ttl_seconds: for how long a value is good.

    Attributes:
        counts: what has been counted so far.
        is_at_hand: looking up may wait.

    Raises:
        ConfigurationError: the URL is none.
    """

    is_at_hand = False

    def __init__(self, url: str, ttl_seconds: float) -> None:
        try:
            self._redis = redis.Redis.from_url(
                url,
                socket_timeout=TIMEOUT_SECONDS,
                socket_connect_timeout=TIMEOUT_SECONDS,
                # Trying again is the breaker's matter.
                retry=Retry(NoBackoff(), 0),
            )
        except (ValueError, TypeError, redis.RedisError):
            raise ConfigurationError(
                "REDIS_URL is no address of a Redis: write redis://HOST:PORT/NUMBER, rediss:// for TLS, or "
                "unix:///PATH; leave it out to keep answers in the process"
            ) from None
        self._ttl_seconds = ttl_seconds
        self._stamp_seconds = max(1, int(10 * ttl_seconds))
        self._breaker = Breaker()
        self.counts = Counts()
        self._lock = threading.Lock()
        self._missed, self._made_up_for = 1, 0  # invalidations that did not get there, as if there were one before

    def look_up(self, places: Sequence[Place]) -> list[Found]:
        """What there is at each of these places."""
        if not places:
            return []
        found = self._tried(lambda: self._looked_up(places)) or [Found(None, None)] * len(places)
        hits = sum(each.value is not None for each in found)
        self.counts.add(hits=hits, misses=len(found) - hits)
        return found

    def keep(self, kept: Sequence[Kept]) -> None:
        """Keep values; those of groups that were invalidated meanwhile are never found."""
        fitting = [each for each in kept if len(each.value) <= LARGEST_BYTES]
        if not fitting:
            return

        def put() -> None:
            with self._redis.pipeline(transaction=False) as pipeline:
                for each in fitting:
                    value = each.stamp.encode("latin-1") + each.value
                    seconds = self._ttl_seconds
                    if each.until is not None:
                        seconds = min(seconds, each.until - time.monotonic())
                    pipeline.set(_value_key(each.place), value, px=max(1, int(seconds * 1000)))
                pipeline.execute()

        self._tried(put)

    def invalidate(self, groups: Iterable[str]) -> None:
        """Delete the stamps of these groups."""
        keys = [_stamp_key(group) for group in groups]
        self.counts.add(invalidations=len(keys))
        if keys:
            self._invalidate(keys)

    def clear(self) -> None:
        """Invalidate all groups."""
        self.counts.add(invalidations=1)
        self._invalidate([EPOCH])

    def info(self) -> CacheInfo:
        """How it is doing; asks Redis for the number of entries."""
        entries = self._tried(self._entries)
        counts = self.counts
        return CacheInfo(
            "redis",
            available=not self._breaker.has_failed,
            entries=None if entries is None or entries < 0 else entries,
            hits=counts.hits,
            misses=counts.misses,
            invalidations=counts.invalidations,
            errors=counts.errors,
            ttl_seconds=self._ttl_seconds,
        )

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()

    def _invalidate(self, keys: list[str]) -> None:
        if self._tried(lambda: (self._redis.delete(*keys),)) is None:
            # It may have got there or not: before this process trusts Redis again, it begins another epoch.
            with self._lock:
                self._missed += 1

    def _looked_up(self, places: Sequence[Place]) -> list[Found]:
        groups = {place.group: _stamp_key(place.group) for place in places}
        asked = [EPOCH, *groups.values(), *map(_value_key, places)]
        epoch, *rest = self._got(asked)
        stamps, values = dict(zip(groups, rest, strict=False)), rest[len(groups) :]
        if epoch is None or None in stamps.values():
            epoch, *rest = self._stamped([EPOCH, *groups.values()])
            stamps = dict(zip(groups, rest, strict=True))
        found = []
        for place, value in zip(places, values, strict=True):
            own = stamps[place.group]
            if epoch is None or own is None:  # evicted at once
                found.append(Found(None, None))
                continue
            stamp = epoch + own
            is_good = value is not None and value.startswith(stamp)
            found.append(Found(value[len(stamp) :] if value is not None and is_good else None, stamp.decode("latin-1")))
        return found

    def _stamped(self, keys: list[str]) -> list[bytes | None]:
        """The stamps at these keys, made where there are none."""
        with self._redis.pipeline(transaction=False) as pipeline:
            for key in keys:
                new = secrets.token_hex(STAMP_BYTES // 2)
                pipeline.set(key, new, nx=True, ex=self._stamp_seconds)
            pipeline.mget(keys)
            return cast("list[bytes | None]", pipeline.execute()[-1])

    def _got(self, keys: list[str]) -> list[bytes | None]:
        return cast("list[bytes | None]", self._redis.mget(keys))

    def _entries(self) -> int:
        cursor, number = 0, 0
        for _ in range(MOST_SCANS):
            answer = cast("tuple[int, list[Any]]", self._redis.scan(cursor, match=f"{PREFIX}:v:*", count=1000))
            cursor, keys = answer
            number += len(keys)
            if not cursor:
                return number
        return -1

    def _tried(self, call: Callable[[], T]) -> T | None:
        """What a call gives; None if it fails, or is better not tried now."""
        if not self._breaker.may_try():
            self.counts.add(errors=1)
            return None
        try:
            if (missed := self._missed) != self._made_up_for:
                self._redis.delete(EPOCH)
                self._made_up_for = missed
            result = call()
        except Exception as error:  # noqa: BLE001 - whatever is wrong with Redis, answers can be computed without it
            self.counts.add(errors=1)
            if self._breaker.fail():
                log.warning("the cache in Redis cannot be used: %s; answers are computed anew", type(error).__name__)
            return None
        if self._breaker.succeed():
            log.warning("the cache in Redis can be used again")
        return result


def _stamp_key(group: str) -> str:
    return f"{PREFIX}:s:{_digest(group)}"


def _value_key(place: Place) -> str:
    return f"{PREFIX}:v:{_digest(place.group, place.name)}"


def _digest(*parts: str) -> str:
    text = "\0".join(f"{len(part)}:{part}" for part in parts)
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=20).hexdigest()
