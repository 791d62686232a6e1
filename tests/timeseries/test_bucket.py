"""The bucket of the time series, looked up now and then, by one at a time and without holding up anybody."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from importer.bucket import catalogue, holding
from importer.bucket.mark import Mark
from importer.bucket.names import staging_name
from importer.bucket.settings import BucketSettings
from importer.errors import LoadInProgressError
from importer.server.connection import Connection, Server
from importer.timeseries.bucket import REMEMBERED_SECONDS, SeriesBucket
from tests.fault_proxy import fault_proxy
from tests.influxd import Influxd

SOON = 8.0
"""Seconds; what waits for the server in these tests waits for the test itself."""


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Held:
    """A question that is answered when it is let."""

    def __init__(self, ask: Callable[..., Any]) -> None:
        self._ask = ask
        self.times = 0
        self.asking, self.go_on = threading.Event(), threading.Event()

    def __call__(self, *arguments: Any) -> Any:
        self.times += 1
        self.asking.set()
        assert self.go_on.wait(SOON * 2)
        return self._ask(*arguments)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def bucket(influxd: Influxd, fresh_bucket_name: str, clock: Clock) -> SeriesBucket:
    found = SeriesBucket(influxd.server, fresh_bucket_name, clock=clock)
    found.opened()
    return found


def asked_id(bucket: SeriesBucket) -> str:
    with bucket.asked() as (_, bucket_id):
        return bucket_id


def test_while_one_asks_the_server_for_the_bucket_nobody_is_held_up_who_need_not_know(
    bucket: SeriesBucket, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = asked_id(bucket)
    held = Held(catalogue.find)
    monkeypatch.setattr(catalogue, "find", held)
    with ThreadPoolExecutor(6) as pool, bucket.asked():
        clock.now += REMEMBERED_SECONDS + 1
        slow = [pool.submit(asked_id, bucket) for _ in range(4)]
        assert held.asking.wait(SOON)
        try:
            for quick in (lambda: bucket.known_id, bucket.forget):
                pool.submit(quick).result(SOON)
        finally:
            held.go_on.set()
        assert {each.result(SOON) for each in slow} == {known}
    assert held.times <= 3  # the first, one more for those that came meanwhile, and one as it was forgotten


def test_what_was_found_while_the_bucket_was_forgotten_is_looked_up_again(
    bucket: SeriesBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Held(catalogue.find)
    monkeypatch.setattr(catalogue, "find", held)
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(asked_id, bucket)
        assert held.asking.wait(SOON)
        bucket.forget()
        held.go_on.set()
        slow.result(SOON)
    assert bucket.known_id is None
    before = held.times
    asked_id(bucket)
    assert (held.times, bucket.known_id is None) == (before + 1, False)


def test_whether_a_load_is_at_work_is_asked_once_a_second(
    influxd: Influxd, fresh_bucket_name: str, clock: Clock
) -> None:
    with (
        fault_proxy(influxd.connection.url) as proxy,
        Server(Connection(proxy.url, influxd.connection.token, influxd.connection.org)) as server,
    ):
        bucket = SeriesBucket(server, fresh_bucket_name, clock=clock)
        assert server.org_id
        for asked in (2, 3):
            for _ in range(5):
                bucket.check_no_load()
            assert proxy.requests == asked
            clock.now += 1.0


def test_a_load_of_this_very_process_is_seen_at_once(
    bucket: SeriesBucket, influxd: Influxd, fresh_bucket_name: str
) -> None:
    bucket.check_no_load()
    mark = Mark("staging", "a-load", fresh_bucket_name, phase="loading", owner=holding.this_process())
    name = staging_name(fresh_bucket_name)
    held = holding.HeldBucket.create(influxd.server, name, BucketSettings(), mark)
    try:
        with pytest.raises(LoadInProgressError):
            bucket.check_no_load()
    finally:
        held.stop()
        catalogue.delete(influxd.server, held.id)
    bucket.check_no_load()
