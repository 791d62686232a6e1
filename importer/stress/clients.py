"""Clients of one process, at work during a step: each sends a request, waits for its answer, and sends the next.

Goes in: a :class:`Plan`, and which clients. Comes out: a :class:`~importer.stress.tally.Tally` for each route.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from importer.server.transport import tls_context
from importer.stress.asked import BEFORE_MS, Batches, question
from importer.stress.records import MIXES, Mix, Route
from importer.stress.tally import Tally
from importer.stress.wire import Address, CannotConnectError, Wire

__all__ = ["Crew", "Plan"]

REST_SECONDS: Final = 0.1
"""After an error, so that a service that is away is not asked without end."""

EXPECTED: Final = {"ingest": HTTPStatus.CREATED, "query": HTTPStatus.OK, "metrics": HTTPStatus.OK}


@dataclass(frozen=True, slots=True)
class Plan:
    """What stays the same for a whole run.

    Attributes:
        url: of the service.
        token: that it asks for; None: none.
        run: the run's name.
        began_ms: when it began, ms since 1970.
        batch_points: points of each /ingest.
        rate: requests a second of each client; None: as fast as the answers come.
        timeout_seconds: for an answer.
    """

    url: str
    token: str | None
    run: str
    began_ms: int
    batch_points: int
    rate: float | None
    timeout_seconds: float


class Crew:
    """The clients of this process: each with a connection of its own.

    Args:
        plan: of the run.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._address = Address.of(plan.url)
        self._tls = tls_context() if self._address.is_tls else None
        self._batches: dict[int, Batches] = {}
        self._clients: list[_Client] = []

    async def connect(self, mix: Mix, clients: list[int]) -> None:
        """Make these clients, and let each connect."""
        for number in clients:
            batches = self._batches.setdefault(number, self._made(number))
            self._clients.append(_Client(Wire(self._address, self._tls), self._plan, mix, number, batches))
        await asyncio.gather(*(client.connect() for client in self._clients))

    async def work(self, seconds: float, of_all: int) -> dict[Route, Tally]:
        """Let them send requests for so long; those under way then are waited for.

        Args:
            seconds: how long.
            of_all: how many clients there are in all processes.
        """
        tallies: dict[Route, Tally] = defaultdict(Tally)
        begin = time.perf_counter()
        try:
            await asyncio.gather(*(client.work(begin, begin + seconds, of_all, tallies) for client in self._clients))
        except asyncio.CancelledError:  # what was measured until then counts
            if (task := asyncio.current_task()) is not None:
                task.uncancel()
        return dict(tallies)

    def leave(self) -> None:
        """Close all connections."""
        for client in self._clients:
            client.leave()
        self._clients.clear()

    def _made(self, number: int) -> Batches:
        plan = self._plan
        return Batches(plan.run, f"c{number}", plan.batch_points, plan.began_ms - BEFORE_MS)


class _Client:
    """One client.

    Args:
        wire: its connection.
        plan: of the run.
        mix: what it asks for.
        number: which client it is.
        batches: that it sends.
    """

    def __init__(self, wire: Wire, plan: Plan, mix: Mix, number: int, batches: Batches) -> None:
        self._wire = wire
        self._plan = plan
        self._number = number
        self._batches = batches
        self._random = random.Random(f"{plan.run} {number}")  # noqa: S311 - figures of no meaning
        routes = MIXES[mix]
        self._routes = itertools.islice(itertools.cycle(routes), number % len(routes), None)

    async def connect(self) -> None:
        """Have a connection before time counts; one that fails is told by the first request."""
        with suppress(OSError):
            async with asyncio.timeout(self._plan.timeout_seconds):
                await self._wire.ask(self._wire.address.request("GET", "/health", self._plan.token))

    def leave(self) -> None:
        """Close the connection."""
        self._wire.close()

    async def work(self, begin: float, until: float, of_all: int, tallies: dict[Route, Tally]) -> None:
        """Send requests until then."""
        clock, rate = time.perf_counter, self._plan.rate
        # At a set rate clients take turns, and a request that had to wait for the answer before it counts as late.
        due = begin + self._number / of_all / rate if rate else begin
        while due < until and clock() < until:
            if rate:
                await asyncio.sleep(due - clock())
            route = next(self._routes)
            request, tally = self._request(route), tallies[route]
            began = due if rate else clock()
            trouble = await self._trouble(route, request)
            if trouble is None:
                tally.latencies.add(clock() - began)
                tally.requests += 1
                tally.points += self._plan.batch_points if route == "ingest" else 0
            else:
                tally.errors[trouble] += 1
                await asyncio.sleep(REST_SECONDS)
            if rate:
                due += 1 / rate

    def _request(self, route: Route) -> bytes:
        plan = self._plan
        if route == "metrics":
            return self._wire.address.request("GET", "/metrics", plan.token)
        body = self._batches.body() if route == "ingest" else question(plan.run, plan.began_ms, self._random)
        return self._wire.address.request("POST", f"/{route}", plan.token, body)

    async def _trouble(self, route: Route, request: bytes) -> str | None:
        """What is wrong with the answer; None: nothing."""
        try:
            async with asyncio.timeout(self._plan.timeout_seconds):
                status = await self._wire.ask(request)
        except CannotConnectError:
            return "cannot connect"
        except TimeoutError:
            return f"no answer within {self._plan.timeout_seconds:g} s"
        except OSError:
            return "connection broken off"
        return None if status == EXPECTED[route] else f"HTTP {status}"
