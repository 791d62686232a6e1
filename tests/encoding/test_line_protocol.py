from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from influxdb_client import Point

from importer.encoding.line_protocol import body, merged_lines
from importer.encoding.series import SeriesIndex
from importer.errors import LoadError
from tests.points import P, Unsigned, Value, bits, block, encoded


def line_of(point: P) -> str:
    (line,) = encoded([point]).frame["line"]
    assert isinstance(line, str)
    return line


# The client's own serializer changes backslashes at the end of tags and control characters in keys.
plain = st.text(st.sampled_from(list("ab,= \"'é🐦-_/\\;:{}")), min_size=1, max_size=8).filter(
    lambda text: not re.search(r'\\([,= "\\]|$)', text)
)
values = plain | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)


@given(plain, st.dictionaries(plain, plain, max_size=4), plain, values, st.integers(0, 2**62))
def test_lines_are_those_of_the_client_library_where_it_is_right(
    name: str, tags: dict[str, str], key: str, value: Value, time_ns: int
) -> None:
    point = Point(name).field(key, value).time(time_ns)
    for tag, text in tags.items():
        point.tag(tag, text)
    expected = point.to_line_protocol()
    ours = line_of(P(time_ns, {key: value}, dict(tags), name))
    if isinstance(value, float):
        # Only the text of a float may differ, such as 1e21 for 1e+21; never what it says.
        number = re.compile(r"=(-?[0-9][0-9.e+-]*) \d+$")
        first, second = number.search(ours), number.search(expected)
        assert first
        assert second
        assert bits(float(first.group(1))) == bits(value)
        assert ours[: first.start()] == expected[: second.start()]
    else:
        assert ours == expected


def test_a_time_is_written_exactly_where_the_client_library_rounds_it() -> None:
    moment = datetime(2021, 3, 4, 5, 6, 7, 123_457, tzinfo=UTC)
    exact = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000
    assert line_of(P(exact, {"f": True})).endswith(" 1614834367123457000")


def test_tags_are_sorted_by_their_bytes() -> None:
    assert line_of(P(1, {"f": 1}, {"é": "1", "z": "2", "B": "3", "a": "4"})) == "m,B=3,a=4,z=2,é=1 f=1i 1"


def test_empty_and_missing_tags_are_left_out_and_mean_the_same_series() -> None:
    lines = encoded([P(1, {"f": 1}, {"a": "", "b": "x"}), P(2, {"f": 1}, {"a": None, "b": "x"})])
    assert lines.frame["line"].to_list() == ["m,b=x f=1i 1", "m,b=x f=1i 2"]
    assert lines.frame["series"].to_list() == [0, 0]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1, "1i"),
        (Unsigned(2**64 - 1), "18446744073709551615u"),
        (True, "true"),
        (False, "false"),
        (1.0, "1.0"),
        ('say "a\\b"', r'"say \"a\\b\""'),
        ("two\nlines", '"two\nlines"'),
        ("#,= ", '"#,= "'),
    ],
)
def test_a_value_is_written_as_its_type_asks_for(value: Value, text: str) -> None:
    assert line_of(P(7, {"f": value})) == f"m f={text} 7"


def test_only_the_fields_with_a_value_are_written() -> None:
    points = [P(1, {"a": 1, "b": "x"}), P(2, {"b": "y"}), P(3, {"a": 3}), P(4, {"c": 0.5, "b": ""})]
    lines = encoded(points).frame["line"].to_list()
    assert [set(re.split("[ ,]", line)) - {"m"} for line in lines] == [
        {"a=1i", 'b="x"', "1"},
        {'b="y"', "2"},
        {"a=3i", "3"},
        {"c=0.5", 'b=""', "4"},
    ]


def test_points_are_sorted_by_series_and_time_and_those_of_a_key_stay_in_input_order() -> None:
    rows = [("b", 5), ("a", 9), ("b", 5), ("a", 1), ("b", 2), ("b", 5)]
    frame = encoded([P(time, {"n": n}, {"k": tag}) for n, (tag, time) in enumerate(rows)]).frame
    assert frame["record"].to_list() == [4, 0, 2, 5, 3, 1]
    assert [line.split(" ")[1] for line in frame["line"]] == ["n=4i", "n=0i", "n=2i", "n=5i", "n=3i", "n=1i"]


def test_a_series_keeps_its_number_in_later_blocks() -> None:
    series = SeriesIndex(10)
    first = encoded([P(1, {"f": 1}, {"k": tag}) for tag in "xyz"], series)
    later = encoded([P(2, {"f": 1}, {"k": tag}) for tag in "zwx"], series, number=1)
    assert dict(zip(first.frame["record"], first.frame["series"], strict=True)) == {0: 0, 1: 1, 2: 2}
    assert dict(zip(later.frame["record"], later.frame["series"], strict=True)) == {0: 2, 1: 3, 2: 0}
    assert series.keys == ["m,k=x", "m,k=y", "m,k=z", "m,k=w"]
    assert series.measurements == ["m"] * 4


marks = st.text(st.sampled_from("a\x1e\x1f01"), max_size=4)


@given(st.lists(st.tuples(marks.filter(bool), marks, marks), min_size=1, max_size=12))
@example([("a", "\x1f", ""), ("a", "", "\x1f")])
@example([("a", "\x1e1", ""), ("a", "\x1f", "")])
def test_series_are_told_apart_whatever_their_texts_hold(sets: list[tuple[str, str, str]]) -> None:
    series = SeriesIndex(100)
    frame = encoded([P(1, {"f": 1}, {"k": one, "l": two}, name) for name, one, two in sets], series).frame
    by_record = dict(zip(frame["record"], frame["series"], strict=True))
    numbers = [by_record[n] for n in range(len(sets))]
    assert len(set(zip(sets, numbers, strict=True))) == len(set(sets)) == len(set(numbers)) == len(series)
    assert len(frame["line"].unique()) == len(set(sets))


def test_more_series_than_allowed_end_the_load_and_say_what_to_do() -> None:
    points = [P(1, {"f": 1}, {"k": str(n)}) for n in range(4)]
    assert encoded(points, SeriesIndex(4)).frame.height == 4
    with pytest.raises(LoadError, match=r"more than 3 series.*--max-series"):
        encoded(points, SeriesIndex(3))


def test_merged_points_are_written_with_the_keys_of_their_series() -> None:
    series = SeriesIndex(10)
    lines = encoded([P(1, {"f": 1.5, "s": "x"}, {"k": "a b"}), P(2, {"f": 2.5}, {"k": "c"})], series)
    points = pl.DataFrame(
        {"series": [1, 0], "time": [2, 1], "field:f:float": [7.5, None], "field:s:string": [None, "y"]},
        schema_overrides={"series": pl.UInt32},
    )
    merged = merged_lines(points, lines.fields, series.keys, block())
    assert body(merged.frame["line"]) == b'm,k=c f=7.5 2\nm,k=a\\ b s="y" 1\n'


def test_a_body_holds_each_line_as_it_is_whatever_is_in_it() -> None:
    lines = ['a,b="x" "', "", "#", ' two\nlines " , ', "é\r\t;"]
    assert body(pl.Series("line", lines)).decode() == "".join(f"{line}\n" for line in lines)


def test_a_block_without_points_gives_no_lines() -> None:
    lines = encoded([P(1, {"f": 1}, {"k": "bad\\"})])
    assert lines.frame.is_empty()
    assert body(lines.frame["line"]) == b""
