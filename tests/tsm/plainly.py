"""The server's encodings once more, value by value as its format is described: what the fast ones are held against."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import pairwise

from importer.tsm.layout import Origin

__all__ = ["floats", "integers", "times"]

_WORD_KINDS = [(60, 1), (30, 2), (20, 3), (15, 4), (12, 5), (10, 6), (8, 7), (7, 8)]
_WORD_KINDS += [(6, 10), (5, 12), (4, 15), (3, 20), (2, 30), (1, 60)]
_M64 = (1 << 64) - 1


def _uvarint(value: int) -> bytes:
    groups = [value >> shift & 0x7F for shift in range(0, max(value.bit_length(), 1), 7)]
    return bytes([*(group | 0x80 for group in groups[:-1]), groups[-1]])


def _ones(values: Sequence[int]) -> int:
    return next((nth for nth, value in enumerate(values) if value != 1), len(values))


def _packed(values: Sequence[int], origin: Origin, *, seen: int) -> bytes:
    """`seen` is how many values a snapshot's packer looks at when it looks for ones."""
    words, at = [], 0
    while at < len(values):
        rest = values[at:]
        window = rest if origin == "compaction" else rest[:seen]
        ones, all_ones = _ones(window), _ones(window) == len(window)
        if ones >= 240 and (origin == "compaction" or all_ones):
            words.append(0)
            at += 240
            continue
        if ones >= 120 and (origin == "compaction" or all_ones):
            words.append(1 << 60)
            at += 120
            continue
        for selector, (count, bits) in enumerate(_WORD_KINDS, 2):
            if len(rest) >= count and max(rest[:count]) < 1 << bits:
                words.append(selector << 60 | sum(value << nth * bits for nth, value in enumerate(rest[:count])))
                at += count
                break
    return struct.pack(f">{len(words)}Q", *words)


def times(values: Sequence[int], origin: Origin) -> bytes:
    steps = [(b - a) & _M64 for a, b in pairwise(values)]
    first = struct.pack(">q", values[0])
    zeros = max(zeros for zeros in range(13) if all(step % 10**zeros == 0 for step in steps))
    if len(set(steps)) == 1:
        return bytes([0x20 | zeros]) + first + _uvarint(steps[0] // 10**zeros) + _uvarint(len(values))
    if steps and max(steps) >= 1 << 60:
        return b"\0" + first + struct.pack(f">{len(steps)}Q", *steps)
    return bytes([0x10 | zeros]) + first + _packed([step // 10**zeros for step in steps], origin, seen=240)


def integers(values: Sequence[int], origin: Origin) -> bytes:
    def signed(value: int) -> int:
        value &= _M64
        return ((value << 1) ^ -(value >> 63)) & _M64

    first = signed(values[0])
    steps = [signed(b - a) for a, b in pairwise(values)]
    head = struct.pack(">Q", first)
    if len(steps) > 1 and len(set(steps)) == 1:
        return b"\x20" + head + _uvarint(steps[0]) + _uvarint(len(steps))
    if max([*steps, first if origin == "snapshot" else 0]) >= 1 << 60:
        return b"\0" + head + struct.pack(f">{len(steps)}Q", *steps)
    return b"\x10" + head + _packed(steps, origin, seen=len(steps))


def floats(values: Sequence[float]) -> bytes:
    numbers = [*(struct.unpack(">Q", struct.pack(">d", value))[0] for value in values), 0x7FF8000000000001]
    bits = f"00010000{numbers[0]:064b}"
    window: tuple[int, int] | None = None
    for one, other in pairwise(numbers):
        change = one ^ other
        if not change:
            bits += "0"
            continue
        leading, trailing = (64 - change.bit_length()) & 31, (change & -change).bit_length() - 1
        if window is not None and leading >= window[0] and trailing >= window[1]:
            bits += "10"
        else:
            window = leading, trailing
            bits += f"11{leading:05b}{(64 - leading - trailing) & 63:06b}"
        bits += f"{change >> window[1]:0{64 - window[0] - window[1]}b}"
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8)
