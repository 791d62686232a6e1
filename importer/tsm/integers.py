"""Whole numbers of blocks: run-length, packed, or raw, whatever the server would choose.

Goes in: signed or unsigned numbers of 64 bits of many blocks. Comes out: each block's bytes; and back. Unsigned numbers
are encoded as the signed ones with the same bits.

The first byte's four high bits say which it is (0 raw, 1 packed, 2 run-length); the first number and then the
differences follow, all of them with the sign in the lowest bit. Source: ``batch_integer.go`` and ``int.go``.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from importer.errors import SourceError
from importer.tsm import simple8b
from importer.tsm.bits import zigzag, zigzag_back
from importer.tsm.layout import Origin
from importer.tsm.ragged import Counts, Words, differences, extremes
from importer.tsm.simple8b import Runs
from importer.tsm.times import HEAD, PACKED, RAW, RUN_LENGTH, WORD, run
from importer.tsm.varint import read_uvarint, uvarint

__all__ = ["decode", "decode_unsigned", "encode"]

_RUNS: dict[Origin, Runs] = {"compaction": "anywhere", "snapshot": "last"}
_SHORTEST_RUN = 3


def encode(
    values: npt.NDArray[np.int64] | npt.NDArray[np.uint64], lengths: Counts, origin: Origin = "compaction"
) -> list[bytes]:
    """The numbers of many blocks as bytes.

    Args:
        values: of all blocks, one behind the other (int64 or uint64).
        lengths: of the blocks (int64), at least 1 each.
        origin: whose choice is made.

    Returns:
        as many as blocks.
    """
    plain_firsts, plain_steps = differences(values.view(np.uint64), lengths)
    firsts, steps = zigzag(plain_firsts), zigzag(plain_steps)
    smallest, largest = extremes(steps, lengths - 1)
    constant = (smallest == largest) & (lengths >= _SHORTEST_RUN)
    packable = largest <= simple8b.LARGEST
    if origin == "snapshot":
        packable &= firsts <= simple8b.LARGEST
    packable &= ~constant
    words, counts = simple8b.pack(steps[np.repeat(packable, lengths - 1)], lengths[packable] - 1, _RUNS[origin])
    all_counts = np.zeros(lengths.size, dtype=np.int64)
    all_counts[packable] = counts
    stops = (np.cumsum(all_counts) * WORD).tolist()
    packed_bytes = words.astype(">u8").tobytes()
    first_bytes = firsts.astype(">u8").tobytes()
    kinds = np.where(constant, RUN_LENGTH, np.where(packable, PACKED, RAW)).tolist()
    raw_bytes = b"" if (packable | constant).all() else steps.astype(">u8").tobytes()
    found: list[bytes] = []
    start = raw_start = 0
    for nth, (kind, stop, length) in enumerate(zip(kinds, stops, lengths.tolist(), strict=True)):
        head = _HEADS[kind] + first_bytes[nth * WORD : nth * WORD + WORD]
        raw_stop = raw_start + (length - 1) * WORD
        if kind == PACKED:
            found.append(head + packed_bytes[start:stop])
        elif kind == RUN_LENGTH:
            found.append(head + uvarint(int(smallest[nth])) + uvarint(length - 1))
        else:
            found.append(head + raw_bytes[raw_start:raw_stop])
        start, raw_start = stop, raw_stop
    return found


_HEADS = [bytes([kind << 4]) for kind in (RAW, PACKED, RUN_LENGTH)]


def decode(data: bytes) -> npt.NDArray[np.int64]:
    """A block's numbers (int64).

    Raises:
        SourceError: these are none.
    """
    return _decoded(data).view(np.int64)


def decode_unsigned(data: bytes) -> npt.NDArray[np.uint64]:
    """A block's numbers (uint64).

    Raises:
        SourceError: these are none.
    """
    return _decoded(data)


def _decoded(data: bytes) -> Words:
    if len(data) < HEAD:
        raise SourceError("the whole numbers of a block are cut off")
    kind = data[0] >> 4
    if kind == RUN_LENGTH:
        step, at = read_uvarint(data, HEAD)
        count, at = read_uvarint(data, at)
        first, each = zigzag_back(np.array([int.from_bytes(data[1:HEAD]), step], dtype=np.uint64)).tolist()
        return run(first, each, count + 1).view(np.uint64)
    if kind not in {RAW, PACKED} or (len(data) - 1) % WORD:
        raise SourceError("the whole numbers of a block are damaged")
    words = np.frombuffer(data, dtype=">u8", offset=1).astype(np.uint64)
    if kind == PACKED:
        words = np.concatenate([words[:1], simple8b.unpack(words[1:])])
    found: Words = np.cumsum(zigzag_back(words), dtype=np.uint64)
    return found
