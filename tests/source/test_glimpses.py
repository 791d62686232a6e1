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
    packed.write_bytes(gzip.compress(small.read_bytes(), compresslevel=1))
    assert numbers(small) == numbers(packed) == list(range(500))


def test_a_record_that_is_longer_than_a_piece_is_found(tmp_path: Path) -> None:
    path = tmp_path / "n.csv"
    path.write_text("n,text\n" + "".join(f"{n},{'x' * 3_000}\n" for n in range(1_000)))
    seen = numbers(path)
    assert (seen[0], seen[-1]) == (0, 999)
    assert max(b - a for a, b in pairwise(seen)) < 1_000 / looking.PIECES * 1.5


@pytest.mark.parametrize("count", [1, 2, 7, 32, 33, 500])
def test_many_files_share_the_pieces_of_one(tmp_path: Path, count: int) -> None:
    rows = 20_000 // count
    for number in range(count):
        first = number * rows
        text = "".join(f"{n},some text\n" for n in range(first, first + rows))
        (tmp_path / f"{number:03}.csv").write_text("n,text\n" + text)
    sources = expand([tmp_path / "*.csv"])
    with Reader(sources, delimiter=",", encoding="utf-8", wanted=lambda header, _: tuple(header)) as rough:
        blocks = list(rough.rough_blocks())
        seen = sorted({int(n) for block in blocks for n in rough.table(block).frame["n"]})
    assert (seen[0], seen[-1]) == (0, rows * count - 1)
    assert sum(len(block.data) for block in blocks) <= 1.5 * looking.PIECES * looking.PIECE_BYTES
    assert max(b - a for a, b in pairwise(seen)) < rows * count / looking.PIECES * 4


def test_a_compressed_file_among_plain_ones_is_the_only_one_that_is_read_whole(tmp_path: Path) -> None:
    text = "n,text\n" + "".join(f"{n},some text\n" for n in range(10_000))
    (tmp_path / "a.csv").write_text(text)
    (tmp_path / "b.csv").write_bytes(gzip.compress(text.encode(), compresslevel=1))
    sources = expand([tmp_path / "*.csv"])
    with Reader(sources, delimiter=",", encoding="utf-8", wanted=lambda header, _: tuple(header)) as rough:
        records = dict.fromkeys(("a.csv", "b.csv"), 0)
        for block in rough.rough_blocks():
            records[Path(block.source).name] += block.records
    assert records["b.csv"] == 10_000
    assert 0 < records["a.csv"] < 1_500
