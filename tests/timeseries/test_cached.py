"""Answers are kept as long as they are true, whichever cache keeps them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from importer.caching.breaker import Breaker
from importer.caching.cache import Cache, Found, Place
from importer.caching.cache import Kept as KeptValue
from importer.caching.in_process import InProcessCache
from importer.caching.in_redis import RedisCache
from importer.timeseries import listing
from tests.redis_server import RedisServer
from tests.timeseries.conftest import Kept
from tests.timeseries.test_ingesting import points

MakeCache = Callable[[], Cache]


@pytest.fixture(params=["in process", "redis"])
def make_cache(request: pytest.FixtureRequest) -> MakeCache:
    if request.param == "in process":
        return lambda: InProcessCache(60.0)
    server: RedisServer = request.getfixturevalue("empty_redis")
    return lambda: RedisCache(server.url, 60.0)


@pytest.fixture
def cache(make_cache: MakeCache) -> Cache:
    return make_cache()


@pytest.fixture
def cached(make_kept: Callable[..., Kept], cache: Cache) -> Kept:
    kept = make_kept(cache)
    kept.ingest(*points("a", range(5)), *points("b", range(7)), precision="s")
    return kept


def asked_the_server(kept: Kept, doing: Callable[[], object]) -> bool:
    """Whether something needed an answer of InfluxDB."""
    before = kept.series._answers._cache.info().misses
    doing()
    return kept.series._answers._cache.info().misses > before


def test_an_answer_that_is_known_is_not_asked_for_again(cached: Kept) -> None:
    for doing in (lambda: cached.page("a"), lambda: cached.page("a", aggregation="AVG"), cached.metrics):
        assert asked_the_server(cached, doing)
        first = doing()
        assert not asked_the_server(cached, doing)
        assert doing() == first


def test_points_that_are_stored_are_in_the_very_next_answer(cached: Kept) -> None:
    for number in range(5, 9):
        assert len(cached.page("a")["points"]) == number
        assert [each["count"] for each in cached.metrics()] == [number, 7]
        cached.ingest(*points("a", [number]), precision="s")
    cached.ingest(*points("c", [0], "on"), *points("a", [0], "off"), precision="s")
    assert [(each["metric"], each["type"]) for each in cached.metrics()] == [
        ("a", "mixed"),
        ("b", "numeric"),
        ("c", "string"),
    ]


def test_points_of_one_metric_leave_answers_about_others_alone(cached: Kept) -> None:
    cached.page("a")
    cached.page("b")
    cached.ingest(*points("a", [50]), precision="s")
    assert not asked_the_server(cached, lambda: cached.page("b"))
    assert asked_the_server(cached, lambda: cached.page("a"))


def test_a_start_before_now_is_the_same_question_within_a_second_and_leaves_nothing_out(
    cached: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = [1_700_000_000_300_000_000]
    monkeypatch.setattr("importer.reading.window.time.time_ns", lambda: moment[0])
    cached.write(*(f"now value=1 {at}" for at in (1_699_999_990_300_000_000, 1_700_000_000_299_999_999)))
    first = cached.page("now", start="-10s", stop="now")
    assert len(first["points"]) == 2
    moment[0] += 600_000_000
    assert not asked_the_server(cached, lambda: cached.page("now", start="-10s", stop="now"))
    moment[0] += 600_000_000
    assert asked_the_server(cached, lambda: cached.page("now", start="-10s", stop="now"))


def test_many_who_list_the_metrics_at_once_ask_the_server_a_few_times(
    cached: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    types, asked = listing.types, []

    def slow(*arguments: Any) -> Any:
        asked.append(1)
        time.sleep(0.2)
        return types(*arguments)

    monkeypatch.setattr(listing, "types", slow)
    threads = [threading.Thread(target=cached.metrics) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 <= len(asked) <= 2


class Slow:
    """A cache in which an answer is kept only when the test says so: until then, it is being computed."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self.keeping, self.go_on = threading.Event(), threading.Event()

    def __getattr__(self, name: str) -> object:
        return getattr(self._cache, name)

    def look_up(self, places: Sequence[Place]) -> list[Found]:
        return self._cache.look_up(places)

    def keep(self, kept: Sequence[KeptValue]) -> None:
        if any("points" in each.place.name for each in kept):
            self.keeping.set()
            assert self.go_on.wait(20)
        self._cache.keep(kept)


def test_an_answer_computed_before_a_write_is_never_given_after_it(
    make_kept: Callable[..., Kept], cache: Cache
) -> None:
    slow = Slow(cache)
    reader, other = make_kept(slow), make_kept(cache)
    other.ingest(*points("a", range(3)), precision="s")
    early: list[int] = []
    thread = threading.Thread(target=lambda: early.append(len(reader.page("a")["points"])))
    thread.start()
    assert slow.keeping.wait(20)
    other.ingest(*points("a", [3]), precision="s")
    slow.go_on.set()
    thread.join()
    assert early == [3]
    assert len(other.page("a")["points"]) == 4
    assert len(reader.page("a")["points"]) == 4


def test_services_that_share_a_redis_see_each_others_writes(
    make_kept: Callable[..., Kept], empty_redis: RedisServer
) -> None:
    one, two = (make_kept(RedisCache(empty_redis.url, 60.0)) for _ in range(2))
    one.ingest(*points("a", range(3)), precision="s")
    assert len(two.page("a")["points"]) == 3
    assert not asked_the_server(one, lambda: one.page("a"))
    two.ingest(*points("a", [7]), precision="s")
    assert len(one.page("a")["points"]) == 4
    assert [each["count"] for each in one.metrics()] == [4]


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_redis_that_goes_away_is_no_reason_to_fail_and_tells_no_old_news_when_it_is_back(
    make_kept: Callable[..., Kept], own_redis: Callable[[], RedisServer]
) -> None:
    server, clock = own_redis(), Clock()
    cache = RedisCache(server.url, 60.0)
    cache._breaker = Breaker(clock)
    kept = make_kept(cache)
    kept.ingest(*points("a", range(3)), *points("b", range(3)), precision="s")
    assert [len(kept.page(metric)["points"]) for metric in "ab"] == [3, 3]
    server.pause()
    kept.ingest(*points("a", [3]), precision="s")  # finds out that it is away
    kept.ingest(*points("b", [3]), precision="s")  # and this one does not even try
    assert [len(kept.page(metric)["points"]) for metric in "ab"] == [4, 4]
    assert not cache.info().available
    server.go_on()  # with the answers of three points still in it
    clock.now += 100
    assert [len(kept.page(metric)["points"]) for metric in "ab"] == [4, 4]
    assert not asked_the_server(kept, lambda: kept.page("b"))
    assert (cache.info().available, cache.info().errors > 0) == (True, True)


def test_redis_that_is_lost_with_all_that_was_in_it_is_used_again_when_it_is_back(
    make_kept: Callable[..., Kept], own_redis: Callable[[], RedisServer]
) -> None:
    server, clock = own_redis(), Clock()
    cache = RedisCache(server.url, 60.0)
    cache._breaker = Breaker(clock)
    kept = make_kept(cache)
    kept.ingest(*points("a", range(3)), precision="s")
    assert len(kept.page("a")["points"]) == 3
    server.stop()
    kept.ingest(*points("a", [4]), precision="s")
    assert len(kept.page("a")["points"]) == 4
    assert [each["count"] for each in kept.metrics()] == [4]
    server.start()
    clock.now += 100
    assert len(kept.page("a")["points"]) == 4
    assert not asked_the_server(kept, lambda: kept.page("a"))


def test_a_service_that_ended_while_redis_was_away_leaves_no_old_answers_to_the_next(
    make_kept: Callable[..., Kept], own_redis: Callable[[], RedisServer]
) -> None:
    server = own_redis()
    kept = make_kept(RedisCache(server.url, 60.0))
    kept.ingest(*points("a", range(3)), *points("b", range(3)), precision="s")
    assert [len(kept.page(metric)["points"]) for metric in "ab"] == [3, 3]
    server.pause()
    kept.ingest(*points("a", [3]), precision="s")
    kept.ingest(*points("b", [3]), precision="s")
    server.go_on()
    after = make_kept(RedisCache(server.url, 60.0))
    assert [len(after.page(metric)["points"]) for metric in "ab"] == [4, 4]


def test_a_list_of_metrics_that_is_known_is_at_hand_until_points_come(make_kept: Callable[..., Kept]) -> None:
    kept = make_kept()
    overview = kept.series.metrics
    assert overview.page_at_hand(100, None) is None
    kept.ingest(*points("a", range(5)), *points("b", range(7)), precision="s")
    assert overview.page_at_hand(100, None) is None
    for limit, after, following in ((100, None, None), (1, None, "a"), (1, "a", None)):
        page = overview.page(limit, after)
        assert page.next == following
        assert overview.page_at_hand(limit, after) == page
    assert overview.page_at_hand(2, None) is None
    kept.ingest(*points("b", [7]), precision="s")
    assert overview.page_at_hand(100, None) is None
    assert [each["count"] for each in kept.metrics()] == [5, 8]


def test_a_list_of_metrics_is_good_no_longer_than_the_oldest_of_its_parts(make_kept: Callable[..., Kept]) -> None:
    kept = make_kept(InProcessCache(1.0))
    kept.ingest(*points("a", range(5)), *points("b", range(7)), precision="s")
    begun = time.monotonic()
    kept.metrics()
    time.sleep(0.6)
    kept.ingest(*points("b", [7]), precision="s")
    kept.metrics()  # of which what there is of a is known already
    assert kept.series.metrics.page_at_hand(100, None) is not None or time.monotonic() - begun > 0.9
    time.sleep(max(0.0, begun + 1.3 - time.monotonic()))
    assert kept.series.metrics.page_at_hand(100, None) is None


def test_a_list_of_metrics_in_redis_is_never_at_hand(make_kept: Callable[..., Kept], empty_redis: RedisServer) -> None:
    kept = make_kept(RedisCache(empty_redis.url, 60.0))
    kept.ingest(*points("a", range(5)), precision="s")
    assert [kept.metrics(), kept.metrics()][1][0]["count"] == 5
    assert kept.series.metrics.page_at_hand(100, None) is None
