"""Numbers as bits: how long they are, how many zeros they end in, and signed ones as unsigned ones."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from importer.tsm.ragged import Words

__all__ = ["bit_lengths", "trailing_zeros", "zigzag", "zigzag_back"]

_MANTISSA_BITS = np.uint64(52)
_BIAS = 1022
"""A double's exponent is that much more than the number of bits of the whole number that it is."""

_ONE = np.uint64(1)


def bit_lengths(values: Words) -> npt.NDArray[np.uint8]:
    """How many bits each number (uint64) has, 0 to 64 (uint8)."""
    # Without the bit behind the first, no rounding to 53 bits can carry into the next power of two.
    leading = values & ~(values >> _ONE)
    exponents = (leading.astype(np.float64).view(np.uint64) >> _MANTISSA_BITS).astype(np.int16)
    found: npt.NDArray[np.uint8] = np.maximum(exponents - _BIAS, 0).astype(np.uint8)
    return found


def trailing_zeros(values: Words) -> npt.NDArray[np.uint8]:
    """How many zero bits each number (uint64, not 0) ends in, 0 to 63 (uint8)."""
    lowest = values & (~values + _ONE)
    exponents = lowest.astype(np.float64).view(np.uint64) >> _MANTISSA_BITS
    found: npt.NDArray[np.uint8] = (exponents - np.uint64(_BIAS + 1)).astype(np.uint8)
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
