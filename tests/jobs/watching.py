"""Waiting for jobs in tests."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx

WAIT_SECONDS = 60.0


def wait_until(done: Callable[[], Any], what: str) -> Any:
    """What the function gives as soon as it is true."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not (found := done()):
        assert time.monotonic() < deadline, f"{what} has not happened"
        time.sleep(0.02)
    return found


def ended(client: httpx.Client, job: str) -> dict[str, Any]:
    """The job, once it has ended or was interrupted."""

    def look() -> dict[str, Any] | None:
        found: dict[str, Any] = client.get(f"/imports/{job}").json()
        return None if found["state"] in ("queued", "running") else found

    result: dict[str, Any] = wait_until(look, f"the end of {job}")
    return result
