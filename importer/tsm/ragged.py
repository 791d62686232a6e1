"""Groups of values that stand one behind the other in one array: the values of many blocks at once.

Goes in: how many values each group has. Comes out: where they begin, where each value stands within its group, and
what is the smallest and the largest of each.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["Counts", "Words", "differences", "extremes", "places", "starts"]

Counts = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]


def starts(lengths: Counts) -> Counts:
    """Where each group begins (int64, as many as groups)."""
    found: Counts = np.cumsum(lengths) - lengths
    return found


def places(lengths: Counts) -> Counts:
    """The position of each value within its group, from 0 (int64, as many as values)."""
    found: Counts = np.arange(int(lengths.sum()), dtype=np.int64) - np.repeat(starts(lengths), lengths)
    return found


def extremes(values: Words, lengths: Counts) -> tuple[Words, Words]:
    """The smallest and the largest value of each group; 0 of a group that has none.

    Args:
        values: all groups' (uint64).
        lengths: of the groups (int64).
    """
    smallest = np.zeros(lengths.size, dtype=np.uint64)
    largest = np.zeros(lengths.size, dtype=np.uint64)
    filled = np.flatnonzero(lengths)
    if filled.size:
        begins = starts(lengths)[filled]
        smallest[filled] = np.minimum.reduceat(values, begins)
        largest[filled] = np.maximum.reduceat(values, begins)
    return smallest, largest


def differences(values: Words, lengths: Counts) -> tuple[Words, Words]:
    """The first value of each group, and what each further one is more than the one before, modulo 2^64.

    Args:
        values: all groups' (uint64).
        lengths: of the groups (int64), at least 1 each.

    Returns:
        as many values as groups; and the differences, of which each group has one fewer than values.
    """
    begins = starts(lengths)
    steps = np.empty_like(values)
    np.subtract(values[1:], values[:-1], out=steps[1:])
    inner = np.ones(values.size, dtype=np.bool_)
    inner[begins] = False
    return values[begins], steps[inner]
