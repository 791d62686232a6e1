"""What every cache promises, and what each does on its own."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from importer.caching.breaker import Breaker
from importer.caching.cache import Cache, Found, Kept, Place
from importer.caching.in_process import OVERHEAD_BYTES, InProcessCache
from importer.caching.in_redis import LARGEST_BYTES, PREFIX, RedisCache
from importer.caching.opening import open_cache
from importer.errors import ConfigurationError
from tests.redis_server import RedisServer

MakeCache = Callable[[float], Cache]

A, B, OTHER = Place("birds", "a"), Place("birds", "b"), Place("fish", "a")


@pytest.fixture(params=["in process", "redis"])
def make_cache(request: pytest.FixtureRequest) -> MakeCache:
    if request.param == "in process":
        return InProcessCache
    server: RedisServer = request.getfixturevalue("empty_redis")
    return lambda ttl_seconds: RedisCache(server.url, ttl_seconds)


@pytest.fixture
def cache(make_cache: MakeCache) -> Cache:
    return make_cache(60.0)


def put(cache: Cache, *places: Place, value: bytes = b"value") -> None:
    stamps = [each.stamp for each in cache.look_up(places)]
    cache.keep([Kept(place, stamp or "", value) for place, stamp in zip(places, stamps, strict=True)])


def values(cache: Cache, *places: Place) -> list[bytes | None]:
    return [each.value for each in cache.look_up(places)]


def test_what_is_kept_is_found(cache: Cache) -> None:
    assert values(cache, A, B, OTHER) == [None] * 3
    put(cache, A, OTHER, value=b"")
    put(cache, B, value=bytes(range(256)))
    assert values(cache, A, B, OTHER) == [b"", bytes(range(256)), b""]
    assert values(cache) == []


def test_groups_and_names_are_told_apart_wherever_one_ends_and_the_other_begins(cache: Cache) -> None:
    put(cache, Place("a", "bc"))
    assert values(cache, Place("ab", "c"), Place("a", "b"), Place("", "abc"), Place("a\0", "bc")) == [None] * 4


def test_an_invalidated_group_is_forgotten_and_no_other(cache: Cache) -> None:
    put(cache, A, B, OTHER)
    cache.invalidate(["birds", "unheard of"])
    assert values(cache, A, B, OTHER) == [None, None, b"value"]
    put(cache, A)
    assert values(cache, A, B) == [b"value", None]


def test_all_groups_may_be_invalidated_at_once(cache: Cache) -> None:
    put(cache, A, OTHER)
    (before,) = cache.look_up([B])
    cache.clear()
    cache.keep([Kept(B, before.stamp or "", b"late")])
    assert values(cache, A, B, OTHER) == [None] * 3


def test_what_was_computed_before_an_invalidation_is_not_found_after_it(cache: Cache) -> None:
    (before,) = cache.look_up([A])
    cache.invalidate(["birds"])
    assert before.stamp is not None
    cache.keep([Kept(A, before.stamp, b"old")])
    assert values(cache, A) == [None]


def test_values_are_good_for_a_limited_time(make_cache: MakeCache) -> None:
    cache = make_cache(0.05)
    put(cache, A)
    time.sleep(0.1)
    assert values(cache, A) == [None]


def test_hits_misses_entries_and_invalidations_are_counted(cache: Cache) -> None:
    put(cache, A, B)
    cache.look_up([A, B, OTHER])
    cache.invalidate(["birds", "fish"])
    info = cache.info()
    assert (info.hits, info.misses, info.invalidations, info.errors) == (2, 3, 2, 0)
    assert (info.available, info.entries, info.ttl_seconds) == (True, 2, 60.0)


def test_the_process_keeps_no_more_than_it_has_room_for() -> None:
    cache = InProcessCache(60.0, most_bytes=8 * (1000 + OVERHEAD_BYTES))
    places = [Place("birds", str(number)) for number in range(20)]
    for place in places:
        put(cache, place, value=b"x" * 1000)
    assert cache.info().entries == 8
    assert values(cache, places[-1]) == [b"x" * 1000]
    put(cache, A, value=b"x" * 5000)
    assert values(cache, A) == [None]


def test_a_group_that_the_process_had_no_room_to_remember_is_computed_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importer.caching.in_process.MOST_GROUPS", 2)
    cache = InProcessCache(60.0)
    put(cache, A)
    cache.look_up([Place(str(number), "") for number in range(5)])
    assert values(cache, A) == [None]


def test_redis_keeps_no_value_that_is_too_large(empty_redis: RedisServer) -> None:
    cache = RedisCache(empty_redis.url, 60.0)
    put(cache, A, value=b"x" * (LARGEST_BYTES + 1))
    assert values(cache, A) == [None]
    assert cache.info().errors == 0


def test_stamps_that_redis_has_evicted_bring_no_old_value_back(empty_redis: RedisServer) -> None:
    cache = RedisCache(empty_redis.url, 60.0)
    put(cache, A)
    for key in empty_redis.client.keys(f"{PREFIX}:s:*"):
        empty_redis.client.delete(key)
    assert values(cache, A) == [None]
    put(cache, A)
    empty_redis.client.delete(f"{PREFIX}:epoch")
    assert values(cache, A) == [None]


def test_everything_in_redis_ends_by_itself(empty_redis: RedisServer) -> None:
    cache = RedisCache(empty_redis.url, 60.0)
    put(cache, A, OTHER)
    keys = empty_redis.client.keys("*")
    assert len(keys) == 5
    assert all(0 < empty_redis.client.ttl(key) <= 600 for key in keys)


def test_what_others_have_put_into_redis_is_no_reason_to_fail(empty_redis: RedisServer) -> None:
    cache = RedisCache(empty_redis.url, 60.0)
    put(cache, A)
    for key in empty_redis.client.keys("*"):
        empty_redis.client.delete(key)
        empty_redis.client.rpush(key, "a list")
    assert values(cache, A) == [None]
    cache.invalidate(["birds"])
    put(cache, A)


def test_a_redis_that_is_not_there_is_tried_ever_more_rarely() -> None:
    cache = RedisCache("redis://127.0.0.1:1/0", 60.0)
    assert cache.look_up([A]) == [Found(None, None)]
    cache.invalidate(["birds"])
    cache.keep([Kept(A, "stamp", b"value")])
    cache.clear()
    info = cache.info()
    assert (info.backend, info.available, info.entries, info.hits, info.errors) == ("redis", False, None, 0, 5)
    cache.close()


def test_pauses_double_and_one_caller_at_a_time_tries() -> None:
    now = [0.0]
    breaker = Breaker(lambda: now[0])
    assert breaker.may_try()
    assert breaker.fail()
    waited = []
    for _ in range(8):
        while not breaker.may_try():
            now[0] += 0.5
        assert not breaker.may_try()
        waited.append(now[0])
        assert not breaker.fail()
    pauses = [later - earlier for earlier, later in zip([0.0, *waited], waited, strict=False)]
    assert pauses == [1, 2, 4, 8, 16, 30, 30, 30]
    assert breaker.succeed()
    assert breaker.may_try()
    assert breaker.may_try()


@pytest.mark.parametrize("url", ["nonsense", "http://127.0.0.1:6379", "redis://127.0.0.1:port"])
def test_an_address_that_is_none_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(ConfigurationError, match="REDIS_URL is no address") as error:
        open_cache(url, ttl_seconds=60.0)
    assert url not in str(error.value)


def test_answers_are_kept_in_the_process_unless_a_redis_is_named(empty_redis: RedisServer) -> None:
    assert [open_cache(url, ttl_seconds=1.0).info().backend for url in (None, "", empty_redis.url)] == [
        "in process",
        "in process",
        "redis",
    ]


def test_what_is_kept_is_good_no_longer_than_what_it_was_computed_from(make_cache: MakeCache) -> None:
    cache = make_cache(60.0)
    stamps = [each.stamp or "" for each in cache.look_up([A, B])]
    until = time.monotonic() + 0.3
    cache.keep([Kept(A, stamps[0], b"a", until), Kept(B, stamps[1], b"b", until + 600)])
    found = cache.look_up([A, B])
    assert [each.value for each in found] == [b"a", b"b"]
    if cache.is_at_hand:
        assert found[0].until == until
        assert found[1].until is not None
        assert found[1].until <= time.monotonic() + 60
    time.sleep(0.35)
    assert values(cache, A, B) == [None, b"b"]
