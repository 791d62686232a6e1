"""What a bench is asked to do, and what it found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

__all__ = ["MIXES", "ROUTES", "BenchReport", "LatencyMs", "Mix", "Route", "RouteFigures", "Step"]

Route = Literal["ingest", "query", "metrics"]
Mix = Literal["ingest", "query", "metrics", "all"]

ROUTES: Final[tuple[Route, ...]] = ("ingest", "query", "metrics")
MIXES: Final[dict[Mix, tuple[Route, ...]]] = {
    "ingest": ("ingest",),
    "query": ("query",),
    "metrics": ("metrics",),
    "all": ROUTES,
}
"""What each client asks for, in turn."""


@dataclass(frozen=True, slots=True)
class LatencyMs:
    """Milliseconds from a request's first byte (or, at a set rate, from when it was due) to its answer's last.

    Attributes:
        p50: half of the requests took no longer; too high by 1 % at the most, as are the next three.
        p90: nor did 90 %.
        p95: nor did 95 %.
        p99: nor did 99 %.
        max: the longest one.
    """

    p50: float
    p90: float
    p95: float
    p99: float
    max: float


@dataclass(frozen=True, slots=True)
class RouteFigures:
    """How a route did in a step.

    Attributes:
        route: which.
        requests: that were answered as they should be.
        requests_per_second: of these.
        points_per_second: that were stored.
        latency_ms: of these requests; None if there is none.
        errors: how many others there were, by what became of them.
    """

    route: Route
    requests: int
    requests_per_second: float
    points_per_second: float
    latency_ms: LatencyMs | None
    errors: dict[str, int]


@dataclass(frozen=True, slots=True)
class Step:
    """What so many clients met with.

    Attributes:
        mix: what they asked for.
        clients: how many there were; each sends its next request when it has the answer to the one before.
        seconds: from the first request to the last answer.
        routes: figures by route.
        client_cpu_seconds: CPU time that the clients took.
        client_busy: share of its time that the busiest process of clients used the processor: near 1, the clients
            themselves are what is slow.
        service_cpu_seconds: CPU time that the service took, as it says itself; None if it does not.
    """

    mix: Mix
    clients: int
    seconds: float
    routes: tuple[RouteFigures, ...]
    client_cpu_seconds: float
    client_busy: float
    service_cpu_seconds: float | None

    @property
    def errors(self) -> int:
        """How many requests were not answered as they should be."""
        return sum(number for route in self.routes for number in route.errors.values())


@dataclass(frozen=True, slots=True)
class BenchReport:
    """What a bench found.

    Attributes:
        url: of the service.
        started: when, RFC 3339.
        batch_points: points of each /ingest.
        rate: requests a second of each client; None: as fast as the answers came.
        processes: that the clients were in.
        complete: whether all steps were done; False if it was told to stop.
        steps: in the order in which they were done.
        tag: key and value of the tag that all of its points had.
        left: whether these points are still there.
    """

    url: str
    started: str
    batch_points: int
    rate: float | None
    processes: int
    complete: bool
    steps: tuple[Step, ...]
    tag: tuple[str, str]
    left: bool

    @property
    def errors(self) -> int:
        """How many requests were not answered as they should be."""
        return sum(step.errors for step in self.steps)
