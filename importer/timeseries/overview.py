"""The list of metrics, page by page, with all that was looked at before kept.

Goes in: which page. Comes out: JSON of it.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

from pydantic_core import from_json, to_json

from importer.caching.cache import Place
from importer.caching.flights import Flights
from importer.errors import NotFoundError
from importer.reading.asking import Asking
from importer.timeseries import listing
from importer.timeseries.answers import NOTHING, Answers, digest
from importer.timeseries.bucket import SeriesBucket
from importer.timeseries.listing import MetricType

__all__ = ["MetricsPage", "Overview"]


@dataclass(frozen=True, slots=True)
class MetricsPage:
    """Some metrics, by name.

    Attributes:
        body: JSON of them, a list.
        next: the cursor of the next page; None if there is none.
    """

    body: bytes
    next: str | None

    def kept(self) -> bytes:
        """For the cache."""
        return to_json(self.next) + b"\n" + self.body

    @classmethod
    def of_kept(cls, kept: bytes) -> MetricsPage:
        """As the cache has it."""
        following, _, body = kept.partition(b"\n")
        return cls(body, from_json(following))


class Overview:
    """Safe to call from several threads.

    Args:
        bucket: that they are in.
        answers: that are known.
    """

    def __init__(self, bucket: SeriesBucket, answers: Answers) -> None:
        self._bucket = bucket
        self._answers = answers
        self._listings: Flights[dict[str, bytes]] = Flights()
        self._all_types: Flights[dict[str, MetricType]] = Flights()

    def page(self, limit: int, after: str | None) -> MetricsPage:
        """A page, by name.

        Args:
            limit: so many at the most; those without values, which are left out, counted.
            after: the cursor that the page before gave; None: from the beginning.

        Raises:
            ServerError: the server refused, or did not answer.
        """
        try:
            with self._bucket.asked() as (asking, bucket_id):
                return self._page(asking, bucket_id, limit, after)
        except NotFoundError:  # nothing was stored yet
            return MetricsPage(b"[]", None)

    def page_at_hand(self, limit: int, after: str | None) -> MetricsPage | None:
        """As :meth:`page`, where nobody has to be waited for: an event loop may call it.

        Returns:
            None if somebody has to be asked.
        """
        bucket_id = self._bucket.known_id if self._answers.are_at_hand else None
        if bucket_id is None:
            return None
        (found,) = self._answers.look_up([self._place(bucket_id, limit, after)])
        return None if found.value is None else MetricsPage.of_kept(found.value)

    def _page(self, asking: Asking, bucket_id: str, limit: int, after: str | None) -> MetricsPage:
        place, before = self._place(bucket_id, limit, after), NOTHING
        if self._answers.are_at_hand:  # else it takes a question more, and spares none
            (before,) = self._answers.look_up([place])
        if before.value is not None:
            return MetricsPage.of_kept(before.value)
        types, types_until = self._types(asking, Place(self._answers.all, f"{bucket_id} types"))
        names = list(types)
        start = 0 if after is None else bisect.bisect_right(names, after)
        chosen = names[start : start + limit]
        told, told_until = self._told(asking, bucket_id, {name: types[name] for name in chosen})
        page = MetricsPage(b"[" + b",".join(told) + b"]", chosen[-1] if start + limit < len(names) else None)
        self._answers.keep([(place, before, page.kept())], until=_earliest([types_until, told_until]))
        return page

    def _place(self, bucket_id: str, limit: int, after: str | None) -> Place:
        return Place(self._answers.all, f"{bucket_id} page {limit} {'' if after is None else digest(after)}")

    def _types(self, asking: Asking, place: Place) -> tuple[dict[str, MetricType], float | None]:
        """The types of all metrics by their names; and until when they are good, where they were known."""

        def computed() -> dict[str, MetricType]:
            (found,) = self._answers.look_up([place])
            if found.value is not None:
                return cast("dict[str, MetricType]", from_json(found.value))
            types = listing.types(asking)
            self._answers.keep([(place, found, to_json(types))])
            return types

        (found,) = self._answers.look_up([place])
        if found.value is not None:
            return cast("dict[str, MetricType]", from_json(found.value)), found.until
        return self._all_types.join(place, computed), None

    def _told(self, asking: Asking, bucket_id: str, metrics: dict[str, MetricType]) -> tuple[list[bytes], float | None]:
        """JSON of metrics, and until when those are good that were known; only the others are looked at."""
        places = {name: Place(self._answers.group(name), f"{bucket_id} {kind}") for name, kind in metrics.items()}
        found = dict(zip(places, self._answers.look_up(list(places.values())), strict=True))
        told = {name: each.value for name, each in found.items() if each.value is not None}
        until = _earliest(found[name].until for name in told)
        if missing := {name: metrics[name] for name in metrics if name not in told}:
            key = bucket_id, tuple(missing.items())
            told |= self._listings.join(key, lambda: self._looked_at(asking, missing, places))
        return [told[name] for name in metrics if name in told], until

    def _looked_at(self, asking: Asking, metrics: dict[str, MetricType], places: dict[str, Place]) -> dict[str, bytes]:
        found = dict(zip(metrics, self._answers.look_up([places[name] for name in metrics]), strict=True))
        told = {name: each.value for name, each in found.items() if each.value is not None}
        missing = {name: kind for name, kind in metrics.items() if name not in told}
        new = {each.metric: to_json(each) for each in listing.looked_at(asking, missing)}
        self._answers.keep((places[name], found[name], value) for name, value in new.items())
        return told | new


def _earliest(moments: Iterable[float | None]) -> float | None:
    """Of those that there are."""
    return min((moment for moment in moments if moment is not None), default=None)
