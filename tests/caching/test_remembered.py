"""One answer, remembered for a while."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from importer.caching.remembered import Remembered


class Asked:
    """Answers with a number that rises, when it is let.

    Attributes:
        times: how often it was asked.
        now: seconds, as the test says.
    """

    def __init__(self) -> None:
        self.times = 0
        self.now = 0.0
        self.asking, self.go_on = threading.Event(), threading.Event()
        self.go_on.set()
        self.trouble: Exception | None = None

    def __call__(self) -> int:
        self.times += 1
        number = self.times
        self.asking.set()
        assert self.go_on.wait(20)
        if self.trouble is not None:
            raise self.trouble
        return number


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
def remembered(asked: Asked) -> Remembered[int]:
    return Remembered(asked, 10.0, lambda: asked.now)


def test_an_answer_is_asked_for_again_only_when_it_is_too_old(remembered: Remembered[int], asked: Asked) -> None:
    assert [remembered(), remembered()] == [1, 1]
    asked.now = 9.9
    assert remembered() == 1
    asked.now = 10.0
    assert [remembered(), remembered()] == [2, 2]


def test_however_many_want_it_at_once_one_of_them_asks(remembered: Remembered[int], asked: Asked) -> None:
    asked.go_on.clear()
    with ThreadPoolExecutor(12) as pool:
        answers = [pool.submit(remembered) for _ in range(12)]
        assert asked.asking.wait(20)
        asked.go_on.set()
        assert {each.result() for each in answers} == {1}
    assert asked.times == 1


def test_what_is_forgotten_while_it_is_asked_for_is_not_remembered(remembered: Remembered[int], asked: Asked) -> None:
    asked.go_on.clear()
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(remembered)
        assert asked.asking.wait(20)
        remembered.forget()  # which waits for nobody
        asked.go_on.set()
        assert answer.result() == 1
    assert remembered() == 2


def test_an_error_is_raised_and_not_remembered(remembered: Remembered[int], asked: Asked) -> None:
    asked.trouble = RuntimeError("away")
    with pytest.raises(RuntimeError, match="away"):
        remembered()
    asked.trouble = None
    assert remembered() == 2
