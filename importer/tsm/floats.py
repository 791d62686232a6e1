"""Floats of blocks: each as the bits in which it differs from the one before (Gorilla), NaN as the end.

Goes in: floats of many blocks, none of them NaN. Comes out: each block's bytes, the very ones that the server makes;
and back. Infinities can be encoded, but neither line protocol nor :class:`importer.tsm.columns.Column` takes them: a
compaction of a block with both of them fails.

The first byte says which encoding it is (0x10); the first float follows, whole. A 0 bit stands for the same float once
more. 10 goes before the bits of a difference that fits into the last window, 11 before a window (5 bits: leading zeros;
6 bits: how many bits it has, 0 for 64) and the bits in it. Leading zeros are counted modulo 32, as the server does.
Source: ``batch_float.go`` and ``float.go`` of influxdb 2.7.12, and http://www.vldb.org/pvldb/vol8/p1816-teller.pdf.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from importer.errors import SourceError
from importer.tsm.bits import bit_lengths, trailing_zeros
from importer.tsm.ragged import Counts, Words, starts
from importer.tsm.windows import opened

__all__ = ["END", "decode", "encode"]

END = 0x7FF8000000000001
"""The NaN that ends a block."""

_HEAD = 0x10
_HEAD_BYTES = 9
_WORD_BITS = 64
_FIRST_BITS = 8 + _WORD_BITS
_REUSED_BITS, _OPENED_BITS = 2, 13
_MASK_63 = np.uint64(63)


def encode(values: npt.NDArray[np.float64], lengths: Counts) -> list[bytes]:
    """The floats of many blocks as bytes.

    Args:
        values: of all blocks, one behind the other (float64), none of them NaN.
        lengths: of the blocks (int64), at least 1 each.

    Returns:
        as many as blocks.
    """
    firsts, changes = _changes(values.view(np.uint64), lengths)
    changing = np.flatnonzero(changes)
    ends = np.cumsum(lengths)
    counts = np.searchsorted(changing, ends) - np.searchsorted(changing, ends - lengths)
    changes = changes[changing]
    leading = (np.uint8(_WORD_BITS) - bit_lengths(changes)) & np.uint8(31)
    trailing = trailing_zeros(changes)
    opening = opened(leading, trailing, counts)
    window = np.maximum.accumulate(np.where(opening, np.arange(changes.size), 0))
    leading, trailing = leading[window], trailing[window].astype(np.uint64)
    widths = np.uint64(_WORD_BITS) - leading - trailing
    control = np.where(opening, np.uint64(3 << 11) | leading.astype(np.uint64) << np.uint64(6) | widths & _MASK_63, 2)
    control_widths = np.where(opening, np.uint64(_OPENED_BITS), np.uint64(_REUSED_BITS))
    all_widths = control_widths + widths

    sizes = np.ones(int(ends[-1]) if ends.size else 0, dtype=np.int64)  # bits, of each value and each end
    sizes[changing] = all_widths.view(np.int64)
    stops = np.cumsum(sizes)
    bits = _FIRST_BITS + np.add.reduceat(sizes, ends - lengths) if ends.size else ends
    words_each = (bits + _WORD_BITS - 1) // _WORD_BITS
    first_words = starts(words_each)
    # A value's bits begin where they would if blocks had no gaps between them, and as much later as its block does.
    later = first_words * _WORD_BITS + _FIRST_BITS - (stops - sizes)[ends - lengths]
    at = ((stops - sizes)[changing] + np.repeat(later, counts)).view(np.uint64)

    words = np.zeros(int(words_each.sum()), dtype=np.uint64)
    words[first_words] = np.uint64(_HEAD << 56) | firsts >> np.uint64(8)
    words[first_words + 1] = firsts << np.uint64(56)
    long = np.flatnonzero(all_widths > _WORD_BITS)  # few: window and bits are more than one number holds
    _put(words, control[long], control_widths[long], at[long])
    control[long] = 0
    at[long] += control_widths[long]
    all_widths[long] = widths[long]
    _put(words, control << widths | changes >> trailing, all_widths, at)
    data = words.astype(">u8").tobytes()
    return [
        data[word * 8 : word * 8 + size]
        for word, size in zip(first_words.tolist(), ((bits + 7) // 8).tolist(), strict=True)
    ]


def _changes(values: Words, lengths: Counts) -> tuple[Words, Words]:
    """Each block's first float, and in which bits each of the others, and the end, differ from the one before."""
    ends = np.cumsum(lengths)
    found = np.empty_like(values)
    np.bitwise_xor(values[1:], values[:-1], out=found[:-1])
    found[ends - 1] = values[ends - 1] ^ np.uint64(END)
    return values[ends - lengths], found


def _put(words: Words, bits: Words, widths: Words, at: Words) -> None:
    """Write the lowest so many bits of each number, one behind the other; none where another one is."""
    if not bits.size:
        return
    bits = bits << (np.uint64(_WORD_BITS) - widths)
    place = (at >> np.uint64(6)).view(np.int64)
    shift = at & _MASK_63
    lasts = np.flatnonzero(np.append(place[1:] != place[:-1], np.True_))
    # What is written into one word has no bit in common, so that sums will do, whatever they overflow.
    sums = np.cumsum(bits >> shift)[lasts]
    words[place[lasts]] |= np.diff(sums, prepend=np.uint64(0))
    over = np.flatnonzero(shift + widths > _WORD_BITS)
    words[place[over] + 1] |= bits[over] << (np.uint64(_WORD_BITS) - shift[over])


def decode(data: bytes) -> npt.NDArray[np.float64]:
    """A block's floats (float64).

    Raises:
        SourceError: these are none.
    """
    if data[:1] != bytes([_HEAD]) or len(data) < _HEAD_BYTES:
        raise SourceError("the floats of a block are damaged")
    value = int.from_bytes(data[1:_HEAD_BYTES])
    if value == END:
        return np.zeros(0)
    # As text: Python finds the next 1 in it, and reads a number out of it, faster than by shifting long numbers.
    bits = f"{int.from_bytes(data[_HEAD_BYTES:]):0{(len(data) - _HEAD_BYTES) * 8}b}"
    found = [value]
    at, trailing, width = 0, 0, _WORD_BITS
    while True:
        change = bits.find("1", at)
        if change < 0:
            raise SourceError("the floats of a block have no end")
        found += [value] * (change - at)
        at = change + _REUSED_BITS
        if bits[at - 1 : at] == "1":
            window = bits[at : change + _OPENED_BITS]
            width = int(window[5:] or "0", 2) or _WORD_BITS
            trailing = _WORD_BITS - int(window[:5] or "0", 2) - width
            at = change + _OPENED_BITS
        if trailing < 0 or at + width > len(bits):
            raise SourceError("the floats of a block are damaged")
        value ^= int(bits[at : at + width], 2) << trailing
        at += width
        if value == END:
            return np.array(found, dtype=np.uint64).view(np.float64)
        found.append(value)
