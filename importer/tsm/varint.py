"""Unsigned numbers in as many bytes as they need: seven bits a byte, the lowest first (Go's ``binary.PutUvarint``)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from importer.errors import SourceError
from importer.tsm.ragged import Counts, Words, places

__all__ = ["read_uvarint", "uvarint", "uvarints"]

LONGEST = 10
"""Bytes of the largest number of 64 bits."""

_MORE = 0x80
_SEVEN = np.uint64(7)


def uvarint(value: int) -> bytes:
    """One number, 0 to 2^64-1, as bytes."""
    found = bytearray()
    while value >= _MORE:
        found.append(value & 0x7F | _MORE)
        value >>= 7
    found.append(value)
    return bytes(found)


def uvarints(values: Words) -> tuple[npt.NDArray[np.uint8], Counts]:
    """Many numbers (uint64) as bytes (uint8), one behind the other, and how many bytes each one has (int64)."""
    if not values.size or int(values.max()) < _MORE:
        return values.astype(np.uint8), np.ones(values.size, dtype=np.int64)
    sizes = np.ones(values.size, dtype=np.int64)
    for byte in range(1, LONGEST):
        sizes += values >= np.uint64(1 << 7 * byte)
    nth = places(sizes)
    parts = (np.repeat(values, sizes) >> (nth.view(np.uint64) * _SEVEN)) & np.uint64(0x7F)
    parts[nth < np.repeat(sizes, sizes) - 1] |= np.uint64(_MORE)
    return parts.astype(np.uint8), sizes


def read_uvarint(data: bytes, at: int) -> tuple[int, int]:
    """The number that begins at this byte, and where it ends.

    Raises:
        SourceError: the data end within it, or it has more than 64 bits.
    """
    value = 0
    for nth, byte in enumerate(data[at : at + LONGEST]):
        value |= (byte & 0x7F) << 7 * nth
        if byte < _MORE:
            if value >> 64:
                break
            return value, at + nth + 1
    raise SourceError(f"a number of variable length is damaged at byte {at} of {len(data)}")
