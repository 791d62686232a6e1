"""What the cache counts, as Prometheus reads it."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from importer.caching.counts import Counts

__all__ = ["CacheCollector"]


class CacheCollector(Collector):
    """Gives the counts as they are when they are asked for.

    Args:
        counts: of the cache.
    """

    def __init__(self, counts: Counts) -> None:
        self._counts = counts

    def collect(self) -> Iterator[CounterMetricFamily]:
        """A figure for each count."""
        for name, text, number in (
            ("hits", "Answers that the cache had.", self._counts.hits),
            ("misses", "Answers that had to be computed.", self._counts.misses),
            ("invalidations", "Groups of answers that were forgotten.", self._counts.invalidations),
            ("errors", "Calls of the cache that failed or were left out.", self._counts.errors),
        ):
            yield CounterMetricFamily(f"importer_cache_{name}", text, value=number)
