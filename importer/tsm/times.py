"""Timestamps of blocks: run-length, packed after division by a power of ten, or raw, whatever the server would choose.

Goes in: strictly rising times (int64, ns since 1970) of many blocks. Comes out: each block's bytes; and back.

The first byte says which it is (four high bits: 0 raw, 1 packed, 2 run-length) and which power of ten the differences
were divided by (four low bits); the first time follows, whole. Source: ``batch_timestamp.go`` and ``timestamp.go``.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from importer.errors import SourceError
from importer.tsm import simple8b
from importer.tsm.layout import Origin, Times
from importer.tsm.ragged import Counts, Words, differences, extremes, places, starts
from importer.tsm.simple8b import Runs
from importer.tsm.varint import read_uvarint, uvarint

__all__ = ["decode", "encode"]

RAW, PACKED, RUN_LENGTH = 0, 1, 2
WORD = 8
HEAD = 9
"""Bytes before the differences: the kind and the first time."""

_MOST_ZEROS = 12
_POWERS = np.uint64(10) ** np.arange(_MOST_ZEROS + 1, dtype=np.uint64)
_RUNS: dict[Origin, Runs] = {"compaction": "anywhere", "snapshot": "filling"}


def encode(times: Times, lengths: Counts, origin: Origin = "compaction") -> list[bytes]:
    """The times of many blocks as bytes.

    Args:
        times: of all blocks, one behind the other (int64), strictly rising within each.
        lengths: of the blocks (int64), at least 1 each.
        origin: whose choice is made.

    Returns:
        as many as blocks.
    """
    firsts, steps = differences(times.view(np.uint64), lengths)
    smallest, largest = extremes(steps, lengths - 1)
    constant = (smallest == largest) & (lengths > 1)
    packable = (largest <= simple8b.LARGEST) & ~constant
    zeros = _zeros(steps, lengths - 1, packable)
    zeros[constant] = _zeros_of(smallest[constant])
    kept = np.repeat(packable, lengths - 1)
    divisors = np.repeat(_POWERS[zeros[packable]], lengths[packable] - 1)
    packed = steps[kept] if (divisors == 1).all() else steps[kept] // divisors
    words, counts = simple8b.pack(packed, lengths[packable] - 1, _RUNS[origin])
    all_counts = np.zeros(lengths.size, dtype=np.int64)
    all_counts[packable] = counts
    stops = (np.cumsum(all_counts) * WORD).tolist()
    packed_bytes = words.astype(">u8").tobytes()
    first_bytes = firsts.astype(">u8").tobytes()
    kinds = np.where(constant, RUN_LENGTH << 4, np.where(packable, PACKED << 4, RAW << 4)) | np.where(
        packable | constant, zeros, 0
    )
    heads = kinds.astype(np.uint8).tobytes()
    raw = None if (packable | constant).all() else _raw(steps, lengths)
    scaled = (smallest // _POWERS[zeros]).tolist()
    found: list[bytes] = []
    start = 0
    for nth, (stop, length) in enumerate(zip(stops, lengths.tolist(), strict=True)):
        head = heads[nth : nth + 1] + first_bytes[nth * WORD : nth * WORD + WORD]
        kind = head[0] >> 4
        if kind == PACKED:
            found.append(head + packed_bytes[start:stop])
        elif kind == RUN_LENGTH:
            found.append(head + uvarint(scaled[nth]) + uvarint(length))
        elif raw is not None:
            found.append(head + raw[nth])
        start = stop
    return found


def _raw(steps: Words, lengths: Counts) -> list[bytes]:
    data = steps.astype(">u8").tobytes()
    stops = (np.cumsum(lengths - 1) * WORD).tolist()
    return [data[start:stop] for start, stop in zip([0, *stops], stops, strict=False)]


def _zeros_of(steps: Words) -> Counts:
    """How many decimal zeros each number ends in, 12 at most."""
    found = np.zeros(steps.size, dtype=np.int64)
    for power in _POWERS[1:]:
        found += steps % power == 0
    return found


def _zeros(steps: Words, lengths: Counts, wanted: npt.NDArray[np.bool_]) -> Counts:
    """How many decimal zeros all differences of a block end in; 12 of a block without any."""
    found = np.full(lengths.size, _MOST_ZEROS, dtype=np.int64)
    begins = starts(lengths)
    open_blocks = np.flatnonzero(wanted & (lengths > 0))
    found[open_blocks] = _zeros_of(steps[begins[open_blocks]])
    open_blocks = open_blocks[found[open_blocks] > 0]
    while open_blocks.size:
        counts = lengths[open_blocks]
        at = np.repeat(begins[open_blocks], counts) + places(counts)
        odd = np.flatnonzero(steps[at] % np.repeat(_POWERS[found[open_blocks]], counts))
        blocks, first = np.unique(np.repeat(open_blocks, counts)[odd], return_index=True)
        found[blocks] = np.minimum(found[blocks], _zeros_of(steps[at[odd[first]]]))
        open_blocks = blocks[found[blocks] > 0]
    return found


def decode(data: bytes) -> Times:
    """A block's times (int64, ns).

    Raises:
        SourceError: these are none.
    """
    if len(data) < HEAD:
        raise SourceError("the times of a block are cut off")
    kind, power = data[0] >> 4, 10 ** (data[0] & 0xF)
    if kind == RUN_LENGTH:
        step, at = read_uvarint(data, HEAD)
        count, at = read_uvarint(data, at)
        return run(int.from_bytes(data[1:HEAD]), step * power, count)
    if kind not in {RAW, PACKED} or (len(data) - 1) % WORD:
        raise SourceError("the times of a block are damaged")
    words = np.frombuffer(data, dtype=">u8", offset=1).astype(np.uint64)
    if kind == PACKED:
        steps = simple8b.unpack(words[1:]) * np.uint64(power)
        words = np.concatenate([words[:1], steps])
    return np.cumsum(words).view(np.int64)


def run(first: int, step: int, count: int) -> Times:
    """Numbers that rise by the same, modulo 2^64.

    Raises:
        SourceError: more of them than a block may have.
    """
    if count > MOST_VALUES:
        raise SourceError(f"a block claims to hold {count} values")
    steps = np.full(count, step % (1 << 64), dtype=np.uint64)
    steps[:1] = first
    return np.cumsum(steps, dtype=np.uint64).view(np.int64)


MOST_VALUES = 1 << 24
"""Of a block of other software's; so many are believed in, because a run costs no bytes."""
