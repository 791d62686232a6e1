from __future__ import annotations

import gzip
from itertools import pairwise
from pathlib import Path

import pytest

from importer.source import glimpses as looking
from importer.source.open import expand
from importer.source.reader import Reader


def reader(path: Path) -> Reader:
    return Reader(expand([path]), delimiter=",", encoding="utf-8", wanted=lambda header, _: tuple(header))


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "PIECE_BYTES", 100)
    monkeypatch.setattr(looking, "GLIMPSED_BYTES", 100 * looking.PIECES)


def numbers(path: Path) -> list[int]:
    """The numbers that a rough look finds, once each, in order."""
    with reader(path) as rough:
        found = [rough.table(block).frame["n"].to_list() for block in rough.rough_blocks()]
    return sorted({int(n) for part in found for n in part})


@pytest.mark.parametrize("ending", ["\n", ""])
def test_a_large_file_is_glimpsed_from_its_first_row_to_its_last(tmp_path: Path, ending: str) -> None:
    path = tmp_path / "n.csv"
    path.write_text("n,text\n" + "\n".join(f"{n},some text" for n in range(10_000)) + ending)
    seen = numbers(path)
    assert (seen[0], seen[-1]) == (0, 9_999)
    assert 100 < len(seen) < 1_000
    assert max(b - a for a, b in pairwise(seen)) < 10_000 / looking.PIECES * 1.2


def test_pieces_that_begin_within_quotes_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "n.csv"
    path.write_text("n,text\n" + "".join(f'{n},"two\nlines, ""quoted"""\n' for n in range(5_000)))
    with reader(path) as rough:
        frames = [rough.table(block).frame for block in rough.rough_blocks()]
    seen = {int(n) for frame in frames for n in frame["n"] if n and n.isdigit()}
    assert {0, 4_999} <= seen <= set(range(5_000))


def test_small_and_compressed_files_are_read_whole(tmp_path: Path) -> None:
    small, packed = tmp_path / "small.csv", tmp_path / "packed.csv"
    small.write_text("n,text\n" + "".join(f"{n},x\n" for n in range(500)))
    text = "n,text\n" + "".join(f"{n},{n * 7919 % 10_007}\n" for n in range(20_000))
    packed.write_bytes(gzip.compress(text.encode(), compresslevel=1))
    assert packed.stat().st_size > looking.GLIMPSED_BYTES
    assert numbers(small) == list(range(500))
    assert numbers(packed) == list(range(20_000))
