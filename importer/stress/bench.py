"""A bench of a running service: more and more clients, step by step.

Goes in: an address, and how much. Comes out: a :class:`~importer.stress.records.BenchReport`. What the
clients store is removed at the end.
"""

from __future__ import annotations

import logging
import os
import secrets
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final

from importer.errors import ConfigurationError
from importer.server.connection import Connection
from importer.server.secret import Secret
from importer.stress.asked import SEED_BATCHES, SEED_STEP_MS, TAG, Batches, seed_began_ms
from importer.stress.clients import Plan
from importer.stress.processes import Counted, Processes
from importer.stress.records import MIXES, BenchReport, Mix, Step
from importer.stress.removing import found_connection, removed
from importer.stress.target import Target, checked_url

__all__ = ["CLIENTS", "bench_api"]

log = logging.getLogger(__name__)

CLIENTS: Final = (1, 2, 4, 8, 16, 32, 64)
MOST_CLIENTS: Final = 10_000
SEED_POINTS: Final = 1_000
MOST_POINTS: Final = 10_000
"""Of a batch; the service takes no larger one."""


def bench_api(
    url: str = "http://127.0.0.1:8000",
    *,
    clients: Sequence[int] = CLIENTS,
    seconds: float = 10.0,
    mixes: Sequence[str] = ("all",),
    batch_points: int = 1_000,
    rate: float | None = None,
    processes: int | None = None,
    timeout_seconds: float = 30.0,
    token: str | None = None,
    allow_remote: bool = False,
    allow_http: bool = False,
    connection: Connection | None = None,
    series_bucket: str = "timeseries",
    keep: bool = False,
    stop: threading.Event | None = None,
    on_step: Callable[[Step], None] | None = None,
) -> BenchReport:
    """Measure how fast a running service (``importer serve``) answers, and how many clients it bears.

    The points that are stored have names and a tag of their own; they are removed at the end.

    Args:
        url: of the service.
        clients: how many there are in each step.
        seconds: of each step.
        mixes: what the clients ask for; each is gone through with all numbers of clients. ``all``: each client takes
            turns.
        batch_points: points of each /ingest.
        rate: requests a second of each client; None: each sends its next request when it has an answer.
        processes: that the clients are in; None: one, or two for eight clients and more.
        timeout_seconds: for an answer.
        token: that the service asks for.
        allow_remote: the service may be on another machine.
        allow_http: the token may go there over plain http.
        connection: the InfluxDB that the service stores into; None: as settings name it, or the local one.
        series_bucket: the bucket that the service stores time series in.
        keep: leave the points there; then no InfluxDB is needed.
        stop: set, it ends early, with what was measured.
        on_step: hears of each step when it has ended.

    Raises:
        ConfigurationError: something is asked for that makes no sense, or that is not safe unasked.
        ServerError: the service does not answer, or refuses.
    """
    _check(
        clients=clients,
        seconds=seconds,
        mixes=mixes,
        batch_points=batch_points,
        rate=rate,
        processes=processes,
        timeout_seconds=timeout_seconds,
    )
    secret = None if token is None else Secret(token)
    url = checked_url(url, has_token=token is not None, allow_remote=allow_remote, allow_http=allow_http)
    if connection is None and not keep:
        connection = found_connection()
    stop = stop or threading.Event()
    processes = min(processes or _usual_processes(clients), max(clients))
    run, began = secrets.token_hex(4), datetime.now(UTC)
    plan = Plan(url, secret, run, int(began.timestamp() * 1000), batch_points, rate, timeout_seconds)
    steps: list[Step] = []
    left = True
    target = Target(url, secret, timeout_seconds)
    target.metrics()  # a service that does not answer is told before anything is stored
    try:
        _seed(target, plan, stop)
        with Processes(plan, processes, stop) as crews:
            for mix in (mix for mix in MIXES if mix in mixes):
                for number in clients:
                    if not stop.is_set():
                        steps.append(_step(target, crews, mix, number, seconds))
                        if on_step is not None:
                            on_step(steps[-1])
    finally:
        if connection is not None and not keep:
            left = not removed(connection, series_bucket, run, target)
    if left:
        log.warning('points are left in the service\'s bucket: those with the tag %s="%s"', TAG, run)
    return BenchReport(
        url=url,
        started=began.isoformat(timespec="seconds"),
        batch_points=batch_points,
        rate=rate,
        processes=processes,
        complete=not stop.is_set(),
        steps=tuple(steps),
        tag=(TAG, run),
        left=left,
    )


def _usual_processes(clients: Sequence[int]) -> int:
    return min(2, os.cpu_count() or 1) if max(clients) >= 8 else 1  # noqa: PLR2004 - few ask little


def _check(
    *,
    clients: Sequence[int],
    seconds: float,
    mixes: Sequence[str],
    batch_points: int,
    rate: float | None,
    processes: int | None,
    timeout_seconds: float,
) -> None:
    if not clients or min(clients) < 1 or max(clients) > MOST_CLIENTS:
        raise ConfigurationError(f"each step has 1 to {MOST_CLIENTS:,} clients, as in --clients 1,8,64")
    if not mixes or (unknown := [mix for mix in mixes if mix not in MIXES]):
        raise ConfigurationError(f"a mix is one of {', '.join(MIXES)}, and not {', '.join(unknown) or 'none'}")
    if not 1 <= batch_points <= MOST_POINTS:
        raise ConfigurationError(f"a batch has 1 to {MOST_POINTS:,} points")
    positive = {"--seconds": seconds, "--timeout": timeout_seconds, "--rate": rate or 1, "--processes": processes or 1}
    for name, number in positive.items():
        if not 0 < number < float("inf"):
            raise ConfigurationError(f"{name} is a number above 0")
    if rate == 0 or processes == 0:
        raise ConfigurationError("--rate and --processes are numbers above 0")


def _seed(target: Target, plan: Plan, stop: threading.Event) -> None:
    """Store what questions are about, before anything is measured."""
    for number in range(SEED_BATCHES):
        if stop.is_set():
            return
        batches = Batches(plan.run, f"seed{number}", SEED_POINTS, seed_began_ms(plan.began_ms), SEED_STEP_MS)
        target.ingest(batches.body())


def _step(target: Target, crews: Processes, mix: Mix, clients: int, seconds: float) -> Step:
    if mix == "metrics":
        target.metrics()  # from then on it is in the cache
    before = target.cpu_seconds()
    counted = crews.step(mix, clients, seconds)
    after = target.cpu_seconds()
    return _figures(mix, clients, counted, None if before is None or after is None else after - before)


def _figures(mix: Mix, clients: int, counted: Counted, service_cpu_seconds: float | None) -> Step:
    return Step(
        mix=mix,
        clients=clients,
        seconds=round(counted.seconds, 3),
        routes=tuple(
            counted.tallies[route].figures(route, counted.seconds) for route in MIXES[mix] if route in counted.tallies
        ),
        client_cpu_seconds=round(counted.cpu_seconds, 3),
        client_busy=round(counted.busy, 3),
        service_cpu_seconds=None if service_cpu_seconds is None else round(service_cpu_seconds, 3),
    )
