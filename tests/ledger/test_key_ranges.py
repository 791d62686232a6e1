from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.ledger import key_ranges
from importer.ledger.key_ranges import KeyRanges
from importer.ledger.spool import Spool
from tests.ledger.test_duplicates import find
from tests.points import P

Blocks = list[list[tuple[int, int]]]
BLOCKS = st.lists(st.lists(st.tuples(st.integers(0, 3), st.integers(-5, 20)), max_size=8), max_size=5)


def suspects_of(blocks: Blocks) -> list[int] | None:
    ranges = KeyRanges()
    for block in blocks:
        keys = np.array(sorted(block), dtype=np.int64).reshape(-1, 2)
        ranges.add(keys[:, 0].astype(np.uint32), keys[:, 1])
    found = ranges.suspects()
    return None if found is None else found.tolist()


@given(BLOCKS)
def test_a_series_with_a_key_more_than_once_is_always_suspected(blocks: Blocks) -> None:
    keys = Counter(key for block in blocks for key in block)
    suspects = suspects_of(blocks)
    assert suspects is not None
    assert {series for (series, _), count in keys.items() if count > 1} <= set(suspects)
    assert suspects == sorted(set(suspects))


@pytest.mark.parametrize(
    ("blocks", "suspects"),
    [
        ([[(0, 1), (0, 2), (1, 1)], [(0, 3), (1, 5)], [(1, 2), (1, 4)]], []),
        ([[(0, 1), (0, 5)], [(0, 3)]], [0]),  # no key twice, but only a look can tell
        ([[(0, 1), (0, 9)], [(0, 2)], [(0, 10)]], [0]),
        ([[(0, 1), (0, 2)], [(0, 2)], [(1, 2)]], [0]),
        ([[(0, 1), (2, 7), (2, 7)], [(1, 1)]], [2]),
        ([[], [(0, 1)]], []),
        ([], []),
    ],
)
def test_a_series_is_suspected_where_times_of_two_blocks_reach_into_one_another(
    blocks: Blocks, suspects: list[int]
) -> None:
    assert suspects_of(blocks) == suspects


def test_of_more_ranges_than_are_kept_every_series_is_suspected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_ranges, "MOST_RANGES", 3)
    assert suspects_of([[(0, 1), (1, 1)], [(0, 2)]]) == []
    assert suspects_of([[(0, 1), (1, 1)], [(0, 2), (1, 2)], [(0, 3)]]) is None


def test_nothing_is_searched_where_no_series_is_suspected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Spool, "database", lambda _: pytest.fail("it was searched"))
    assert find(tmp_path, [[P(1, {"a": 1.0}), P(2, {"a": 1.0})], [P(3, {"a": 1.0})]]).duplicates.total == 0


def test_what_is_suspected_without_cause_is_found_to_be_none(tmp_path: Path) -> None:
    assert find(tmp_path, [[P(1, {"a": 1.0}), P(3, {"a": 1.0})], [P(2, {"a": 1.0})]]).duplicates.total == 0
