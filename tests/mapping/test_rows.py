from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from influxdb_client import Point, WritePrecision

from importer.errors import MappingError
from importer.limits import MAX_STRING_BYTES, MAX_TIME_NS, MIN_TIME_NS, RESERVED_KEYS
from importer.mapping.rows import load_function
from importer.records import PointBatch
from tests.constant_tag import to_point as parse_row
from tests.mapping.mapped import adds_up, faults, points, row_mapper, table
from tests.mapping.odd_times import Nanoseconds, NotATime

Row = dict[str, str]
HEADER = (
    "event-id,timestamp,location-long,location-lat,manually-marked-outlier,"
    "individual-taxon-canonical-name,tag-local-identifier,individual-local-identifier\n"
)


def run(function: Callable[[Row], Any], text: str = "t,v\n1,1\n", precision: Any = "ns") -> PointBatch:
    mapper = row_mapper(function, precision)
    return mapper(table(text, mapper))


def one(point: Point, precision: Any = "ns") -> dict[str, Any]:
    """What becomes of a point."""
    (found,) = points(run(lambda _row: point, precision=precision))
    return found


def fault_of(result: Any, precision: Any = "ns") -> tuple[str, str, str]:
    """The column, the word and the message of a row that is refused."""
    batch = run(lambda _row: result, precision=precision)
    assert (batch.rows_mapped, batch.rows_faulty, points(batch)) == (0, 1, [])
    ((record, column, word, message),) = faults(batch)
    assert record == 0
    return column, word, message


def point(**fields: Any) -> Point:
    built = Point("m").time(1)
    for key, value in fields.items():
        built.field(key, value)
    return built


def test_the_source_systems_own_row_function_gives_its_points_exactly_and_loses_its_tag() -> None:
    batch = run(
        parse_row,
        HEADER
        + "1,2021-03-20 00:22:00.000,8.5417,47.3769,false,Ciconia ciconia,3401,Lenka\n"
        + "2,2021-03-20 00:22:00.123456789,-0.1,1e-3,,Ciconia ciconia,3401,\n",
    )
    first, second = points(batch)
    assert first == {
        "record": 0, "measurement": "migration", "time": 1616199720 * 10**9, "event-id": "1", "lon": 8.5417,
        "lat": 47.3769, "manually-marked-outlier": "false", "individual-taxon-canonical-name": "Ciconia ciconia",
        "tag-local-identifier": "3401", "individual-local-identifier": "Lenka",
    }  # fmt: skip
    assert (second["time"], second["lon"], second["lat"]) == (1616199720_123456789, -0.1, 0.001)
    assert not second.keys() & {"manually-marked-outlier", "individual-local-identifier"}
    # Point.measurement makes a new point, and so the tag that was set before it is gone.
    assert batch.tags == ()
    assert {field.key: field.type for field in batch.fields if field.type != "string"} == {
        "lon": "float",
        "lat": "float",
    }


def test_a_row_that_the_source_systems_function_cannot_take_is_a_fault_that_says_what_was_raised() -> None:
    batch = run(parse_row, HEADER + "1,2021-03-20 00:22:00,east,47,,,,\n1,never,8,47,,,,\n1,,8,47,,,,\n")
    assert [fault[1:3] for fault in faults(batch)] == [("", "mapper"), ("", "time_format"), ("", "time_format")]
    assert batch.faults[0].message.startswith("the mapper raised InvalidOperation: ")
    assert batch.faults[1].message == "'never' is not ISO 8601: give a datetime or an integer instead"
    assert adds_up(batch)


def test_the_function_gets_every_column_as_text_and_an_empty_cell_as_empty_text() -> None:
    seen: list[Row] = []
    run(seen.append, "t,record,b\n1,7,\n")
    assert seen == [{"t": "1", "record": "7", "b": ""}]


def test_none_skips_the_row_and_a_list_gives_several_points() -> None:
    def function(row: Row) -> Any:
        kinds = {"none": None, "empty": [], "two": [point(a=1.0), point(b=2.0)], "tuple": (point(a=3.0),)}
        return kinds[row["v"]]

    batch = run(function, "t,v\n1,none\n2,two\n3,empty\n4,tuple\n\n")
    assert [(found["record"], found.get("a"), found.get("b")) for found in points(batch)] == [
        (1, 1.0, None), (1, None, 2.0), (3, 3.0, None),
    ]  # fmt: skip
    assert (batch.rows_mapped, batch.skipped) == (2, {"mapper_none": 2, "blank": 1})
    assert adds_up(batch)


def test_one_bad_point_of_a_list_refuses_the_whole_row() -> None:
    assert fault_of([point(a=1.0), point(b=float("nan"))])[:2] == ("b", "float")


def test_points_without_a_field_skip_the_row() -> None:
    batch = run(lambda _row: point(a=None))
    assert (batch.skipped, points(batch)) == ({"no_fields": 1}, [])


@pytest.mark.parametrize("result", ["text", 5, {"a": 1}, [None], [[point(a=1)]], iter([point(a=1)])])
def test_a_result_that_is_no_point_ends_the_load_and_says_what_is_wanted(result: object) -> None:
    with pytest.raises(MappingError, match=r"it must return influxdb_client.Point, None or a list of Points"):
        run(lambda _row: result)


@pytest.mark.parametrize(
    ("value", "stored", "kind"),
    [
        (1.5, 1.5, "float"),
        (Decimal("0.1"), 0.1, "float"),
        (5, 5, "integer"),
        (True, True, "boolean"),
        ("text", "text", "string"),
        (np.float64(0.1), 0.1, "float"),
        (np.float32(0.5), 0.5, "float"),
        (np.int64(-5), -5, "integer"),
        (np.uint8(5), 5, "integer"),
        (np.bool_(True), True, "boolean"),  # noqa: FBT003
        (np.str_("é"), "é", "string"),
        (np.array(2.5), 2.5, "float"),
        (2**63 - 1, 2**63 - 1, "integer"),
        (-(2**63), -(2**63), "integer"),
    ],
)
def test_a_value_is_stored_with_the_type_that_it_has(value: object, stored: object, kind: str) -> None:
    batch = run(lambda _row: point(v=value))
    ((found),) = points(batch)
    assert (found["v"], type(found["v"]), batch.fields[0].type) == (stored, type(stored), kind)


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (float("nan"), "float"), (float("inf"), "float"), (np.float64("nan"), "float"), (Decimal("NaN"), "float"),
        (Decimal("sNaN"), "float"), (Decimal("1e400"), "float"), (2**63, "integer"), (-(2**63) - 1, "integer"),
        (b"x", "type"), ([1], "type"), (dt.date(2020, 1, 1), "type"), (np.array([1, 2]), "type"), (1j, "type"),
        (np.datetime64("2020-01-01"), "type"), ("\udc80", "string"), ("é" * (MAX_STRING_BYTES // 2) + "x", "string"),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_stored_is_a_fault_of_its_field(value: object, word: str) -> None:
    assert fault_of(point(v=value))[:2] == ("v", word)


def test_an_empty_text_is_no_value_as_an_empty_cell_is_none() -> None:
    assert one(point(v=1.0, s="")) == {"record": 0, "measurement": "m", "time": 1, "v": 1.0}
    assert run(lambda _row: point(s="")).skipped == {"no_fields": 1}


def test_integer_types_that_the_point_says_are_obeyed() -> None:
    def typed(value: object, kind: str) -> Point:
        return Point.from_dict({"measurement": "m", "time": 1, "fields": {"v": value}}, field_types={"v": kind})

    for kind, value, stored in (("uint", 2**64 - 1, "unsigned"), ("float", 5, "float"), ("int", 5, "integer")):
        batch = run(lambda _row, value=value, kind=kind: typed(value, kind))  # type: ignore[misc]
        assert (points(batch)[0]["v"], batch.fields[0].type) == (value, stored)
    assert fault_of(typed(-1, "uint"))[:2] == ("v", "unsigned")
    assert fault_of(typed(10**400, "float"))[:2] == ("v", "float")


def test_a_field_has_the_type_of_its_first_value_in_each_measurement() -> None:
    def function(row: Row) -> Point:
        value: object = {"i": 5, "f": 1.5, "s": "x", "big": 2**53 + 1}[row["v"]]
        return Point(row["t"]).field("v", value).time(1)

    mapper = row_mapper(function)
    first = mapper(table("t,v\na,f\nb,s\na,i\na,s\nb,f\na,big\n", mapper))
    assert [(found["record"], found["measurement"], found["v"]) for found in points(first)] == [
        (0, "a", 1.5), (1, "b", "x"), (2, "a", 5.0),
    ]  # fmt: skip
    assert faults(first) == [
        (3, "v", "float", "'x' is of type string, but 'v' began as float"),
        (4, "v", "string", "1.5 is of type float, but 'v' began as string"),
        (5, "v", "float", f"{2**53 + 1} is of type integer, but 'v' began as float"),
    ]
    assert [fault[1:3] for fault in faults(mapper(table("t,v\na,s\n", mapper, 1)))] == [("v", "float")]


def test_an_integer_field_takes_no_float() -> None:
    values = iter([5, 5.0])
    batch = run(lambda _row: point(v=next(values)), "t,v\n1,1\n2,2\n")
    assert faults(batch) == [(1, "v", "integer", "5.0 is of type float, but 'v' began as integer")]


def test_a_row_at_fault_decides_no_type() -> None:
    values = iter([point(a="wrong", b=float("nan")), point(a=1.5)])
    batch = run(lambda _row: next(values), "t,v\n1,1\n2,2\n")
    assert [found["a"] for found in points(batch)] == [1.5]
    assert [fault[:2] for fault in faults(batch)] == [(0, "b")]


def test_the_points_of_one_row_agree_on_their_types() -> None:
    assert fault_of([point(a="x"), point(a=1.5)])[:2] == ("a", "string")


def test_types_of_the_bucket_are_kept_to() -> None:
    mapper = row_mapper(lambda row: point(v=int(row["v"])))
    mapper.pin({("m", "v"): "float"})
    batch = mapper(table("t,v\n1,5\n", mapper))
    assert (points(batch)[0]["v"], batch.fields[0].type) == (5.0, "float")


def test_empty_tags_are_none_and_others_are_text() -> None:
    built = point(v=1.0).tag("a", None).tag("b", "").tag("c", 5).tag("d", "x\\").tag("e", False)  # noqa: FBT003
    assert one(built) == {"record": 0, "measurement": "m", "time": 1, "c": "5", "d": "x\\", "e": "False", "v": 1.0}


def test_a_tag_that_is_no_unicode_is_a_fault() -> None:
    assert fault_of(point(v=1.0).tag("a", "\udc80"))[:2] == ("a", "tag")


@pytest.mark.parametrize("name", ["", None])
def test_a_point_without_a_measurement_is_a_fault(name: str | None) -> None:
    assert fault_of(Point(name).field("v", 1.0).time(1)) == ("", "measurement", "the measurement is empty")


@pytest.mark.parametrize("key", [*sorted(RESERVED_KEYS), "", "a\n", "a\\"])
def test_a_key_that_influxdb_does_not_take_is_a_fault(key: str) -> None:
    assert fault_of(point(**{key: 1.0}))[:2] == (key, "field")
    assert fault_of(point(v=1.0).tag(key, "x"))[:2] == (key, "tag")


ZURICH = dt.timezone(dt.timedelta(hours=1))


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        (dt.datetime(2020, 1, 1, 0, 0, 0, 123456), 1577836800_123456000),  # noqa: DTZ001 - UTC, as the client has it
        (dt.datetime(2020, 1, 1, 1, 0, 0, 123456, tzinfo=ZURICH), 1577836800_123456000),
        (Nanoseconds(2020, 1, 1, 0, 0, 0, 123456), 1577836800_123456789),
        (1577836800_123456789, 1577836800_123456789),
        (np.int64(1577836800_123456789), 1577836800_123456789),
        ("2020-01-01T00:00:00.123456789Z", 1577836800_123456789),
        ("2020-01-01 00:00:00", 1577836800_000000000),
        ("2020-01-01 01:00+01", 1577836800_000000000),
        ("2019-12-31T19:00:00.5-0500", 1577836800_500000000),
        ("2020-01-01", 1577836800_000000000),
        (" 2020-01-01T00:00:00z ", 1577836800_000000000),
        ("2020-01-01T00:00:00.1234567890", 1577836800_123456789),
        (MIN_TIME_NS, MIN_TIME_NS),
        ("2262-04-11T23:47:16.854775806Z", MAX_TIME_NS),
    ],
)
def test_a_time_is_exact_to_the_nanosecond(time: object, expected: int) -> None:
    assert one(Point("m").field("v", 1.0).time(time))["time"] == expected


@settings(max_examples=100, deadline=None)
@given(st.datetimes(dt.datetime(1678, 1, 1), dt.datetime(2262, 1, 1)), st.integers(0, 999))  # noqa: DTZ001
def test_a_datetime_and_its_text_are_exact(moment: dt.datetime, nanoseconds: int) -> None:
    since = moment - dt.datetime(1970, 1, 1)  # noqa: DTZ001
    expected = (since.days * 86_400 + since.seconds) * 10**9 + since.microseconds * 1000
    assert one(Point("m").field("v", 1.0).time(moment))["time"] == expected
    text = f"{moment:%Y-%m-%dT%H:%M:%S.%f}{nanoseconds:03}Z"
    assert one(Point("m").field("v", 1.0).time(text))["time"] == expected + nanoseconds


@pytest.mark.parametrize(("unit", "factor"), [("s", 10**9), ("ms", 10**6), ("us", 10**3), ("ns", 1)])
def test_an_integer_counts_the_units_that_the_point_says(unit: str, factor: int) -> None:
    precision = getattr(WritePrecision, unit.upper())
    assert one(Point("m").field("v", 1.0).time(1577836800, precision))["time"] == 1577836800 * factor


@pytest.mark.parametrize(
    ("time", "word"),
    [
        (None, "time_missing"), (1.5, "time_format"), (True, "time_format"), (dt.date(2020, 1, 1), "time_format"),
        (NotATime(2020, 1, 1), "time_format"), ("20/03/2021", "time_format"), ("", "time_format"),
        ("2020-02-30", "time_format"), ("2020-01-01T00:00:60Z", "time_format"), ("2020-01-01T24:00:00Z", "time_format"),
        ("2020-01-01T00:00:00+24:00", "time_format"), ("2020-01-01T00:00:00+01:60", "time_format"),
        ("2020-01-01T00:00:00.\u0663Z", "time_format"), ("2020-01-01T00:00:00.0000000001Z", "precision"),
        ("1600-01-01", "time_range"), (MAX_TIME_NS + 1, "time_range"), (MIN_TIME_NS - 1, "time_range"),
        (dt.datetime(2300, 1, 1, tzinfo=dt.UTC), "time_range"),
    ],
)  # fmt: skip
def test_what_is_no_time_of_influxdb_is_a_fault(time: object, word: str) -> None:
    assert fault_of(Point("m").field("v", 1.0).time(time))[:2] == ("", word)


def test_a_time_that_is_finer_than_the_precision_asked_for_is_a_fault() -> None:
    assert one(Point("m").field("v", 1.0).time(5_000_000), "ms")["time"] == 5_000_000
    assert fault_of(Point("m").field("v", 1.0).time(5_000_001), "ms")[1] == "precision"


def test_ragged_rows_are_faults_beside_those_of_the_mapper() -> None:
    batch = run(lambda row: point(v=float(row["v"])), "t,v\n1\n2,x\n3,3\n")
    assert [fault[:3] for fault in faults(batch)] == [(0, "", "ragged"), (1, "", "mapper")]
    assert adds_up(batch)


def test_a_name_that_occurs_twice_is_refused_because_a_dictionary_would_lose_a_cell() -> None:
    with pytest.raises(MappingError, match="has 2 columns named 'a'"):
        run(lambda _row: None, "a,a\n1,2\n")


def test_an_interrupt_in_the_mapper_is_no_fault_of_the_row() -> None:
    def function(_row: Row) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(function)


def test_a_function_is_found_in_a_module_of_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_rows.py").write_text("def to_point(row):\n    return None\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path.copy())
    assert load_function("own_rows:to_point")({}) is None
    assert load_function("tests.constant_tag:to_point") is parse_row


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("bird_rows", "write package.module:function"),
        (":f", "write package.module:function"),
        ("m:", "write package.module:function"),
        ("no_such_module_here:f", "cannot import 'no_such_module_here': ModuleNotFoundError: No module named"),
        ("tests.constant_tag:nothing", "module 'tests.constant_tag' has no 'nothing'"),
        ("tests.constant_tag:__doc__", "it is no function"),
        ("broken_syntax:f", "cannot import 'broken_syntax': SyntaxError: "),
        ("broken_import:f", "cannot import 'broken_import': ZeroDivisionError: division by zero"),
        ("broken_attribute:f", "cannot import 'broken_attribute': .*has no attribute 'nonsense'"),
    ],
)
def test_a_function_that_cannot_be_had_is_refused_with_the_reason(
    name: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, code in (("syntax", "def"), ("import", "1 / 0"), ("attribute", "import os\nos.nonsense")):
        (tmp_path / f"broken_{module}.py").write_text(code, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path.copy())
    with pytest.raises(MappingError, match=f"^mapper '{name}': {message}"):
        load_function(name)


def test_points_without_a_field_beside_others_are_counted() -> None:
    def two(row: dict[str, str]) -> list[Point]:
        return [Point("m").field("v", 1).time(int(row["t"])), Point("m").tag("a", "b").time(int(row["t"]))]

    batch = run(two, "t\n1\n2\n")
    assert (batch.rows_mapped, batch.frame.height, batch.empty_points) == (2, 2, 2)
