"""Time windows that coincide with the server's shard groups.

The server cuts time at multiples of the shard group duration since year 1 (``Time.Truncate`` of Go), so
that a window never spans two shard groups.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from importer.limits import MAX_TIME_NS, MIN_TIME_NS, shard_group_numbers, shard_group_offset_ns

__all__ = ["Windows"]


@dataclass(frozen=True, slots=True)
class Windows:
    """Numbers of windows.

    Attributes:
        duration_ns: of a window, as of a shard group.
    """

    duration_ns: int

    @property
    def offset_ns(self) -> int:
        """Where windows begin, from 1970 on: this much later than a multiple of their duration."""
        return shard_group_offset_ns(self.duration_ns)

    def numbers(self, times_ns: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The window of each timestamp."""
        return shard_group_numbers(times_ns, self.duration_ns)

    def number_of(self, time_ns: int) -> int:
        """The window of one timestamp."""
        return (time_ns - self.offset_ns) // self.duration_ns

    def bounds(self, number: int) -> tuple[int, int]:
        """First timestamp of a window and the first behind it (ns), within what the server can hold."""
        start = number * self.duration_ns + self.offset_ns
        return max(start, MIN_TIME_NS), min(start + self.duration_ns, MAX_TIME_NS + 1)
