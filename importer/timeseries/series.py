"""Time series in one bucket: points stored, asked for and listed, with answers kept as long as they are true.

Goes in: JSON, as it was sent. Comes out: JSON, as it is answered; or an error.
"""

from __future__ import annotations

import threading

from pydantic_core import from_json, to_json

from importer.caching.cache import Cache, Found, Place
from importer.caching.flights import Flights
from importer.reading.asking import Asking
from importer.server.connection import Server
from importer.timeseries import querying
from importer.timeseries.answers import Answers, digest
from importer.timeseries.asked import Asked, SeriesQuery, asked
from importer.timeseries.bucket import SeriesBucket
from importer.timeseries.ingesting import stored
from importer.timeseries.lines import LineWriter
from importer.timeseries.overview import Overview
from importer.timeseries.points import parsed

__all__ = ["TimeSeries"]


class TimeSeries:
    """Safe to call from several threads.

    Args:
        server: open connection.
        bucket: the name of the bucket that they are in.
        cache: keeps answers.
        unsettled_seconds: for how long a write whose answer was lost may still be done.

    Attributes:
        metrics: the list of them.

    Raises:
        ConfigurationError: no bucket can have this name.
    """

    def __init__(self, server: Server, bucket: str, cache: Cache, *, unsettled_seconds: float = 60.0) -> None:
        self._bucket = SeriesBucket(server, bucket)
        self._answers = Answers(cache, (server.connection.url, server.connection.org, bucket), unsettled_seconds)
        self._lines = LineWriter()
        self._turn = threading.Lock()
        """Python encodes one batch at a time anyway: in turns, none is put aside for pieces of the others."""
        self._pages: Flights[bytes] = Flights()
        self.metrics = Overview(self._bucket, self._answers)

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
        with self._answers.written(points.numeric | points.textual):
            return stored(self._bucket, points)

    def query(self, query: SeriesQuery) -> bytes:
        """A page of points.

        Returns:
            JSON of a :class:`~importer.timeseries.asked.SeriesAnswer`.

        Raises:
            UnclearError: it is not understood, or of texts there is nothing of the kind.
            NotFoundError: there is no such metric.
            ServerError: the server refused, or did not answer.
        """
        question, group = asked(query), self._answers.group(query.metric)
        with self._bucket.asked() as (asking, bucket_id):
            place = Place(group, f"{bucket_id} points {_name_of(question)}")
            (found,) = self._answers.look_up([place])
            if found.value is not None:
                return found.value
            of_shape = Place(group, f"{bucket_id} shape")
            return self._pages.join(place, lambda: self._page(asking, question, place, of_shape))

    def forget(self) -> None:
        """The bucket was loaded: what was known of it is known no more."""
        self._bucket.forget()
        self._answers.forget()

    def close(self) -> None:
        """Give back what is held at the server."""
        self._bucket.close()

    def _page(self, asking: Asking, question: Asked, place: Place, of_shape: Place) -> bytes:
        found, found_shape = self._answers.look_up([place, of_shape])
        if found.value is not None:
            return found.value
        shape = self._shape(asking, question.metric, of_shape, found_shape)
        page = querying.page(asking, question, shape)
        cursor = None if page.next is None else question.cursor(page.next)
        answer = to_json({"metric": question.metric, "points": page.points, "next": cursor})
        self._answers.keep([(place, found, answer)])
        return answer

    def _shape(self, asking: Asking, metric: str, place: Place, found: Found) -> querying.Shape:
        if found.value is not None:
            fields, tags = from_json(found.value)
            return querying.Shape(tuple(fields), tuple(tags))
        shape = querying.shape(asking, metric)
        self._answers.keep([(place, found, to_json([shape.fields, shape.tags]))])
        return shape


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
    return digest(repr(parts))
