"""Which points are of the same series: decided by whole columns.

Goes in: the columns that make up a series, measurement and tags. Comes out: one row of each series of the block, and
for every point which of them is its own. There are few series in a block and many points, so what is dear
(escaping, looking up) is done for these alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

__all__ = ["Codes", "distinct_rows"]

Codes = npt.NDArray[np.int64]

SMALL_TABLE = 1 << 22
"""Pairs of codes up to here are counted off in a table; more of them are sorted."""


def distinct_rows(columns: Sequence[pl.Series]) -> tuple[Codes, Codes]:
    """Number the distinct combinations of some columns' values.

    Args:
        columns: String, of one length; null and empty text are the same.

    Returns:
        the first row of each combination, and for each row the number of its own: 0, 1, … without gaps, in the order
        in which the combinations first occur.
    """
    height = len(columns[0])
    codes = np.zeros(height, dtype=np.int64)
    known = min(height, 1)
    for column in columns:
        text = column.fill_null("") if column.null_count() else column
        if not height or (text == text[0]).all():
            continue
        # The categories are the block's own: they go with the codes.
        physical = text.cast(pl.Categorical(pl.Categories.random())).to_physical()
        more = physical.to_numpy()
        codes, known = _combined(codes, known, more, int(more.max()) + 1)
    return _in_order(codes, known)


def _combined(codes: Codes, known: int, more: npt.NDArray[np.uint32], known_more: int) -> tuple[Codes, int]:
    """Codes of pairs, without gaps."""
    if known == 1:
        return more.astype(np.int64), known_more
    pairs = codes * known_more + more
    size = known * known_more
    if size > SMALL_TABLE:
        values, numbered = np.unique(pairs, return_inverse=True)
        return numbered.astype(np.int64), len(values)
    occurs = np.zeros(size, dtype=np.bool_)
    occurs[pairs] = True
    numbers = np.cumsum(occurs) - 1
    return numbers[pairs], int(numbers[-1]) + 1


def _in_order(codes: Codes, known: int) -> tuple[Codes, Codes]:
    """The first row of each code, and the codes numbered anew in the order of these rows."""
    height = len(codes)
    first = np.zeros(known, dtype=np.int64)
    first[codes[::-1]] = np.arange(height - 1, -1, -1)  # of several rows the last assignment stays
    order = np.argsort(first)
    if (np.diff(order) == 1).all():
        return first, codes
    numbers = np.empty(known, dtype=np.int64)
    numbers[order] = np.arange(known)
    return first[order], numbers[codes]
