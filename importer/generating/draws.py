"""Random whole numbers, the same on every machine and under every version of the libraries.

Goes in: a seed, and what the numbers are for. Comes out: arrays. Each column of a shape has draws of its own, so that
how many points are made at once changes no value, and the first points of a longer run are those of a shorter one.
"""

from __future__ import annotations

import uuid

import numpy as np
import numpy.typing as npt

__all__ = ["Draws", "Integers", "uuids"]

Integers = npt.NDArray[np.int64]


class Draws:
    """Uniform numbers out of raw PCG64 bits: numpy promises these for ever, and those of ``Generator`` not.

    Args:
        key: the seed, and numbers that tell these draws from others of the seed; none of them negative.
    """

    def __init__(self, *key: int) -> None:
        self._bits = np.random.PCG64(np.random.SeedSequence(key))

    def whole(self, low: int, high: int, size: int) -> Integers:
        """``size`` whole numbers from ``low`` to ``high``, both included."""
        unit = (self._bits.random_raw(size) >> np.uint64(11)) * np.float64(2.0**-53)
        return low + (unit * (high - low + 1)).astype(np.int64)

    def raw(self, size: int) -> list[int]:
        """``size`` numbers of 64 bits."""
        return [int(bits) for bits in self._bits.random_raw(size)]


def uuids(draws: Draws, count: int) -> tuple[str, ...]:
    """Random UUIDs (version 4)."""
    halves = draws.raw(2 * count)
    return tuple(
        str(uuid.UUID(int=high << 64 | low, version=4)) for high, low in zip(halves[::2], halves[1::2], strict=True)
    )
