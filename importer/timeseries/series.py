"""Time series in one bucket: points stored, asked for and listed, with answers kept as long as they are true.

Goes in: JSON, as it was sent. Comes out: JSON, as it is answered; or an error.
"""

from __future__ import annotations

import bisect
import hashlib
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast

from cachetools import TTLCache
from pydantic_core import from_json, to_json

from importer.caching.cache import Cache, Found, Kept, Place
from importer.caching.flights import Flights
from importer.errors import NotFoundError, TransientServerError
from importer.reading.asking import Asking
from importer.server.connection import Server
from importer.timeseries import listing, querying
from importer.timeseries.asked import Asked, SeriesQuery, asked
from importer.timeseries.bucket import SeriesBucket
from importer.timeseries.ingesting import stored
from importer.timeseries.lines import LineWriter
from importer.timeseries.points import parsed

__all__ = ["MetricsPage", "TimeSeries"]

MOST_UNSETTLED = 100_000
"""Groups, of which nothing is kept as long as a write may still be done."""


@dataclass(frozen=True, slots=True)
class MetricsPage:
    """Some metrics, by name.

    Attributes:
        metrics: JSON of each.
        next: the cursor of the next page; None if there is none.
    """

    metrics: list[bytes]
    next: str | None


class TimeSeries:
    """Safe to call from several threads.

    Args:
        server: open connection.
        bucket: the name of the bucket that they are in.
        cache: keeps answers.
        unsettled_seconds: for how long a write whose answer was lost may still be done.

    Raises:
        ConfigurationError: no bucket can have this name.
    """

    def __init__(self, server: Server, bucket: str, cache: Cache, *, unsettled_seconds: float = 60.0) -> None:
        self._bucket = SeriesBucket(server, bucket)
        self._cache = cache
        self._lines = LineWriter()
        self._turn = threading.Lock()
        """Python encodes one batch at a time anyway: in turns, none is put aside for pieces of the others."""
        self._answers: Flights[bytes] = Flights()
        self._listings: Flights[dict[str, bytes]] = Flights()
        self._all_types: Flights[dict[str, listing.MetricType]] = Flights()
        self._unsettled: TTLCache[str, bool] = TTLCache(MOST_UNSETTLED, unsettled_seconds)
        self._settling = threading.Lock()
        where = repr((server.connection.url, server.connection.org, bucket))  # of others who use the same Redis
        self._namespace = hashlib.blake2b(where.encode(), digest_size=8).hexdigest()
        self._all = f"{self._namespace}:"
        """The group of what every write may change."""

    def ingest(self, body: bytes) -> int:
        """Store a batch of points.

        Args:
            body: JSON, as :func:`importer.timeseries.points.batch_schema` describes it.

        Returns:
            how many were stored: all.

        Raises:
            BadPointsError: some cannot be stored as they are; nothing was sent.
            LoadInProgressError: a load is filling the bucket.
            PointsRefusedError: the server refused some; the others are stored.
            ServerError: the server refused, or did not answer: whether any are stored is not known.
        """
        with self._turn:
            points = self._lines(parsed(body))
        groups = [self._all, *map(self._group, points.numeric | points.textual)]
        try:
            return stored(self._bucket, points)
        except TransientServerError:
            with self._settling:  # it may have been done, or be done when somebody has just asked
                self._unsettled.update(dict.fromkeys(groups, True))
            raise
        finally:
            self._cache.invalidate(groups)

    def query(self, query: SeriesQuery) -> bytes:
        """A page of points.

        Returns:
            JSON of a :class:`~importer.timeseries.asked.SeriesAnswer`.

        Raises:
            ConfigurationError: it is not understood, or of texts there is nothing of the kind.
            NotFoundError: there is no such metric.
            ServerError: the server refused, or did not answer.
        """
        question, group = asked(query), self._group(query.metric)
        with self._bucket.asked() as (asking, bucket_id):
            place = Place(group, f"{bucket_id} points {_name_of(question)}")
            (found,) = self._look_up([place])
            if found.value is not None:
                return found.value
            of_shape = Place(group, f"{bucket_id} shape")
            return self._answers.join(place, lambda: self._page(asking, question, place, of_shape))

    def metrics(self, limit: int, after: str | None) -> MetricsPage:
        """A page of metrics, by name.

        Args:
            limit: so many at the most; those without values, which are left out, counted.
            after: the cursor that the page before gave; None: from the beginning.

        Raises:
            ServerError: the server refused, or did not answer.
        """
        try:
            with self._bucket.asked() as (asking, bucket_id):
                types = self._types(asking, Place(self._all, f"{bucket_id} types"))
                names = list(types)
                start = 0 if after is None else bisect.bisect_right(names, after)
                page = names[start : start + limit]
                told = self._told(asking, bucket_id, {name: types[name] for name in page})
                return MetricsPage(told, page[-1] if start + limit < len(names) else None)
        except NotFoundError:  # nothing was stored yet
            return MetricsPage([], None)

    def forget(self) -> None:
        """The bucket was loaded: what was known of it is known no more."""
        self._bucket.forget()
        self._cache.clear()

    def close(self) -> None:
        """Give back what is held at the server."""
        self._bucket.close()

    def _page(self, asking: Asking, question: Asked, place: Place, of_shape: Place) -> bytes:
        found, found_shape = self._look_up([place, of_shape])
        if found.value is not None:
            return found.value
        shape = self._shape(asking, question.metric, of_shape, found_shape)
        page = querying.page(asking, question, shape)
        cursor = None if page.next is None else question.cursor(page.next)
        answer = to_json({"metric": question.metric, "points": page.points, "next": cursor})
        self._keep_all([(place, found, answer)])
        return answer

    def _shape(self, asking: Asking, metric: str, place: Place, found: Found) -> querying.Shape:
        if found.value is not None:
            fields, tags = from_json(found.value)
            return querying.Shape(tuple(fields), tuple(tags))
        shape = querying.shape(asking, metric)
        self._keep_all([(place, found, to_json([shape.fields, shape.tags]))])
        return shape

    def _types(self, asking: Asking, place: Place) -> dict[str, listing.MetricType]:
        def computed() -> dict[str, listing.MetricType]:
            (found,) = self._look_up([place])
            if found.value is not None:
                return cast("dict[str, listing.MetricType]", from_json(found.value))
            types = listing.types(asking)
            self._keep_all([(place, found, to_json(types))])
            return types

        (found,) = self._look_up([place])
        if found.value is not None:
            return cast("dict[str, listing.MetricType]", from_json(found.value))
        return self._all_types.join(place, computed)

    def _told(self, asking: Asking, bucket_id: str, metrics: dict[str, listing.MetricType]) -> list[bytes]:
        """JSON of metrics; only those are looked at that nothing is known of."""
        places = {name: Place(self._group(name), f"{bucket_id} {kind}") for name, kind in metrics.items()}
        found = dict(zip(places, self._look_up(list(places.values())), strict=True))
        told = {name: each.value for name, each in found.items() if each.value is not None}
        if missing := {name: metrics[name] for name in metrics if name not in told}:
            key = bucket_id, tuple(missing.items())
            told |= self._listings.join(key, lambda: self._looked_at(asking, missing, places))
        return [told[name] for name in metrics if name in told]

    def _looked_at(
        self, asking: Asking, metrics: dict[str, listing.MetricType], places: dict[str, Place]
    ) -> dict[str, bytes]:
        found = dict(zip(metrics, self._look_up([places[name] for name in metrics]), strict=True))
        told = {name: each.value for name, each in found.items() if each.value is not None}
        missing = {name: kind for name, kind in metrics.items() if name not in told}
        new = {each.metric: to_json(each) for each in listing.looked_at(asking, missing)}
        self._keep_all((places[name], found[name], value) for name, value in new.items())
        return told | new

    def _look_up(self, places: Sequence[Place]) -> list[Found]:
        """What is kept; of groups that are unsettled nothing is, nor can be."""
        found = self._cache.look_up(places)
        with self._settling:
            if not self._unsettled:
                return found
            unsettled = [place.group in self._unsettled for place in places]
        return [Found(None, None) if open_ else each for open_, each in zip(unsettled, found, strict=True)]

    def _keep_all(self, values: Iterable[tuple[Place, Found, bytes]]) -> None:
        kept: Sequence[Kept] = [
            Kept(place, found.stamp, value) for place, found, value in values if found.stamp is not None
        ]
        if kept:
            self._cache.keep(kept)

    def _group(self, metric: str) -> str:
        return f"{self._namespace}:{_digest(metric)}"


def _name_of(question: Asked) -> str:
    """The same for the same question, whatever words it was asked in."""
    span, position = question.span, question.position
    parts = (
        span.start_ns,
        span.stop_ns,
        question.has_start,
        question.tags,
        question.aggregation,
        question.interval_ns,
        question.limit,
        (position.time_ns, position.passed),
        question.digest,
    )
    return _digest(repr(parts))


def _digest(text: str) -> str:
    """As long as any other: what is kept in memory by its name takes room that clients do not choose."""
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=20).hexdigest()
