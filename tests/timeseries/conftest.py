from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from importer.bucket import catalogue
from importer.caching.in_process import InProcessCache
from importer.server.connection import Server
from importer.timeseries.asked import SeriesQuery
from importer.timeseries.series import TimeSeries
from tests.influxd import Influxd
from tests.points import write


class Kept:
    """Time series in a bucket of the test's own, asked in Python's values.

    Attributes:
        series: what is tested.
        bucket: the bucket's name.
        server: where it is.
    """

    def __init__(self, series: TimeSeries, bucket: str, server: Server) -> None:
        self.series = series
        self.bucket = bucket
        self.server = server

    def ingest(self, *points: dict[str, Any], **more: Any) -> int:
        return self.series.ingest(json.dumps({"points": points, **more}).encode())

    def write(self, *lines: str) -> None:
        """Have line protocol stored by somebody else."""
        found = catalogue.find(self.server, self.bucket)
        assert found is not None
        write(self.server, found.id, "\n".join(lines))

    def page(self, metric: str, **more: Any) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.series.query(SeriesQuery(metric=metric, **more)))
        return answer

    def points(self, metric: str, **more: Any) -> list[tuple[Any, ...]]:
        """Time, value and tags of all that a query gives, page by page."""
        found, cursor = [], None
        while True:
            page = self.page(metric, cursor=cursor, **more)
            found += [(each["time"], each["value"], tuple(each["tags"].items())) for each in page["points"]]
            cursor = page["next"]
            if cursor is None:
                return found

    def metrics(self, limit: int = 100, after: str | None = None) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.series.metrics.page(limit, after).body)
        return found


@pytest.fixture
def make_kept(influxd: Influxd, fresh_bucket_name: str) -> Iterator[Callable[..., Kept]]:
    """Opens the time series of the test's own bucket; several share nothing but that, unless they get one cache."""
    opened: list[TimeSeries] = []

    def make(cache: Any = None) -> Kept:
        opened.append(TimeSeries(influxd.server, fresh_bucket_name, cache or InProcessCache(60.0)))
        return Kept(opened[-1], fresh_bucket_name, influxd.server)

    yield make
    for each in opened:
        each.close()


@pytest.fixture
def kept(make_kept: Callable[..., Kept]) -> Kept:
    """Time series with a cache in the process."""
    return make_kept()
