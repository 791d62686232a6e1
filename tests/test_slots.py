from __future__ import annotations

import threading
import time

import pytest

from importer.slots import Slots


def test_as_many_are_given_out_as_there_are_and_one_more_for_each_that_comes_back() -> None:
    slots = Slots(lambda: 2)
    assert [slots.acquire(timeout=0) for _ in range(3)] == [True, True, False]
    slots.release()
    assert [slots.acquire(timeout=0) for _ in range(2)] == [True, False]


def test_where_the_bound_came_down_none_is_given_out_until_enough_came_back() -> None:
    most = 3
    slots = Slots(lambda: most)
    for _ in range(3):
        slots.acquire()
    most = 1
    given = []
    for _ in range(3):
        slots.release()
        given.append(slots.acquire(timeout=0))
        if given[-1]:
            slots.release()
    assert given == [False, False, True]


def test_where_the_bound_went_up_those_who_wait_hear_of_it_at_the_next_release() -> None:
    most, got = 1, []
    slots = Slots(lambda: most)
    slots.acquire()
    waiting = [threading.Thread(target=lambda: got.append(slots.acquire(timeout=10))) for _ in range(2)]
    for thread in waiting:
        thread.start()
    time.sleep(0.05)
    assert got == []
    most = 2
    slots.release()
    for thread in waiting:
        thread.join(timeout=5)
    assert got == [True, True]


def test_a_slot_comes_back_also_where_what_it_was_taken_for_fails() -> None:
    slots = Slots(lambda: 1)
    with pytest.raises(ValueError, match="no"), slots:
        raise ValueError("no")
    assert slots.acquire(timeout=0)
