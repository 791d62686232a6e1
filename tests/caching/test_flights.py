from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from importer.caching.flights import Flights


class Slow:
    """Computes how often it was called before, once the test lets it."""

    def __init__(self) -> None:
        self.calls = 0
        self.begun = threading.Semaphore(0)
        self.may_end = threading.Semaphore(0)

    def __call__(self) -> int:
        number, self.calls = self.calls, self.calls + 1
        self.begun.release()
        assert self.may_end.acquire(timeout=20)
        return number


def waiting(flights: Flights[int], compute: Slow, number: int, pool: ThreadPoolExecutor) -> list[object]:
    """Ask from so many threads, and come back when all have asked."""
    asked = threading.Semaphore(0)

    def ask() -> int:
        asked.release()
        return flights.join("key", compute)

    futures: list[object] = [pool.submit(ask) for _ in range(number)]
    for _ in range(number):
        assert asked.acquire(timeout=20)
    time.sleep(0.2)  # they are about to join
    return futures


def test_those_who_ask_meanwhile_share_one_answer_that_is_begun_after_they_asked() -> None:
    flights: Flights[int] = Flights()
    compute = Slow()
    with ThreadPoolExecutor(10) as pool:
        first = pool.submit(flights.join, "key", compute)
        assert compute.begun.acquire(timeout=20)
        others = waiting(flights, compute, 8, pool)
        compute.may_end.release(10)
        assert first.result() == 0
        answers = {each.result() for each in others}  # type: ignore[attr-defined]
    assert min(answers) >= 1
    assert compute.calls < 9


def test_whoever_asks_later_has_it_computed_anew() -> None:
    flights: Flights[int] = Flights()
    compute = Slow()
    compute.may_end.release(3)
    assert [flights.join("key", compute) for _ in range(3)] == [0, 1, 2]


def test_different_things_are_computed_at_the_same_time() -> None:
    flights: Flights[int] = Flights()
    together = threading.Barrier(2)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda key: flights.join(key, lambda: together.wait(20)), "ab"))


def test_what_goes_wrong_is_told_to_all_who_share_it_and_the_next_is_tried_again() -> None:
    flights: Flights[int] = Flights()
    compute = Slow()

    def fail() -> int:
        compute()
        raise ValueError("no")

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(flights.join, "key", fail)
        assert compute.begun.acquire(timeout=20)
        compute.may_end.release(2)
        with pytest.raises(ValueError, match="no"):
            first.result()
    assert flights.join("key", lambda: 7) == 7
