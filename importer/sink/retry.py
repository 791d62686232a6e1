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
) -> tuple[T, int]:
    """Call until it succeeds, fails for good, or time is up.

    Args:
        call: what to do.
        policy: how long to go on.
        say: gets a line per failed try.
        pause: sleeps; may raise to break off.

    Returns:
        the result, and the number of tries beyond the first.

    Raises:
        TransientServerError: the last one, when time is up.
        Exception: whatever else the call raises, at once.
    """

    def before_pause(state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        seconds = state.next_action.sleep if state.next_action else 0.0
        say(f"try {state.attempt_number} failed: {error}; next in {seconds:.1f} s")

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(TransientServerError),
        stop=tenacity.stop_after_delay(policy.wait_seconds),
        wait=_Pauses(policy),
        sleep=pause,
        before_sleep=before_pause,
        reraise=True,
    )
    result = retrying(call)
    return result, int(retrying.statistics.get("attempt_number", 1)) - 1


class _Pauses(tenacity.wait.wait_base):
    def __init__(self, policy: RetryPolicy) -> None:
        self._policy = policy
        self._backoff = tenacity.wait_exponential_jitter(
            initial=policy.first_pause_seconds,
            max=policy.longest_pause_seconds,
            jitter=policy.first_pause_seconds,
        )

    def __call__(self, retry_state: tenacity.RetryCallState) -> float:
        pause = self._backoff(retry_state)
        error = retry_state.outcome.exception() if retry_state.outcome else None
        asked = error.retry_after_seconds if isinstance(error, TransientServerError) else None
        left = self._policy.wait_seconds - (retry_state.seconds_since_start or 0.0)
        wanted = max(pause, asked or 0.0)
        return max(0.0, min(wanted, self._policy.longest_pause_seconds, left))
