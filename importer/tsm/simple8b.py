"""simple8b: small unsigned numbers, as many as fit into 60 bits of a word of 64; the other four say how many.

Format, and which words are chosen: ``pkg/encoding/simple8b`` of influxdb 2.7.12, and ``github.com/jwilder/encoding``,
from which the server's snapshots still take theirs.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from importer.tsm.bits import bit_lengths
from importer.tsm.ragged import Counts, Words, places, starts

__all__ = ["LARGEST", "Runs", "pack", "unpack"]

LARGEST = (1 << 60) - 1
"""The largest number that can be packed."""

Runs = Literal["anywhere", "filling", "last"]
"""Where 240 or 120 times the number 1 become a word without bits: wherever they stand (compactions); 120 only where
nothing but ones is among the next 240 (times in snapshots); only where nothing but ones is left (integers in
snapshots)."""

_COUNTS = np.array([240, 120, 60, 30, 20, 15, 12, 10, 8, 7, 6, 5, 4, 3, 2, 1], dtype=np.int64)
_BITS = np.array([0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 30, 60], dtype=np.uint64)
_MASKS = (np.uint64(1) << _BITS) - np.uint64(1)
_IMPLIED = (_BITS == 0).astype(np.uint64)
_SELECTOR_SHIFT = np.uint64(60)
_MOST, _MANY = 240, 120
_FIRST_WITH_BITS, _SINGLE = 2, 15

# By the number's bit length: the first selector with room for it, none having any for more than 60 bits.
_SELECTORS = np.array(
    [_FIRST_WITH_BITS + int(np.searchsorted(_BITS[_FIRST_WITH_BITS:], length)) for length in range(65)], dtype=np.uint8
)


def pack(values: Words, lengths: Counts, runs: Runs) -> tuple[Words, Counts]:
    """Pack groups of numbers, each group by itself; each word holds as many as it can.

    Args:
        values: all groups' numbers (uint64), none above :data:`LARGEST`.
        lengths: of the groups (int64); may be 0.
        runs: where ones are left out.

    Returns:
        the words (uint64), and how many each group has (int64).
    """
    if not values.size:
        return np.zeros(0, dtype=np.uint64), np.zeros(lengths.size, dtype=np.int64)
    begins = starts(lengths)
    ends = begins + lengths
    left = np.repeat(ends, lengths) - np.arange(values.size, dtype=np.int64)
    selectors = _widest(_SELECTORS[bit_lengths(values)], np.minimum(left, 255).astype(np.uint8))
    _leave_out_ones(selectors, values, left, runs)
    firsts = _chain(selectors, begins[lengths > 0], ends[lengths > 0])
    chosen = selectors[firsts]
    counts = _COUNTS[chosen]
    shifts = places(counts).view(np.uint64) * np.repeat(_BITS[chosen], counts)
    words = np.bitwise_or.reduceat(values << shifts, firsts)
    words[chosen < _FIRST_WITH_BITS] = 0
    words |= chosen.astype(np.uint64) << _SELECTOR_SHIFT
    return words, np.searchsorted(firsts, ends) - np.searchsorted(firsts, begins)


def _widest(needed: npt.NDArray[np.uint8], left: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The selector of a word that begins at each number, out of those that have bits."""
    found = np.full(needed.size, _SINGLE, dtype=np.uint8)
    most, width = needed, 1  # what the next `width` numbers need
    for selector in range(_SINGLE - 1, _FIRST_WITH_BITS - 1, -1):
        count = int(_COUNTS[selector])
        if count > needed.size:
            break
        overlapping = needed.size - count + 1
        most = np.maximum(most[:overlapping], most[count - width : count - width + overlapping])
        width = count
        np.copyto(found[:overlapping], np.uint8(selector), where=(most <= selector) & (left[:overlapping] >= count))
    return found


def _leave_out_ones(selectors: npt.NDArray[np.uint8], values: Words, left: Counts, runs: Runs) -> None:
    ones = values == 1
    if np.count_nonzero(ones) < _MANY:
        return
    here = np.arange(values.size, dtype=np.int64)
    other = np.where(ones, values.size, here)
    run = np.minimum(np.minimum.accumulate(other[::-1])[::-1] - here, left)
    if runs == "anywhere":
        many = run >= _MANY
    elif runs == "filling":
        many = (run >= _MANY) & (run >= np.minimum(left, _MOST))
    else:
        many = (run >= _MANY) & (run == left)
    selectors[many] = 1
    selectors[many & (run >= _MOST)] = 0


def _chain(selectors: npt.NDArray[np.uint8], at: Counts, ends: Counts) -> Counts:
    """Where words begin: behind the numbers of the one before; all groups are followed at once."""
    begins = np.zeros(selectors.size, dtype=np.bool_)
    while at.size:
        begins[at] = True
        at = at + _COUNTS[selectors[at]]
        inside = at < ends
        if not inside.all():
            at, ends = at[inside], ends[inside]
    return np.flatnonzero(begins)


def unpack(words: Words) -> Words:
    """The numbers (uint64) in these words, of however many groups."""
    selectors = (words >> _SELECTOR_SHIFT).astype(np.int64)
    counts = _COUNTS[selectors]
    shifts = places(counts).view(np.uint64) * np.repeat(_BITS[selectors], counts)
    found: Words = (np.repeat(words, counts) >> shifts) & np.repeat(_MASKS[selectors], counts)
    found |= np.repeat(_IMPLIED[selectors], counts)
    return found
