from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from importer.errors import ImporterError, TerminalServerError, TransientServerError
from importer.server.retry import RetryPolicy, call_with_retries


class Clock:
    """Time that passes only while one pauses, or works."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.pauses: list[float] = []
        self.said: list[str] = []

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    def call(self, work: Callable[[], str], policy: RetryPolicy | None = None) -> tuple[str, int]:
        return call_with_retries(
            work, policy or RetryPolicy(), say=self.said.append, pause=self.pause, clock=lambda: self.now
        )


def failing(times: int, error: ImporterError | None = None) -> Callable[[], str]:
    tries = itertools.count()

    def work() -> str:
        if next(tries) < times:
            raise error or TransientServerError("busy")
        return "done"

    return work


def test_a_call_that_succeeds_at_once_is_neither_paused_nor_talked_about() -> None:
    clock = Clock()
    assert clock.call(failing(0)) == ("done", 0)
    assert (clock.pauses, clock.said) == ([], [])


def test_pauses_double_within_their_jitter_up_to_the_longest() -> None:
    clock = Clock()
    assert clock.call(failing(9)) == ("done", 9)
    for n, pause in enumerate(clock.pauses):
        assert min(0.25 * 2**n, 10.0) <= pause <= min(0.25 * 2**n + 0.25, 10.0)


def test_pauses_differ_from_call_to_call() -> None:
    first, second = Clock(), Clock()
    first.call(failing(3))
    second.call(failing(3))
    assert first.pauses != second.pauses


def test_each_failed_try_is_told_with_its_reason_and_the_next_pause() -> None:
    clock = Clock()
    clock.call(failing(3, TransientServerError("no answer from the server: Connection refused")))
    assert clock.said == [
        f"try {n} failed: no answer from the server: Connection refused; next in {pause:.1f} s"
        for n, pause in enumerate(clock.pauses, start=1)
    ]


@pytest.mark.parametrize(("asked", "paused"), [(3.0, 3.0), (99_999.0, 10.0), (float("inf"), 10.0)])
def test_what_the_server_asks_for_is_waited_for_up_to_the_longest_pause(asked: float, paused: float) -> None:
    clock = Clock()
    clock.call(failing(1, TransientServerError("busy", retry_after_seconds=asked)))
    assert clock.pauses == [paused]


@pytest.mark.parametrize("asked", [0.0, None, float("nan")])
def test_asking_for_no_pause_does_not_shorten_the_usual_one(asked: float | None) -> None:
    clock = Clock()
    clock.call(failing(1, TransientServerError("busy", retry_after_seconds=asked)))
    assert 0.25 <= clock.pauses[0] <= 0.5


def test_it_gives_up_with_the_last_error_when_the_time_is_up() -> None:
    clock = Clock()
    numbers = itertools.count(1)

    def work() -> str:
        raise TransientServerError(f"failure {next(numbers)}")

    with pytest.raises(TransientServerError) as caught:
        clock.call(work, RetryPolicy(wait_seconds=30))
    assert sum(clock.pauses) == pytest.approx(30)
    assert str(caught.value) == f"failure {len(clock.pauses) + 1}"


def test_the_time_is_counted_from_the_first_failure_however_long_the_first_try_took() -> None:
    clock = Clock()
    tries = itertools.count()

    def work() -> str:
        if next(tries) == 0:
            clock.now += 60  # a request that timed out
        if next(tries) < 4:
            raise TransientServerError("busy")
        return "done"

    assert clock.call(work, RetryPolicy(wait_seconds=10))[0] == "done"


def test_with_no_time_to_wait_the_first_failure_is_the_last() -> None:
    clock = Clock()
    with pytest.raises(TransientServerError):
        clock.call(failing(1), RetryPolicy(wait_seconds=0))
    assert clock.pauses == []


@pytest.mark.parametrize("error", [TerminalServerError("never"), ImporterError("other")])
def test_what_cannot_pass_is_not_tried_again(error: ImporterError) -> None:
    clock = Clock()
    with pytest.raises(type(error)):
        clock.call(failing(1, error))
    assert (clock.pauses, clock.said) == ([], [])


def test_a_pause_that_raises_breaks_off() -> None:
    def pause(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        call_with_retries(failing(1), RetryPolicy(), say=lambda _: None, pause=pause)
