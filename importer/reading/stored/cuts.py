"""Where to cut time into slices of about the same size.

Goes in: the times of blocks, in any order. Comes out: where slices begin. What is kept is a sample of bounded size.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from importer.reading.stored.slicing import KEY_BYTES
from importer.tsm.layout import Times

__all__ = ["Cuts"]

MOST_TIMES = 1 << 17
"""In the sample: some hundred for each slice of a billion values."""


class Cuts:
    """Where to cut: found out of a sample of all times, each of which stands for as many bytes as any other."""

    def __init__(self) -> None:
        self._random = np.random.default_rng(0)
        self._step = 1.0
        self._times: list[Times] = []
        self._bytes: list[npt.NDArray[np.float64]] = []
        self._size = 0

    def add(self, times: Times, size_bytes: int) -> None:
        """Take some times into account, and how many bytes their values have."""
        self._take(times, np.full(times.size, KEY_BYTES + size_bytes / max(times.size, 1)))
        while self._size > MOST_TIMES:
            self._step *= 2
            times, sizes = np.concatenate(self._times), np.concatenate(self._bytes)
            self._times, self._bytes, self._size = [], [], 0
            self._take(times, sizes)

    def _take(self, times: Times, sizes: npt.NDArray[np.float64]) -> None:
        """Keep each time with a probability by which it stands for one step of bytes, or for more by itself."""
        kept = self._random.random(times.size) * self._step < sizes
        self._times.append(times[kept])
        self._bytes.append(np.maximum(sizes[kept], self._step))
        self._size += self._times[-1].size

    def at(self, most_bytes: int) -> Times:
        """The first times of all slices but the first, so that each slice has about so many bytes at the most."""
        if not self._size:
            return np.zeros(0, dtype=np.int64)
        times, sizes = np.concatenate(self._times), np.concatenate(self._bytes)
        order = np.argsort(times, kind="stable")
        reached = np.cumsum(sizes[order])
        count = int(-(-reached[-1] // most_bytes))
        places = np.searchsorted(reached, np.arange(1, count) * (reached[-1] / count))
        return np.unique(times[order][places])
