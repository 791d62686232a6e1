from __future__ import annotations

import io
import time
from pathlib import Path

import pytest
from influxdb_client import Point

from importer.first_look import UNKNOWN_LENGTH_FACTOR, FirstLook
from importer.mapping.columns import ColumnMapper
from importer.mapping.rows import RowMapper
from importer.mapping.spec import Mapping
from importer.source import open as opening
from importer.source.open import expand
from importer.source.reader import Reader

ROWS = [f"{n},{n * n}\n" for n in range(50)]
TEXT = "t,v\n" + "".join(ROWS)


def _mapper() -> ColumnMapper:
    return ColumnMapper(
        Mapping.from_dict(
            {
                "measurement": "m",
                "time": {"column": "t", "format": "unix_s"},
                "fields": {"v": {"column": "v", "type": "float"}},
            }
        )
    )


def _reader(name: str | Path, mapper: ColumnMapper | RowMapper, text: str = TEXT) -> Reader:
    return Reader(
        expand([name]),
        delimiter=",",
        encoding="utf-8",
        wanted=mapper.wanted_columns,
        block_bytes=16,
        stdin=io.BytesIO(text.encode()),
    )


def _values(look: FirstLook, reader: Reader) -> list[float]:
    return [v for block in look.blocks() for v in look.to_points(reader.table(block)).frame.to_series(3)]


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(opening, "READ_BYTES", 16)
    path = tmp_path / "in.csv"
    path.write_text(TEXT, encoding="utf-8")
    return path


def test_the_span_of_a_file_is_that_of_its_whole_time_column_and_no_row_is_lost(file: Path) -> None:
    mapper = _mapper()
    reader = _reader(file, mapper)
    look = FirstLook(reader, mapper, lambda: False)
    assert look.span_seconds() == 49
    assert _values(look, reader) == [n * n for n in range(50)]


def test_the_span_of_a_stream_is_taken_from_its_first_block_and_no_row_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "READ_BYTES", 16)
    mapper = _mapper()
    reader = _reader("-", mapper)
    look = FirstLook(reader, mapper, lambda: False)
    span = look.span_seconds()
    assert span is not None
    assert span < 49
    assert span % UNKNOWN_LENGTH_FACTOR == 0
    assert look.how.endswith("which rise in time")
    assert _values(look, reader) == [n * n for n in range(50)]


def test_a_function_is_called_once_for_each_row_although_the_first_are_looked_at(file: Path) -> None:
    seen: list[str] = []

    def to_point(row: dict[str, str]) -> Point:
        seen.append(row["t"])
        return Point("m").field("v", float(row["v"])).time(int(row["t"]) * 10**9)

    mapper = RowMapper(to_point)
    reader = _reader(file, mapper)
    look = FirstLook(reader, mapper, lambda: False)
    assert look.span_seconds()
    assert _values(look, reader) == [n * n for n in range(50)]
    assert seen == [str(n) for n in range(50)]


YEAR_S = 31_556_952


def _span_years(first: list[float], last_year: float = 2020) -> float | None:
    """What is made of a stream whose first block has these times, in years before the last."""
    text = "t,v\n" + "".join(f"{round((last_year - 1970 - years) * YEAR_S)},1\n" for years in first)
    mapper = _mapper()
    reader = Reader(
        expand(["-"]), delimiter=",", encoding="utf-8", wanted=mapper.wanted_columns, stdin=io.BytesIO(text.encode())
    )
    span = FirstLook(reader, mapper, lambda: False).span_seconds()
    return None if span is None else span / YEAR_S


def test_one_track_after_another_spans_no_more_time_than_its_first() -> None:
    track = [6 - n / 20 for n in range(121)]
    assert _span_years([*track, *track]) == pytest.approx(6)


def test_a_span_is_not_taken_to_reach_into_the_future_unless_the_data_do() -> None:
    today = 1970 + time.time() / YEAR_S
    rising = [6 - n / 20 for n in range(121)]
    assert _span_years(rising, today - 2) == pytest.approx(8, abs=0.1)
    assert _span_years(rising, today + 7) == pytest.approx(6 * UNKNOWN_LENGTH_FACTOR)


def test_a_stop_ends_the_look(file: Path) -> None:
    mapper = _mapper()
    assert FirstLook(_reader(file, mapper), mapper, lambda: True).span_seconds() is None


@pytest.mark.parametrize("text", ["t,v\n", "t,v\nx,1\n"])
def test_without_a_time_there_is_no_span(text: str, file: Path) -> None:
    mapper = _mapper()
    file.write_text(text, encoding="utf-8")
    for name in (file, "-"):
        reader = _reader(name, mapper, text)
        look = FirstLook(reader, mapper, lambda: False)
        assert look.span_seconds() is None
        assert len(list(look.blocks())) == text.count("\n") - 1
