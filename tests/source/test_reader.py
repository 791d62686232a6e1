from __future__ import annotations

import gzip
import io
import os
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from importer.errors import MappingError, SourceError
from importer.source.open import expand
from importer.source.reader import Reader


def _all_columns(header: Sequence[str], _name: str) -> tuple[str, ...]:
    return tuple(header)


def _reader(
    *names: str | Path, limit: int | None = None, stdin: io.BytesIO | None = None, block_bytes: int = 4
) -> Reader:
    return Reader(
        expand(names),
        delimiter=",",
        encoding="utf-8",
        wanted=_all_columns,
        limit=limit,
        stdin=stdin,
        block_bytes=block_bytes,
    )


def _rows(reader: Reader) -> list[tuple[str, int, str]]:
    """Source, line of the block, first cell."""
    with reader:
        return [
            (block.source, block.first_line, cell)
            for block in reader.blocks()
            for cell in reader.table(block).frame.to_series(0)
        ]


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    first, second = tmp_path / "1.csv", tmp_path / "2.csv.gz"
    first.write_bytes(b"t,v\n1,2\n3,4\n")
    second.write_bytes(gzip.compress(b"v,t\n5,6\n"))
    return first, second


def test_sources_are_read_one_after_another_each_by_its_own_header(files: tuple[Path, Path]) -> None:
    reader = _reader(*files)
    with reader:
        tables = [reader.table(block) for block in reader.blocks()]
    assert [table.block.number for table in tables] == list(range(len(tables)))
    assert [cell for table in tables for cell in table.frame["t"]] == ["1", "3", "6"]
    assert [(source.name, source.stored_bytes) for source in reader.read_sources] == [
        (str(path), path.stat().st_size) for path in files
    ]
    assert reader.stored_bytes == reader.total_bytes == sum(path.stat().st_size for path in files)


def test_all_headers_are_checked_before_a_row_is_read(files: tuple[Path, Path]) -> None:
    seen = []

    def wanted(header: Sequence[str], name: str) -> tuple[str, ...]:
        seen.append(name)
        if header[0] == "v":
            raise MappingError("no")
        return ("t",)

    with pytest.raises(MappingError):
        Reader(expand(files), delimiter=",", encoding="utf-8", wanted=wanted)
    assert seen == [str(path) for path in files]


@pytest.mark.parametrize("limit", range(5))
def test_a_limit_counts_over_all_sources(files: tuple[Path, Path], limit: int) -> None:
    assert [cell for _, _, cell in _rows(_reader(*files, limit=limit))] == ["1", "3", "5"][:limit]


def test_standard_input_is_read_once_behind_other_sources(files: tuple[Path, Path]) -> None:
    reader = _reader(files[0], "-", stdin=io.BytesIO(b"t\n9\n"))
    assert not reader.rereadable
    assert reader.total_bytes is None
    assert [(name, cell) for name, _, cell in _rows(reader)][-1] == ("-", "9")


def test_a_named_pipe_is_read_once_and_whole(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    data = b"t,v\n" + b"".join(b"%d,x\n" % n for n in range(50_000))
    writer = threading.Thread(target=pipe.write_bytes, args=(data,), daemon=True)
    writer.start()
    reader = _reader(pipe, block_bytes=1 << 16)
    assert not reader.rereadable
    assert [cell for _, _, cell in _rows(reader)] == [str(n) for n in range(50_000)]
    writer.join(10)


def test_a_pipe_that_gives_its_first_bytes_one_by_one_is_read_whole() -> None:
    class Trickle(io.BytesIO):
        def read(self, _size: int | None = -1) -> bytes:
            return super().read(1)

    assert [cell for _, _, cell in _rows(_reader("-", stdin=Trickle(b"t\n1\n22\n")))] == ["1", "22"]


def test_reading_again_gives_the_same_rows_with_other_columns(files: tuple[Path, Path]) -> None:
    reader = _reader(*files)
    with reader.again(("v",)) as ahead:
        cells = [cell for block in ahead.blocks() for cell in ahead.table(block).frame["v"]]
    assert cells == ["2", "4", "5"]
    assert len(_rows(reader)) == 3


def test_a_file_whose_header_changed_since_it_was_checked_ends_the_load(files: tuple[Path, Path]) -> None:
    reader = _reader(*files)
    files[0].write_bytes(b"x,y,z\n1,2,3\n")
    with pytest.raises(SourceError, match="was changed while it was being read"):
        _rows(reader)


def test_a_source_that_was_begun_counts_as_far_as_it_was_read(files: tuple[Path, Path]) -> None:
    reader = _reader(*files)
    next(reader.blocks())
    (begun,) = reader.read_sources
    assert (begun.name, begun.stored_bytes) == (str(files[0]), 12)


def test_a_file_with_only_a_header_has_no_blocks(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"t,v\n")
    assert _rows(_reader(tmp_path / "a.csv")) == []
