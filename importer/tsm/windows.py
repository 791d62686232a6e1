"""Which differences of floats take over the window of the one before, and which ones open a new one.

A window is where a difference's bits that are not 0 lie: behind so many leading zeros, before so many trailing ones. A
difference that fits into the last window opened is written in it; one that does not opens its own. That is decided one
by one within a block, and here for all blocks at once: each step is about one difference of every block.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from importer.tsm.ragged import Counts, places

__all__ = ["opened"]

# Both numbers in one of 16 bits, with a bit above each that a subtraction takes away where it would go below zero.
_GUARDS = np.uint16(0x8080)
_LEADING_SHIFT = np.uint16(8)
_NO_WINDOW = np.uint16(32 << 8)
"""More leading zeros than are ever counted: the first difference of a block never fits."""


def opened(leading: npt.NDArray[np.uint8], trailing: npt.NDArray[np.uint8], lengths: Counts) -> npt.NDArray[np.bool_]:
    """Which differences open a window of their own.

    Args:
        leading: zeros of each difference, 31 at most, of all blocks.
        trailing: zeros of each difference.
        lengths: of the blocks (int64), in differences; may be 0.

    Returns:
        as many as differences (bool).
    """
    # Turned round: first the first differences of all blocks, the longest blocks in front, then their second ones.
    order = np.argsort(-lengths, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(order.size)
    step = places(lengths)
    widths = np.bincount(step)
    begins = np.cumsum(widths) - widths
    turned = begins[step] + np.repeat(rank, lengths)
    windows = np.empty(leading.size, dtype=np.uint16)
    windows[turned] = (leading.astype(np.uint16) << _LEADING_SHIFT) | trailing
    guarded = windows | _GUARDS
    found = np.empty(leading.size, dtype=np.bool_)
    last = np.full(lengths.size, _NO_WINDOW, dtype=np.uint16)
    room = np.empty_like(last)
    for begin, width in zip(begins.tolist(), widths.tolist(), strict=True):
        end = begin + width
        left, open_now = room[:width], found[begin:end]
        np.subtract(guarded[begin:end], last[:width], out=left)
        np.bitwise_and(left, _GUARDS, out=left)
        np.not_equal(left, _GUARDS, out=open_now)
        np.copyto(last[:width], windows[begin:end], where=open_now)
    back: npt.NDArray[np.bool_] = found[turned]
    return back
