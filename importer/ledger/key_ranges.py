"""Which series may have keys (series and time) that occur more than once, found without comparing keys.

Goes in: the sorted keys of each block. Comes out: the series of which two blocks hold times that reach into one
another, or a block the same time twice. Mostly there are none, and nothing need be searched.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["KeyRanges"]

Series = npt.NDArray[np.uint32]
Times = npt.NDArray[np.int64]

MOST_RANGES = 1_000_000
"""Twenty bytes each; beyond, any series may have them."""


class KeyRanges:
    """From when to when each block has points of each series. Blocks may be added from several threads."""

    def __init__(self) -> None:
        self._ranges: list[tuple[Series, Times, Times]] = []
        self._repeated: list[Series] = []
        self._count = 0

    def add(self, series: Series, times: Times) -> None:
        """Take note of a block's keys, which are sorted by both."""
        if self._count > MOST_RANGES or not len(series):
            return
        same = series[1:] == series[:-1]
        ends = np.flatnonzero(~same)
        first, last = np.concatenate(([0], ends + 1)), np.concatenate((ends, [len(series) - 1]))
        self._ranges.append((series[first], times[first], times[last]))
        self._repeated.append(np.unique(series[1:][same & (times[1:] == times[:-1])]))
        self._count += len(first)
        if self._count > MOST_RANGES:
            self._ranges.clear()
            self._repeated.clear()

    def suspects(self) -> Series | None:
        """The series that may have a key more than once, each once; None: any may, as there were too many to tell."""
        if self._count > MOST_RANGES:
            return None
        if not self._ranges:
            return np.zeros(0, dtype=np.uint32)
        series, starts, stops = (np.concatenate(parts) for parts in zip(*self._ranges, strict=True))
        order = np.lexsort((starts, series))
        series, starts, stops = series[order], starts[order], stops[order]
        # If none reaches into the one that starts next, none reaches into any other.
        reaching = (series[1:] == series[:-1]) & (starts[1:] <= stops[:-1])
        return np.unique(np.concatenate((series[1:][reaching], *self._repeated)))
