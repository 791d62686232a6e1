"""How long requests took: counted in small steps, so that hours of them need no more memory than seconds.

Goes in: seconds, one request after another. Come out: percentiles, too high by at most one part in a hundred.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Any, Self

__all__ = ["Latencies"]

SHORTEST_SECONDS = 1e-6
GROWTH = math.log(1.01)
"""A step is so much longer than the one before it."""


class Latencies:
    """Durations of requests.

    Attributes:
        longest: the longest one, exactly; 0 if there is none.
    """

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        self.longest = 0.0

    def add(self, seconds: float) -> None:
        """Count one more."""
        step = math.ceil(math.log(seconds / SHORTEST_SECONDS) / GROWTH) if seconds > SHORTEST_SECONDS else 0
        self._counts[step] += 1
        self.longest = max(self.longest, seconds)

    def merge(self, other: Self) -> None:
        """Count those of others, too."""
        self._counts.update(other._counts)
        self.longest = max(self.longest, other.longest)

    def percentile(self, percent: float) -> float:
        """The shortest duration that so many percent do not exceed; 0 if there is none."""
        wanted, seen = math.ceil(self._counts.total() * percent / 100), 0
        for step in sorted(self._counts):
            seen += self._counts[step]
            if seen >= wanted:
                return min(SHORTEST_SECONDS * math.exp(step * GROWTH), self.longest)
        return self.longest

    def to_json(self) -> dict[str, Any]:
        """For another process."""
        return {"longest": self.longest, "counts": list(self._counts.items())}

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> Self:
        """As another process told them."""
        found = cls()
        found.longest = told["longest"]
        found._counts.update(dict(told["counts"]))
        return found
