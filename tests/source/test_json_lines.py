"""JSON Lines: records of whatever keys, numbers digit by digit."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from importer.errors import MappingError, SourceError
from importer.mapping.header import check_columns
from importer.records import RECORD, Block, Fault, Table
from importer.source import beginning
from importer.source.json_lines import _by_records, json_table
from importer.source.json_uniform import uniform_columns
from importer.source.open import expand
from importer.source.places import locate
from importer.source.reader import Reader
from tests.source.test_typed import read


def table_of(text: str, *columns: str, known: tuple[str, ...] | None = None) -> Table:
    data = text.encode(errors="surrogatepass")
    block = Block("in.jsonl", 0, 0, 1, data, data.count(b"\n"), "none", known or (*columns, "other"), kind="json")
    return json_table(block, columns)


def rows_of(table: Table) -> list[tuple[str | None, ...]]:
    return table.frame.drop(RECORD).rows()


@pytest.mark.parametrize(
    "number",
    ["9007199254740993", "18446744073709551615", "-0", "1.10", "1e400", "1.5945120943859746E9", f"0.{2**99}", "9" * 99],
)  # fmt: skip
def test_a_number_is_taken_as_it_is_written(number: str) -> None:
    for value in (number, f"[{number}]"):
        table = table_of(f'{{"a":{value}, "b":"x"}}\n{{"b":"y","a":{value}}}\n{{"a":{value}}}\n', "a")
        assert rows_of(table) == [(value,)] * 3


def test_text_truth_and_nothing_are_what_they_are_and_objects_are_columns_of_their_own() -> None:
    record = {
        "t": 'a "b", c\n\r\0é𝄞',
        "yes": True,
        "no": False,
        "none": None,
        "in": {"x": {"y": "z"}, "l": [1, {"k": "ü"}]},
    }
    for text in (json.dumps(record), json.dumps(record, ensure_ascii=False), json.dumps(record, separators=(",", ":"))):
        table = table_of(text + "\n", "t", "yes", "no", "none", "in.x.y", "in.l", "missing")
        assert rows_of(table) == [(record["t"], "true", "false", None, "z", '[1, {"k": "ü"}]', None)]


@given(
    st.lists(
        st.dictionaries(st.sampled_from("abc"), st.none() | st.text(max_size=6) | st.integers(), min_size=1), min_size=1
    )
)
def test_any_records_come_out_as_they_went_in(records: list[dict[str, str | int | None]]) -> None:
    for ascii_only in (True, False):
        lines = [json.dumps(record, ensure_ascii=ascii_only) for record in records]
        table = table_of("\n".join(lines) + "\n", "a", "b", "c")
        expected = [tuple(record.get(key) for key in "abc") for record in records]
        assert rows_of(table) == [
            tuple(None if value is None else str(value) or None for value in row) for row in expected
        ]
        assert not table.faults


LITERALS = st.sampled_from(
    ["1", "-0.50", "1e5", "null", "true", "false", "01", "1x", "nul", "", "1 2", "[1]", "{}", "NaN"]
)
TEXTS = st.text(alphabet='ab,:{}[]" \\\t\n\ré', max_size=4).map(lambda text: json.dumps(text, ensure_ascii=False))
SPOILT = st.sampled_from(['"a"b', '"a""b"', '"a', 'a"', '"\t"', '"\x01"', '"\udc80"'])


@settings(max_examples=300)
@example([("1", "2"), ("1 2", "3")], '{"a":%s,"b":%s}', False)  # noqa: FBT003 - drawn
@example([('"x"', "1"), ("01", '"x"'), ('"01"', "1")], '{"a":%s,"b":%s}', False)  # noqa: FBT003 - drawn
@example([("1", '"a"'), ("1", '"a"b')], '{"a":%s,"b":%s}', False)  # noqa: FBT003 - drawn
@example([("1", '"a"'), ("1", '"a""b"')], '{"a":%s,"b":%s}', False)  # noqa: FBT003 - drawn
@given(
    st.lists(st.tuples(LITERALS | TEXTS, TEXTS | LITERALS | SPOILT), min_size=1, max_size=4),
    st.sampled_from(
        ['{"a":%s,"b":%s}', '{"a": %s, "b": %s}', '{ "a": %s, "b": %s }', '{"a":%s,"b":%s} ', '{"a":%s,"a":%s}']
    ),
    st.booleans(),
)
def test_records_of_one_layout_are_read_in_one_go_as_they_are_one_by_one(
    values: list[tuple[str, str]],
    layout: str,
    swapped: bool,  # noqa: FBT001 - drawn
) -> None:
    lines = [layout % pair for pair in values]
    if swapped:
        lines.append('{"b":1,"a":2}')
    data = "".join(line + "\n" for line in lines).encode(errors="surrogatepass")
    block = Block("in.jsonl", 0, 0, 1, data, data.count(b"\n"), "none", ("a", "b", "c"), kind="json")
    at_once, careful = json_table(block, ("b", "a")), _by_records(block, ("b", "a"))
    assert at_once.frame[RECORD].to_list() == careful.frame[RECORD].to_list()
    assert [[cell or None for cell in row] for row in at_once.frame.drop(RECORD).rows()] == [
        list(row) for row in careful.frame.drop(RECORD).rows()
    ]
    assert at_once.faults == careful.faults


def test_what_programs_write_is_read_in_one_go() -> None:
    records = [
        {"t": "2021-03-20", "x": n / 7, "n": n, "ok": n % 2 == 0, "note": None if n else "a, b"} for n in range(50)
    ]
    for separators in ((", ", ": "), (",", ":")):
        text = "".join(json.dumps(record, separators=separators) + "\n" for record in records).encode()
        found = uniform_columns(text, 50, ["x", "note", "ok", "gone"])
        assert found is not None
        assert found.row(0) == ("0.0", "a, b", "true", None)
        assert found.row(49) == ("7.0", None, "false", None)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"a": nope}', "not a record of JSON: Expecting value (column 7)"),
        ('{"a": 1} {"a": 2}', "not a record of JSON: Extra data"),
        ("[1]", "a list and no record"),
        ("7", "a value and no record"),
        ('{"a": 1, "a": 2}', "the key 'a' occurs twice"),
        ('{"a": {"b": 1}, "a.b": 2}', "the key 'a.b' occurs twice"),
        ('{"a": "\\ud800"}', "half of a pair of surrogates"),
        ('{"a": "\udc80"}', "not UTF-8"),
        ("[" * 100_000, "not a record of JSON"),
    ],
)
def test_a_line_that_is_no_record_is_a_reject_with_its_place_and_its_text(line: str, said: str) -> None:
    table = table_of(f'{{"a": 5}}\n\n{line}\n{{"a": 6}}\n', "a")
    assert rows_of(table) == [("5",), ("6",)]
    assert table.blank == 1
    (reject,) = locate(table.block, table.faults)
    assert said in reject.error_message
    assert (reject.line, reject.byte_offset, reject.error_type) == (3, len('{"a": 5}\n\n'), "json")
    assert reject.raw[:50] == line.encode(errors="surrogatepass").decode(errors="backslashreplace")[:50]


def test_keys_that_come_up_later_are_columns_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beginning, "JSON_BYTES", 20)
    path = tmp_path / "in.jsonl"
    path.write_text('{"a": 1, "b": 2}\n{"a": 3, "c": 4}\n{"d": {"e": 5}}\n')
    assert read(path, block_bytes=20)[0] == [("1", "2", None, None), ("3", None, "4", None), (None, None, None, "5")]


def test_a_key_that_no_record_has_is_a_column_that_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beginning, "JSON_BYTES", 20)
    path = tmp_path / "in.jsonl"
    path.write_text('{"a": 1, "b": 2}\n{"a": 3, "latitude": 4}\n')

    def wanted(header: object, source: str) -> tuple[str, ...]:
        check_columns(["latitud"], list(header), source)  # type: ignore[call-overload]
        return ("latitud",)

    with pytest.raises(MappingError, match="has no column 'latitud'; did you mean 'latitude'"):
        Reader(expand([path]), delimiter=",", encoding="utf-8", wanted=wanted)


def test_a_key_that_comes_up_late_in_a_pipe_is_a_reject_where_all_keys_are_wanted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(beginning, "JSON_BYTES", 20)
    stdin = io.BytesIO(b'{"a": 1, "b": 2}\n' + b'{"a": 1}\n' * 5 + b'{"c": 1}\n')
    with Reader(
        expand(["-"]), delimiter=",", encoding="utf-8", wanted=lambda header, _: tuple(header), stdin=stdin
    ) as reader:
        tables = [reader.table(block) for block in reader.blocks()]
    faults: list[Fault] = [fault for table in tables for fault in table.faults]
    assert [(fault.record, fault.column) for fault in faults] == [(6, "c")]


@pytest.mark.parametrize("name", ["in.jsonl", "in.ndjson.gz", "in.txt", "in"])
def test_json_lines_are_known_by_name_or_by_content_compressed_or_not(name: str, tmp_path: Path) -> None:
    data = b'\xef\xbb\xbf{"a": 1}\r\n{"a": 2}'
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    assert read(tmp_path / name)[0] == [("1",), ("2",)]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("in.json", "[\n {", "is one JSON array: .*jq -c '.\\[\\]' .*in.json"),
        ("in.txt", '[{"a": 1}]', "is one JSON array"),
        ("in.json", '{\n  "a": 1\n}\n', "none of its first lines is a record. .*jq -c . .*in.json"),
        ("in.jsonl", "a,b\n1,2\n", "none of its first lines is a record"),
        ("in.jsonl", "", "is empty"),
    ],
)
def test_json_that_is_not_by_lines_is_refused_and_one_is_told_how_to_make_lines_of_it(
    name: str, text: str, said: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(SourceError, match=said):
        read(tmp_path / name)


def test_lines_and_offsets_are_those_of_the_file_however_it_is_cut(tmp_path: Path) -> None:
    lines = [json.dumps({"a": n, "b": 'x"\n' * (n % 4)}) + "\n" * (1 + n % 2) for n in range(200)]
    path = tmp_path / "in.jsonl"
    path.write_text("".join(lines))
    for size in (30, 1000, 1 << 20):
        _, tables = read(path, block_bytes=size)
        places = [
            place
            for table in tables
            for place in locate(table.block, tuple(Fault(record, "", "", "") for record in table.frame[RECORD]))
        ]
        assert [place.line for place in places] == [1 + "".join(lines[:n]).count("\n") for n in range(200)]
        assert [place.byte_offset for place in places] == [len("".join(lines[:n])) for n in range(200)]


def test_a_rough_look_takes_whole_lines_from_evenly_spread_places(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text("".join(f'{{"a": {n}, "b": "{"x" * 100}"}}\n' for n in range(100_000)))
    with Reader(expand([path]), delimiter=",", encoding="utf-8", wanted=lambda *_: ("a",)) as reader:
        (block,) = reader.rough_blocks()
        found = reader.table(block)
    numbers = found.frame["a"].cast(int).to_list()
    assert numbers[0] == 0
    assert numbers[-1] == 99_999
    assert not found.faults
    assert len(numbers) < 40_000
