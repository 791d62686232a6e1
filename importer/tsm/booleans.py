"""Booleans of blocks: eight a byte, the first in the highest bit, behind their number.

Source: ``batch_boolean.go`` of influxdb 2.7.12. The bits behind the last value are 0 here, and in the server's
snapshots; its compactions may leave in them what was there before.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from importer.errors import SourceError
from importer.tsm.ragged import Counts, places, starts
from importer.tsm.varint import read_uvarint, uvarint

__all__ = ["decode", "encode"]

_HEAD = b"\x10"
_BITS = 8


def encode(values: npt.NDArray[np.bool_], lengths: Counts) -> list[bytes]:
    """The booleans of many blocks as bytes.

    Args:
        values: of all blocks, one behind the other (bool).
        lengths: of the blocks (int64).

    Returns:
        as many as blocks.
    """
    sizes = (lengths + _BITS - 1) // _BITS
    bits = np.zeros(int(sizes.sum()) * _BITS, dtype=np.bool_)
    bits[np.repeat(starts(sizes) * _BITS, lengths) + places(lengths)] = values
    data = np.packbits(bits).tobytes()
    stops = np.cumsum(sizes).tolist()
    return [
        _HEAD + uvarint(length) + data[start:stop]
        for length, start, stop in zip(lengths.tolist(), [0, *stops], stops, strict=False)
    ]


def decode(data: bytes) -> npt.NDArray[np.bool_]:
    """A block's booleans (bool).

    Raises:
        SourceError: these are none.
    """
    if data[:1] != _HEAD:
        raise SourceError("the booleans of a block are damaged")
    count, at = read_uvarint(data, 1)
    bits = np.unpackbits(np.frombuffer(data, dtype=np.uint8, offset=at))
    if bits.size < count:
        raise SourceError("the booleans of a block are cut off")
    return bits[:count].astype(np.bool_)
