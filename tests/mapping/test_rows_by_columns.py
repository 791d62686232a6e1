"""Points that are read by columns are what they are when they are read one by one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from enum import Enum
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from influxdb_client import Point
from polars.testing import assert_frame_equal

from importer.limits import MAX_STRING_BYTES, MAX_TIME_NS, MIN_TIME_NS
from importer.mapping import careful, content_columns, content_times, rows
from importer.mapping.content_columns import TypedColumns, typed_columns
from importer.mapping.rows import RowMapper
from importer.records import PointBatch
from tests.mapping.mapped import adds_up, points, row_mapper, table
from tests.mapping.odd_times import Nanoseconds, NotATime

ZURICH = ZoneInfo("Europe/Zurich")

VALUES: list[Any] = [
    None, "", "text", "é", "\udc80", "x" * (MAX_STRING_BYTES + 1), 1.5, -0.0, float("nan"), float("inf"),
    True, 5, -5, 2**53, 2**53 + 1, 2**63 - 1, 2**63, -(2**63), 2**64, 10**400, Decimal("0.1"), Decimal("sNaN"),
    Decimal("1e400"), np.float64(0.1), np.float64("nan"), np.float32(0.1), np.int64(7), np.uint8(7), np.bool_(True),  # noqa: FBT003
    np.str_("s"), np.array(2.5), b"x", [1], dt.date(2020, 1, 1),
]  # fmt: skip
ALIKE: list[list[Any]] = [
    ["text", "", None], [1.5, -3.0, None], [1.5, 5], [5, 7, None], [5, 2**53 + 1], [True, False, None],
    [Decimal("0.1"), None], [np.float64(0.1), 2.5],
]  # fmt: skip


NAIVE = dt.datetime(2020, 10, 25, 1, 30, 0, 123456)  # noqa: DTZ001
TIMES: list[Any] = [
    1, 1_600_000_000, -1, 0, MAX_TIME_NS, MAX_TIME_NS + 1, MIN_TIME_NS, MIN_TIME_NS - 1, 10**30, True, 1.5, None,
    np.int64(1_600_000_000), NAIVE, NAIVE.replace(tzinfo=dt.UTC), NAIVE.replace(tzinfo=ZURICH),
    NAIVE.replace(tzinfo=ZURICH, fold=1), dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31),  # noqa: DTZ001
    Nanoseconds(2020, 1, 1), NotATime(2020, 1, 1), dt.date(2020, 1, 1), "\udc80",
]  # fmt: skip
TEXTS = [
    "2020-01-01T00:00:00Z", "2020-01-01 00:00:00.123456789", "2020-01-01t23:59:59.5z", "2020-01-01 00:00:00",
    "2020-01-01T00:00:00.1234567890", "2020-01-01T00:00:00.0000000001Z", "2020-01-01T00:00:60Z", "2020-01-01T24:00:00",
    "2020-02-30 00:00:00", "0000-01-01T00:00:00Z", "1677-09-21T00:12:43.145224194Z", "1677-09-21T00:12:43.145224193Z",
    "2262-04-11T23:47:16.854775806Z", "2262-04-11T23:47:16.854775807Z", "2262-04-11T23:47:15Z", "9999-12-31T23:59:59Z",
    "2020-01-01", " 2020-01-01T00:00:00Z", "2020-01-01T00:00:00+01:00", "2020-01-01T00:00:00.\u0663Z", "never", "",
]  # fmt: skip
KEYS: list[Any] = ["a", "b", "c", "d"]
HOSTILE_KEYS: list[Any] = [*KEYS, "time", "", 1, "1", "a\n", "é"]
NAMES: list[Any] = ["m", "m", "n", "", None, 5, "5", "\udc80"]


def pool(values: list[Any], size: int = 3) -> st.SearchStrategy[list[Any]]:
    """Few values, so that columns come about in which all are of one type."""
    return st.lists(st.sampled_from(values), min_size=1, max_size=size)


@st.composite
def results(draw: st.DrawFn) -> list[Any]:
    """What a function gives for some rows; an error is raised."""
    hostile = draw(st.sets(st.sampled_from(["keys", "values", "times", "names", "precisions", "suffixes"]), max_size=2))
    of_keys = HOSTILE_KEYS if "keys" in hostile else KEYS
    keys = draw(st.lists(st.sampled_from(of_keys), min_size=1, max_size=4, unique=True))
    of_key = {key: draw(pool(VALUES, 4) if "values" in hostile else pool(draw(st.sampled_from(ALIKE)))) for key in keys}
    times = draw(pool(draw(st.sampled_from([TIMES, TEXTS] if "times" in hostile else [[1, 2], [NAIVE], TEXTS[:4]]))))
    names = draw(pool(NAMES if "names" in hostile else ["m", "n"], 2))
    precisions = draw(pool(["ns", "ms", "s", "us", None])) if "precisions" in hostile else ["ns"]
    suffixes = draw(pool([None, None, "i", "u", ""])) if "suffixes" in hostile else [None]

    def one() -> Point:
        point = Point(draw(st.sampled_from(names))).time(
            draw(st.sampled_from(times)), draw(st.sampled_from(precisions))
        )
        for key in draw(st.lists(st.sampled_from(keys), max_size=3)):
            point.tag(key, draw(st.sampled_from(of_key[key])))
        for key in draw(st.permutations(keys)):
            if draw(st.integers(0, 3)):
                point.field(key, draw(st.sampled_from(of_key[key])))
                if (suffix := draw(st.sampled_from(suffixes))) is not None:
                    point._field_types[key] = suffix
        return point

    def result() -> Any:
        kind = draw(st.integers(0, 9))
        if kind == 0:
            return draw(st.sampled_from([None, [], ValueError("no"), SystemExit(3)]))
        return [one() for _ in range(kind)] if kind in {2, 3} else one()

    return [result() for _ in range(draw(st.integers(1, 10)))]


def mapped(blocks: list[list[Any]], precision: Any = "ns") -> tuple[list[PointBatch], RowMapper]:
    gives = iter([result for block in blocks for result in block])

    def function(_row: dict[str, str]) -> Any:
        result = next(gives)
        if isinstance(result, BaseException):
            raise result
        return result

    mapper = row_mapper(function, precision)
    return [mapper(table("t\n" + "1\n" * len(block), mapper, number)) for number, block in enumerate(blocks)], mapper


def all_odd(*arguments: Any) -> TypedColumns:
    columns = typed_columns(*arguments)
    columns.odd[:] = True
    columns.begun = {("", ""): "float"} if columns.odd.any() else {}
    return columns


def same(one: PointBatch, other: PointBatch) -> None:
    assert_frame_equal(one.frame, other.frame, check_exact=True)
    for name in ("tags", "fields", "faults", "skipped", "rows_mapped", "rows_faulty", "empty_points"):
        assert getattr(one, name) == getattr(other, name), name
    assert adds_up(one)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(results(), min_size=1, max_size=3), st.sampled_from(["ns", "ns", "ms"]))
def test_points_read_by_columns_are_those_read_one_by_one(blocks: list[list[Any]], precision: str) -> None:
    by_columns, mapper = mapped(blocks, precision)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(rows, "typed_columns", all_odd)
        one_by_one, careful_mapper = mapped(blocks, precision)
    assert set(mapper.decided) == set(careful_mapper.decided)
    for one, other in zip(by_columns, one_by_one, strict=True):
        same(one, other)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.datetimes(dt.datetime(1678, 1, 1), dt.datetime(2262, 1, 1)), min_size=1, max_size=20),  # noqa: DTZ001
    st.sampled_from([None, dt.UTC, ZURICH, dt.timezone(-dt.timedelta(hours=3, minutes=30, seconds=7))]),
    st.integers(0, 999),
)
def test_columns_of_times_are_exact(moments: list[dt.datetime], zone: dt.tzinfo | None, nanoseconds: int) -> None:
    epoch = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    zoned = [moment.replace(tzinfo=zone) for moment in moments]
    since = [(moment if zone else moment.replace(tzinfo=dt.UTC)) - epoch for moment in zoned]
    exact = [(delta.days * 86_400 + delta.seconds) * 10**9 + delta.microseconds * 1000 for delta in since]
    texts = [f"{moment:%Y-%m-%dT%H:%M:%S.%f}{nanoseconds:03}" for moment in moments]
    naive = [moment.replace(tzinfo=dt.UTC) - epoch for moment in moments]
    of_text = [
        (delta.days * 86_400 + delta.seconds) * 10**9 + delta.microseconds * 1000 + nanoseconds for delta in naive
    ]
    for times, expected in ((zoned, exact), (texts, of_text)):
        (batch,), _ = mapped([[Point("m").field("v", 1.0).time(time) for time in times]])
        assert batch.frame["time"].to_list() == expected


def test_usual_points_are_not_read_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any) -> None:
        raise AssertionError("read one by one")

    for module, name in (
        (careful, "typed"), (careful, "time_ns"), (content_columns, "typed"), (content_times, "time_ns"),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, never)
    point = Point("m").tag("a", "x").field("f", 1.5).field("i", 5).field("s", "x").field("b", True).field("n", None)  # noqa: FBT003
    for time in (1, "2020-01-01 00:00:00.5", dt.datetime(2020, 1, 1, tzinfo=dt.UTC)):
        (batch,), _ = mapped([[point.time(time), Point("m").field("f", 0.1).field("d", Decimal("0.1")).time(time)]])
        assert [(found["f"], found.get("d")) for found in points(batch)] == [(1.5, None), (0.1, 0.1)]


def test_a_function_may_give_the_same_point_again_and_again() -> None:
    point = Point("m").time(1)

    def function(row: dict[str, str]) -> Point:
        return point.field("v", float(row["v"])).tag("t", row["v"])

    mapper = row_mapper(function)
    batch = mapper(table("v\n1\n2\n3\n", mapper))
    assert [(found["t"], found["v"]) for found in points(batch)] == [("1", 1.0), ("2", 2.0), ("3", 3.0)]


@pytest.mark.parametrize("odd", [float("nan"), "x", 2**63, b"x"])
def test_one_odd_row_of_many_is_at_fault_alone_and_decides_nothing(odd: Any) -> None:
    def block(first: Any) -> list[Any]:
        return [Point("m").field("v", value).time(1) for value in (first, 1.5, 2.5)]

    (begun, later), mapper = mapped([block(float("inf")), block(odd)])
    for batch in (begun, later):
        assert [(found["record"], found["v"]) for found in points(batch)] == [(1, 1.5), (2, 2.5)]
        assert [fault.record for fault in batch.faults] == [0]
    assert mapper.decided == (("m", "v", "float"),)


def test_whole_numbers_go_into_a_field_of_floats_if_a_float_can_hold_them() -> None:
    begun, whole, great = (
        [Point("m").field("v", value).time(1) for value in of] for of in ([0.5], [5, 7], [5, 2**53 + 1])
    )
    (_, as_floats, not_all), _ = mapped([begun, whole, great])
    assert [found["v"] for found in points(as_floats)] == [5.0, 7.0]
    assert as_floats.fields[0].type == "float"
    assert [found["v"] for found in points(not_all)] == [5.0]
    assert [fault.message for fault in not_all.faults] == [f"{2**53 + 1} is of type integer, but 'v' began as float"]


def test_the_first_value_decides_also_where_points_say_different_things_of_their_integers() -> None:
    block = [Point("m").field("v", value).time(1) for value in (1, 2, 3)]
    block[0]._field_types["v"] = "u"
    (first, _), mapper = mapped([[*block, Point("n").field("w", 1).time(1)], block[1:]])
    assert [found.get("v") for found in points(first)] == [1, 2, 3, None]
    assert mapper.decided == (("m", "v", "unsigned"), ("n", "w", "integer"))
    (other,), mapper = mapped([block[1:] + block[:1]])
    assert [found["v"] for found in points(other)] == [2, 3, 1]
    assert mapper.decided == (("m", "v", "integer"),)


def test_keys_that_are_no_text_are_taken_as_text() -> None:
    (batch,), _ = mapped([[Point("m").tag(1, "x").field(2, 0.5).field("3", 5).time(1)]])
    assert points(batch) == [{"record": 0, "measurement": "m", "time": 1, "1": "x", "2": 0.5, "3": 5}]


class Key(str, Enum):  # noqa: UP042 - a StrEnum's texts are its values
    """Its members are equal to their values, but their texts are not."""

    TEMP = "temp"


@pytest.mark.parametrize(
    "keys",
    [("temp", Key.TEMP), (1, True), (0.0, -0.0), ((1,), (True,)), (Decimal("1.0"), Decimal("1.00"))],
    ids=lambda keys: str([*map(str, keys)]),
)
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("add", ["tag", "field"])
def test_keys_that_are_equal_but_whose_texts_differ_are_told_apart(
    keys: tuple[Any, Any], add: str, *, turned: bool
) -> None:
    order = [*reversed(keys)] if turned else [*keys]
    blocks = [order, order * 2, order[::-1], order[:1], order[1:]]
    batches, _ = mapped([[getattr(Point("m").field("v", 0.5), add)(key, "x").time(1) for key in of] for of in blocks])
    usual = {"record", "measurement", "time", "v"}
    found = [[*(point.keys() - usual)] for batch in batches for point in points(batch)]
    assert found == [[str(key)] for of in blocks for key in of]


def test_columns_stand_in_the_order_in_which_values_come() -> None:
    block = [Point("m").tag("x", None).tag("y", "1").field("a", None).field("b", 1.0).field("c", 2.0).time(1)]
    block.append(Point("m").tag("x", "1").field("c", 2.0).field("a", 1.0).time(2))
    (batch,), _ = mapped([block])
    assert [tag.key for tag in batch.tags] == ["y", "x"]
    assert [field.key for field in batch.fields] == ["b", "c", "a"]


Named = Callable[[int], str]


@pytest.mark.parametrize("name", [str, lambda number: f"f{number % 7}"], ids=["each of its own", "seven"])
def test_points_of_many_shapes_and_measurements_are_told_apart(name: Named) -> None:
    block = [Point(name(number)).field(name(number), number).field("v", 0.5).time(number) for number in range(200)]
    (batch,), _ = mapped([block])
    found = points(batch)
    assert [(point["measurement"], point[name(point["time"])], point["v"]) for point in found] == [
        (name(number), number, 0.5) for number in range(200)
    ]
    assert [point["time"] for point in found] == list(range(200))
