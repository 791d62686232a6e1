"""Try again what may pass: exponential back-off with jitter, and what the server asks for by Retry-After."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import tenacity

from importer.errors import TransientServerError

__all__ = ["RetryPolicy", "call_with_retries"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long to go on.

    Attributes:
        wait_seconds: give up so long after the first failure.
        longest_pause_seconds: no single pause is longer, whatever Retry-After says.
        first_pause_seconds: doubled at each failure, with jitter.
    """

    wait_seconds: float = 100.0
    longest_pause_seconds: float = 10.0
    first_pause_seconds: float = 0.25


def call_with_retries(
    call: Callable[[], T],
    policy: RetryPolicy,
    *,
    say: Callable[[str], None],
    pause: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[T, int]:
    """Call until it succeeds, fails for good, or time is up.

    Args:
        call: what to do.
        policy: how long to go on.
        say: gets a line per failed try.
        pause: sleeps; may raise to break off.
        clock: seconds that only rise.

    Returns:
        the result, and the number of tries beyond the first.

    Raises:
        TransientServerError: the last one, when time is up.
        Exception: whatever else the call raises, at once.
    """
    pauses = _Pauses(policy, clock)
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(TransientServerError),
        stop=lambda _: pauses.seconds_left <= 0,
        wait=pauses,
        sleep=pause,
        before_sleep=lambda state: say(_failed(state)),
        reraise=True,
    )
    result = retrying(call)
    return result, int(retrying.statistics.get("attempt_number", 1)) - 1


class _Pauses:
    """How long to pause, which is asked at each failure; the first one starts the clock."""

    def __init__(self, policy: RetryPolicy, clock: Callable[[], float]) -> None:
        self.seconds_left = policy.wait_seconds
        self._policy = policy
        self._clock = clock
        self._began: float | None = None
        first, longest = policy.first_pause_seconds, policy.longest_pause_seconds
        self._backoff = tenacity.wait_exponential(multiplier=first, max=longest) + tenacity.wait_random(0, first)

    def __call__(self, state: tenacity.RetryCallState) -> float:
        now = self._clock()
        self._began = now if self._began is None else self._began
        self.seconds_left = self._policy.wait_seconds - (now - self._began)
        error = state.outcome.exception() if state.outcome else None
        asked = error.retry_after_seconds if isinstance(error, TransientServerError) else None
        wanted = max(self._backoff(state), asked or 0.0)
        return max(0.0, min(wanted, self._policy.longest_pause_seconds, self.seconds_left))


def _failed(state: tenacity.RetryCallState) -> str:
    error = state.outcome.exception() if state.outcome else None
    seconds = state.next_action.sleep if state.next_action else 0.0
    return f"try {state.attempt_number} failed: {error}; next in {seconds:.1f} s"
