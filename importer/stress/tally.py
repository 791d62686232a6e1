"""What clients count of a route during a step; told by one process to another."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Self

from importer.stress.latencies import Latencies
from importer.stress.records import LatencyMs, Route, RouteFigures

__all__ = ["Tally"]


@dataclass(slots=True)
class Tally:
    """Requests of a route.

    Attributes:
        latencies: of those that were answered as they should be.
        requests: how many these are.
        points: that were stored.
        errors: how many others, by what became of them.
    """

    latencies: Latencies = field(default_factory=Latencies)
    requests: int = 0
    points: int = 0
    errors: Counter[str] = field(default_factory=Counter)

    def merge(self, other: Self) -> None:
        """Add what others counted."""
        self.latencies.merge(other.latencies)
        self.requests += other.requests
        self.points += other.points
        self.errors.update(other.errors)

    def figures(self, route: Route, seconds: float) -> RouteFigures:
        """What it comes to, in so many seconds."""
        latency = None
        if self.requests:
            shares = (1000 * self.latencies.percentile(percent) for percent in (50, 90, 95, 99))
            latency = LatencyMs(*(round(each, 3) for each in (*shares, 1000 * self.latencies.longest)))
        return RouteFigures(
            route=route,
            requests=self.requests,
            requests_per_second=round(self.requests / seconds, 1),
            points_per_second=round(self.points / seconds, 1),
            latency_ms=latency,
            errors=dict(sorted(self.errors.items())),
        )

    def to_json(self) -> dict[str, Any]:
        """For another process."""
        return {
            "latencies": self.latencies.to_json(),
            "requests": self.requests,
            "points": self.points,
            "errors": self.errors,
        }

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> Self:
        """As another process told it."""
        return cls(Latencies.from_json(told["latencies"]), told["requests"], told["points"], Counter(told["errors"]))
