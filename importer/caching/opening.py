"""Which cache: the one in Redis where its address is given, else the one in the process."""

from __future__ import annotations

from importer.caching.cache import Cache
from importer.caching.in_process import InProcessCache

__all__ = ["open_cache"]


def open_cache(redis_url: str | None, *, ttl_seconds: float) -> Cache:
    """A cache; whether Redis answers is not looked at, as it may come and go.

    Args:
        redis_url: of Redis; None or empty: in the process.
        ttl_seconds: for how long what is kept is good at the most.

    Raises:
        ConfigurationError: the URL is none.
    """
    if not redis_url:
        return InProcessCache(ttl_seconds)
    from importer.caching.in_redis import RedisCache  # noqa: PLC0415 - most services do without Redis

    return RedisCache(redis_url, ttl_seconds)
