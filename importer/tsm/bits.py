"""Numbers as bits: how long they are, how many zeros they end in, and signed ones as unsigned ones."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from importer.tsm.ragged import Words

__all__ = ["bit_lengths", "trailing_zeros", "zigzag", "zigzag_back"]

_ONE = np.uint64(1)
_HALVES = tuple(np.uint64(1 << nth) for nth in range(6))


def bit_lengths(values: Words) -> npt.NDArray[np.uint8]:
    """How many bits each number (uint64) has, 0 to 64 (uint8)."""
    filled = values.copy()  # with ones, from the highest one down
    room = np.empty_like(filled)
    for shift in _HALVES:
        np.right_shift(filled, shift, out=room)
        np.bitwise_or(filled, room, out=filled)
    found: npt.NDArray[np.uint8] = np.bitwise_count(filled)
    return found


def trailing_zeros(values: Words) -> npt.NDArray[np.uint8]:
    """How many zero bits each number (uint64, not 0) ends in, 0 to 63 (uint8)."""
    found: npt.NDArray[np.uint8] = np.bitwise_count((values - _ONE) & ~values)
    return found


def zigzag(values: Words) -> Words:
    """Signed numbers, given as their bits, so that small ones are small whatever their sign: 0, -1, 1, -2, ..."""
    signs = (values.view(np.int64) >> np.int64(63)).view(np.uint64)
    found: Words = (values << _ONE) ^ signs
    return found


def zigzag_back(values: Words) -> Words:
    """What :func:`zigzag` was given."""
    found: Words = (values >> _ONE) ^ (~(values & _ONE) + _ONE)
    return found
