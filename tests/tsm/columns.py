"""Values for storage files, made by hypothesis and by hand."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, chain
from typing import TypeVar

import numpy as np
from hypothesis import strategies as st

from importer.limits import MAX_TIME_NS, MIN_TIME_NS
from importer.tsm.ragged import Counts

__all__ = ["FLOATS", "SIGNED", "TIMES", "blocks_of", "flat", "lengths_of"]

T = TypeVar("T")
MOST = 70
"""Values of a block here: more than any word of simple8b with bits holds."""

_INT64 = st.integers(-(2**63), 2**63 - 1)
_EXTREMES = st.sampled_from([-(2**63), 2**63 - 1, 0, -1, 1, 2**59, 2**60, -(2**60) - 1, 2**61])


def _wrapped(value: int) -> int:
    return (value + 2**63) % 2**64 - 2**63


def _walk(steps: st.SearchStrategy[int]) -> st.SearchStrategy[list[int]]:
    return st.tuples(_INT64 | st.integers(-9, 9), st.lists(steps, max_size=MOST - 1)).map(
        lambda drawn: [_wrapped(value) for value in accumulate(drawn[1], initial=drawn[0])]
    )


def _same(steps: st.SearchStrategy[int]) -> st.SearchStrategy[list[int]]:
    return st.tuples(_INT64, steps, st.integers(1, MOST)).map(
        lambda drawn: [_wrapped(drawn[0] + nth * drawn[1]) for nth in range(drawn[2])]
    )


SIGNED = (
    st.lists(_INT64 | _EXTREMES, min_size=1, max_size=MOST)
    | _walk(st.integers(-3, 3))
    | _walk(st.integers(-(2**20), 2**20))
    | _walk(st.just(-1) | st.integers(-(2**59), 2**59))
    | _same(_INT64)
)
"""Signed numbers of a block: at random and extreme, near to one another, in steps of one size."""


@st.composite
def _rising(draw: st.DrawFn) -> list[int]:
    zeros = draw(st.integers(0, 13))
    most = draw(st.sampled_from([1, 3, 1000, 2**40, 2**60, 2**62]))
    first = draw(st.integers(MIN_TIME_NS, MAX_TIME_NS) | st.integers(-5, 5))
    steps = draw(st.lists(st.integers(1, most), max_size=MOST - 1))
    return [time for time in accumulate((step * 10**zeros for step in steps), initial=first) if time <= MAX_TIME_NS]


TIMES = _rising() | st.lists(st.integers(MIN_TIME_NS, MAX_TIME_NS), min_size=1, max_size=MOST, unique=True).map(sorted)

FLOATS = st.lists(
    st.floats(allow_nan=False, allow_infinity=True)
    | st.sampled_from([0.0, -0.0, 5e-324, -5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 1.0, 0.1])
    | st.integers(-50, 50).map(lambda cents: cents / 100),
    min_size=1,
    max_size=MOST,
)


def blocks_of(block: st.SearchStrategy[list[int]]) -> st.SearchStrategy[list[list[int]]]:
    return st.lists(block, min_size=1, max_size=5)


def flat(blocks: Sequence[Sequence[T]]) -> list[T]:
    return list(chain.from_iterable(blocks))


def lengths_of(blocks: Sequence[Sequence[object]]) -> Counts:
    return np.array([len(block) for block in blocks], dtype=np.int64)
