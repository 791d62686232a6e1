"""The order by series and time, in which the server takes points fastest, and in which it stores them.

Goes in: numbers, one for each point. Comes out: the order of the points, stable: those that are alike stay in the order
of the input, which decides the one that counts.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["Order", "key_order", "stable_order"]

Order = npt.NDArray[np.intp]

_NARROW = 1 << 16
"""So many different numbers numpy sorts without comparing, if they come in 16 bits."""


def key_order(series: npt.NDArray[np.uint32], times: npt.NDArray[np.int64]) -> Order | None:
    """The order by series, and by time (ns) within each; None where the points are in it already."""
    same, rises = series[1:] == series[:-1], series[1:] > series[:-1]
    if (rises | (same & (times[1:] >= times[:-1]))).all():
        return None
    by_time = np.argsort(times, kind="stable")
    return by_time[_sorted(series[by_time])]


def stable_order(numbers: npt.NDArray[np.int64]) -> Order | None:
    """The order of numbers; None where they are in it already."""
    return None if (numbers[1:] >= numbers[:-1]).all() else _sorted(numbers)


def _sorted(numbers: npt.NDArray[np.integer]) -> Order:
    first, last = int(numbers.min()), int(numbers.max())
    return np.argsort((numbers - first).astype(np.uint16) if last - first < _NARROW else numbers, kind="stable")
