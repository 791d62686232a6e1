"""Parquet and Arrow: every value arrives as it was, whatever its type."""

from __future__ import annotations

import datetime as dt
import gzip
import hashlib
import io
import math
import struct
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.feather as pf
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.errors import MappingError, SourceError
from importer.mapping.header import check_columns
from importer.records import RECORD, Fault, Reject, Table
from importer.source import typed
from importer.source.bounds import Bounds
from importer.source.open import Stream, expand
from importer.source.places import locate
from importer.source.reader import Reader


def read(
    path: Path | str, *, wanted: Sequence[str] | None = None, delimiter: str = ",", **more: Any
) -> tuple[list[tuple[str | None, ...]], list[Table]]:
    """All rows as text, empty cells as None, and the tables that they came in."""
    with Reader(
        expand([path]),
        delimiter=delimiter,
        encoding="utf-8",
        wanted=lambda header, _: tuple(header if wanted is None else wanted),
        **more,
    ) as reader:
        tables = [reader.table(block) for block in reader.blocks()]
    return [tuple(cell or None for cell in row) for table in tables for row in table.frame.drop(RECORD).rows()], tables


def _parquet(table: pa.Table, path: Path) -> None:
    pq.write_table(table, path, row_group_size=3, store_schema=True)


def _file(table: pa.Table, path: Path) -> None:
    with pa.ipc.new_file(path, table.schema) as out:
        out.write_table(table, max_chunksize=3)


def _stream(table: pa.Table, path: Path) -> None:
    with pa.ipc.new_stream(path, table.schema) as out:
        out.write_table(table, max_chunksize=3)


WRITERS = pytest.mark.parametrize("write", [_parquet, _file, _stream, pf.write_feather])
Write = Callable[[pa.Table, Path], None]


@WRITERS
@pytest.mark.parametrize(
    ("kind", "values", "texts"),
    [
        (pa.int8(), [-128, 127, None], ["-128", "127", None]),
        (pa.int64(), [-(2**63), 2**63 - 1, 2**53 + 1], ["-9223372036854775808", "9223372036854775807", str(2**53 + 1)]),
        (pa.uint64(), [2**64 - 1, 0, None], ["18446744073709551615", "0", None]),
        (pa.float64(), [0.1, 1e300, -0.0, 5e-324, None], ["0.1", "1e+300", "-0.0", "5e-324", None]),
        (pa.float64(), [math.nan, math.inf, -math.inf], ["NaN", "inf", "-inf"]),
        (pa.float32(), [np.float32(0.1), np.float32(16777216)], ["0.1", "16777216.0"]),
        (pa.float16(), [np.float16(0.5), None], ["0.5", None]),
        (pa.bool_(), [True, False, None], ["true", "false", None]),
        (pa.string(), ['a "b", c', "d\ne", "\r\n", "f\rg", "\0h", "é𝄞", "", None, " i "], None),
        (pa.string(), ["#datatype", "# x", "NULL", "nan", "'", '"', ";"], None),
        (pa.large_string(), ["a", None], ["a", None]),
        (pa.string_view(), ["a", "ü" * 20, None], ["a", "ü" * 20, None]),
        (pa.dictionary(pa.int8(), pa.string()), ["a", "b", "a", None], ["a", "b", "a", None]),
        (pa.decimal128(38, 10), [Decimal(f"{2**90}.0123456789")], [f"{2**90}.0123456789"]),
        (pa.decimal128(5, 2), [Decimal("1.10"), Decimal("-0.01"), None], ["1.10", "-0.01", None]),
        (pa.decimal256(60, 3), [Decimal(f"{2**140}.345")], [f"{2**140}.345"]),
        (pa.date32(), [dt.date(2021, 3, 20), dt.date(1600, 1, 1), None], ["2021-03-20", "1600-01-01", None]),
        (pa.time64("us"), [dt.time(0, 22, 0, 5), None], ["00:22:00.000005", None]),
        (pa.time32("ms"), [dt.time(23, 59, 59)], ["23:59:59.000"]),
        (pa.timestamp("ms"), [0, None], ["1970-01-01T00:00:00.000", None]),
        (pa.timestamp("ms"), [1616199720001], ["2021-03-20T00:22:00.001"]),
        (pa.timestamp("us", "Europe/Zurich"), [1616199720000001], ["2021-03-20T00:22:00.000001Z"]),
        (pa.timestamp("ns", "UTC"), [1616199720123456789], ["2021-03-20T00:22:00.123456789Z"]),
        (pa.timestamp("ns", "+01:00"), [-1], ["1969-12-31T23:59:59.999999999Z"]),
        (pa.duration("ms"), [1500, None], ["1500", None]),
        (pa.null(), [None, None], [None, None]),
        (pa.list_(pa.float64()), [[1.5, None, math.nan], [], None], ['[1.5, null, "NaN"]', "[]", None]),
        (pa.list_(pa.string(), 2), [["a", 'b"'], None], ['["a", "b\\""]', None]),
        (pa.list_(pa.struct([("x", pa.int64())])), [[{"x": 2**60}], [None]], [f'[{{"x": {2**60}}}]', "[null]"]),
        (pa.map_(pa.string(), pa.int64()), [[("k", 1)], None], ['[{"key": "k", "value": 1}]', None]),
    ],
)  # fmt: skip
def test_a_value_of_any_type_arrives_with_all_that_it_holds(
    kind: pa.DataType, values: list[Any], texts: list[str | None] | None, write: Write, tmp_path: Path
) -> None:
    expected = [text or None for text in (values if texts is None else texts)]
    table = pa.table({"n": pa.array(range(len(values))), "v": pa.array(values, kind)})
    path = tmp_path / "in.data"
    try:
        write(table, path)
    except pa.ArrowNotImplementedError:
        pytest.skip("this format has no such type")
    for delimiter in ",;":
        rows, tables = read(path, delimiter=delimiter)
        assert rows == [(str(n), text) for n, text in enumerate(expected)]
        assert not any(table.faults for table in tables)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_floats_of_any_bits_and_any_text_come_out_as_they_went_in(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    rows = data.draw(
        st.lists(
            st.tuples(
                st.floats(allow_nan=False, allow_infinity=False),
                st.floats(allow_nan=False, allow_infinity=False, width=32),
                st.one_of(st.none(), st.text(max_size=8)),
            ),
            min_size=1,
            max_size=30,
        )
    )
    wide, narrow, texts = zip(*rows, strict=True)
    path = tmp_path_factory.mktemp("any") / "in.parquet"
    _parquet(pa.table({"w": wide, "n": pa.array(narrow, pa.float32()), "t": pa.array(texts, pa.string())}), path)
    found, _ = read(path)
    assert [struct.pack("d", float(row[0] or "")) for row in found] == [struct.pack("d", value) for value in wide]
    assert [struct.pack("f", float(row[1] or "")) for row in found] == [struct.pack("f", value) for value in narrow]
    assert [row[2] for row in found] == [text or None for text in texts]


def test_seconds_stay_seconds_where_the_format_has_them(tmp_path: Path) -> None:
    _file(
        pa.table({"t": pa.array([0], pa.timestamp("s")), "d": pa.array([dt.time(1, 2, 3)], pa.time32("s"))}),
        tmp_path / "a",
    )
    assert read(tmp_path / "a")[0] == [("1970-01-01T00:00:00", "01:02:03")]


def test_fields_of_structs_are_columns_of_their_own_and_are_empty_where_the_struct_is(tmp_path: Path) -> None:
    place = pa.array([{"lat": 1.5, "on": {"x": 1}}, None, {"lat": None, "on": None}])
    table = pa.table({"id": [1, 2, 3], "place": place})
    for write in (_parquet, _file, _stream):
        write(table, tmp_path / "in.data")
        rows, tables = read(tmp_path / "in.data", wanted=["id", "place.lat", "place.on.x"])
        assert rows == [("1", "1.5", "1"), ("2", None, None), ("3", None, None)]
        assert tables[0].block.columns == ("id", "place.lat", "place.on.x")


def test_a_column_of_bytes_is_left_out_and_one_who_asks_for_it_is_told_why(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "in.parquet"
    pl.DataFrame({"a": [1], "photo": [b"\xff"]}).write_parquet(path)
    assert read(path)[0] == [("1",)]
    assert "the column 'photo' is not read: bytes, which are no text" in caplog.text
    with pytest.raises(MappingError, match=r"no column 'photo'.*'photo' is not read: bytes"):
        Reader(expand([path]), delimiter=",", encoding="utf-8", wanted=_with_photo)


def _with_photo(header: Sequence[str], source: str) -> tuple[str, ...]:
    check_columns(["photo"], header, source)
    return tuple(header)


@WRITERS
def test_every_row_counts_as_a_line_behind_the_header_whatever_its_text_holds(write: Write, tmp_path: Path) -> None:
    table = pa.table({"a": ["x\ny\nz", None, "w", "v\n", "u"], "b": [1, 2, 3, 4, 5]})
    write(table, tmp_path / "in.data")
    _, tables = read(tmp_path / "in.data", block_bytes=12)
    places: list[Reject] = []
    for found in tables:
        places += locate(found.block, tuple(Fault(record, "", "here", "") for record in found.frame[RECORD]))
    assert [place.line for place in places] == [2, 3, 4, 5, 6]
    text = 'a,b\n"x\ny\nz",1\n,2\nw,3\n"v\n",4\nu,5\n'
    assert [text[place.byte_offset :].startswith(place.raw) for place in places] == [True] * 5
    assert len(tables) > 1


def test_a_single_column_whose_cell_is_empty_is_a_row_all_the_same(tmp_path: Path) -> None:
    pl.DataFrame({"a": [1, None, 3]}).write_parquet(tmp_path / "in.parquet")
    rows, (table,) = read(tmp_path / "in.parquet")
    assert rows == [("1",), (None,), ("3",)]
    assert table.blank == 0


def test_blocks_depend_on_the_rows_alone_and_not_on_how_the_file_is_divided(tmp_path: Path) -> None:
    frame = pl.DataFrame({"a": range(5000), "b": [f"x{n}" for n in range(5000)]})
    texts = []
    for size in (7, 5000):
        frame.write_parquet(tmp_path / "in.parquet", row_group_size=size)
        _, tables = read(tmp_path / "in.parquet", block_bytes=1000)
        texts.append([(table.block.data, table.block.first_line, table.block.byte_offset) for table in tables])
    assert texts[0] == texts[1]


def test_a_limit_ends_the_reading_early(tmp_path: Path) -> None:
    pl.DataFrame({"a": range(5000)}).write_parquet(tmp_path / "in.parquet", row_group_size=10)
    assert read(tmp_path / "in.parquet", limit=3)[0] == [("0",), ("1",), ("2",)]


@WRITERS
def test_what_was_read_has_the_length_and_the_hash_of_the_file(write: Write, tmp_path: Path) -> None:
    path = tmp_path / "in.data"
    write(pa.table({"a": range(1000)}), path)
    with Reader(expand([path]), delimiter=",", encoding="utf-8", wanted=lambda header, _: tuple(header)) as reader:
        assert sum(block.records for block in reader.blocks()) == 1000
        (found,) = reader.read_sources
    assert (found.stored_bytes, found.sha256) == (path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest())


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_file_of_typed_columns_may_come_through_a_pipe_and_be_compressed(
    pack: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    for write in (_parquet, _stream):
        write(pa.table({"a": [1, 2]}), tmp_path / "in.data")
        stdin = io.BytesIO(pack((tmp_path / "in.data").read_bytes()))
        source = expand(["-"])[0]
        with Stream(source, "utf-8", stdin, scratch=tmp_path / "state") as stream:
            assert b"".join(iter(stream.read, b"")) == b'"1"\n"2"\n'.replace(b'"', b"")
            assert stream.sha256 == hashlib.sha256(stdin.getvalue()).hexdigest()
    assert list((tmp_path / "state").iterdir()) == []


def test_what_must_be_kept_on_the_disk_is_bounded(tmp_path: Path) -> None:
    _parquet(pa.table({"a": range(1000)}), tmp_path / "in.parquet")
    stdin = io.BytesIO((tmp_path / "in.parquet").read_bytes())
    with pytest.raises(SourceError, match=r"more than the 1,000 bytes that are allowed; .*--max-download-bytes"):
        Stream(expand(["-"])[0], "utf-8", stdin, Bounds(max_download_bytes=1000), scratch=tmp_path)


@WRITERS
def test_a_damaged_file_is_an_error_and_never_fewer_rows(write: Write, tmp_path: Path) -> None:
    path = tmp_path / "in.data"
    write(pa.table({"a": [f"x{n}" for n in range(200)]}), path)
    whole = path.read_bytes()
    rng = np.random.default_rng(5)
    cut = [whole[:length] for length in (9, len(whole) // 2, len(whole) - 9)]
    spoilt = [bytearray(whole) for _ in range(20)]
    for data in spoilt:
        place = int(rng.integers(8, len(data)))
        data[place : place + 16] = rng.bytes(16)
    for data in [*cut, *map(bytes, spoilt)]:
        path.write_bytes(data)
        try:
            rows, tables = read(path)
        except SourceError:
            continue
        assert data not in cut
        assert len(rows) + sum(len(table.faults) for table in tables) == 200


def test_a_file_that_is_changed_while_it_is_read_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "in.parquet"
    pl.DataFrame({"a": range(5000)}).write_parquet(path, row_group_size=100)
    with Reader(
        expand([path]), delimiter=",", encoding="utf-8", wanted=lambda header, _: tuple(header), block_bytes=100
    ) as reader:
        found = reader.blocks()
        next(found)
        path.write_bytes(path.read_bytes() + b" ")
        with pytest.raises(SourceError, match="was changed while it was being read"):
            list(found)


@pytest.mark.parametrize(
    "text", ["PAR1,PAR2\n1,2\n", "PARENT,ARROW1\n1,2\n", "FEA1,ORC\n1,2\n", "{a},b\n1,2\n", "[a],b\n1,2\n"]
)
def test_csv_whose_header_begins_as_other_files_do_is_csv(text: str, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text(text)
    assert read(tmp_path / "in.csv")[0] == [("1", "2")]


def test_a_rough_look_reads_the_asked_for_column_and_some_rows_of_each_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(typed, "ROUGH_ROWS", 2)
    pl.DataFrame({"a": range(100), "b": range(100)}).write_parquet(tmp_path / "in.parquet", row_group_size=50)
    with (
        Reader(
            expand([tmp_path / "in.parquet"]), delimiter=",", encoding="utf-8", wanted=lambda header, _: tuple(header)
        ) as reader,
        reader.again(("b",)) as ahead,
    ):
        text = b"".join(block.data for block in ahead.rough_blocks())
    assert text.split() == [b",0", b",1", b",98", b",99"]  # one part: both row groups are small
