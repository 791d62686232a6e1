"""What clients ask the service for: batches of points, and questions about points that are there already.

Goes in: the name of a run, so that its points are told from all others. Come out: bodies of requests.
"""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from typing import Final

__all__ = ["METRICS", "SEED_BATCHES", "SEED_STEP_MS", "TAG", "Batches", "metric", "question", "seed_began_ms"]

TAG: Final = "importer_bench"
"""The key of a tag that all points of a run have, and nothing else; its value is the run's name."""

METRICS: Final = 10
"""In each batch, a series of each client's own."""

SEED_BATCHES: Final = 10
SEED_STEP_MS: Final = 36_000
"""Between the points of a series that are there to be asked for."""

HOUR_MS: Final = 3_600_000
BEFORE_MS: Final = 600_000
"""So long ago clients begin, as their points are closer to one another in time than batches come."""


def metric(run: str, number: int) -> str:
    """The name of a metric of a run."""
    return f"{TAG}_{run}_{number}"


def seed_began_ms(began_ms: int) -> int:
    """When the points to be asked for begin; they end before those of the clients."""
    return began_ms - BEFORE_MS - HOUR_MS


class Batches:
    """The batches of one client: each holds later points of the same series, in whole milliseconds.

    Args:
        run: its name.
        client: which client.
        points: of a batch.
        begin_ms: the time of the first point.
        step_ms: between the points of a series.
    """

    def __init__(self, run: str, client: str, points: int, begin_ms: int, step_ms: int = 1) -> None:
        tags = json.dumps({TAG: run, "client": client, "site": "north"})
        self._beginnings = [f'{{"metric":"{metric(run, n)}","tags":{tags},"timestamp":' for n in range(METRICS)]
        self._points = points
        self._next_ms = begin_ms
        self._step_ms = step_ms
        self._random = random.Random(client)  # noqa: S311 - figures of no meaning

    def body(self) -> bytes:
        """The next batch, as JSON."""
        draw, rows, left = self._random.random, [], self._points
        while left > 0:
            value = 20 + 10 * draw()
            for beginning in self._beginnings[:left]:
                value += 0.25
                rows.append(f'{beginning}{self._next_ms},"value":{value:.3f}}}')
            left -= METRICS
            self._next_ms += self._step_ms
        return f'{{"precision":"ms","points":[{",".join(rows)}]}}'.encode()


def question(run: str, began_ms: int, draw: random.Random) -> bytes:
    """Averages of half an hour, from a moment that hardly any question before began at, as JSON."""
    start = _EPOCH + timedelta(milliseconds=seed_began_ms(began_ms) + draw.randrange(HOUR_MS // 2))
    asked = {
        "metric": metric(run, draw.randrange(METRICS)),
        "start": start.isoformat(),
        "stop": (start + timedelta(minutes=30)).isoformat(),
        "aggregation": "AVG",
        "interval": "5m",
    }
    return json.dumps(asked).encode()


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
