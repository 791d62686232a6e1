"""What a measurement may say."""

from __future__ import annotations

import copy
import enum
import pickle
import threading
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from importer import Measurement, MeasurementError
from importer.mapping.careful import ReadPoint, Types
from importer.measurements import measurement as module
from importer.measurements.checking import said_by, taken


@dataclass
class Says(Measurement):
    """Says whatever a test wants."""

    says: dict[str, Any] = field(default_factory=lambda: {"v": 1.0})
    tagged: dict[str, Any] = field(default_factory=dict)
    name: str = "any"

    def tags(self) -> dict[str, Any]:
        return self.tagged

    def fields(self) -> dict[str, Any]:
        return self.says


def point(measurement: Measurement, types: Types | None = None) -> ReadPoint:
    return taken(said_by(measurement), {} if types is None else types).point


def test_a_class_without_tags_and_fields_cannot_be_made() -> None:
    class Half(Measurement):
        name = "half"

        def fields(self) -> dict[str, Any]:
            return {}

    with pytest.raises(TypeError, match="tags"):
        Half()  # type: ignore[abstract]


def test_values_keep_their_types_and_what_is_none_or_empty_is_left_out() -> None:
    class Colour(str, enum.Enum):  # noqa: UP042 - whose str() is not its value
        RED = "red"

    says = {"f": 1.5, "i": 3, "b": True, "s": "x", "d": Decimal("2.25"), "n": np.float32(0.5), "none": None, "e": ""}
    read = point(Says(says, {"id": 7, "colour": Colour.RED, "gone": None, "empty": ""}))
    assert read.measurement == "any"
    assert read.tags == {"id": "7", "colour": "red"}
    assert read.fields == {
        "f": ("float", 1.5),
        "i": ("integer", 3),
        "b": ("boolean", True),
        "s": ("string", "x"),
        "d": ("float", 2.25),
        "n": ("float", 0.5),
    }


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (Says({}), "at least one"),
        (Says({"v": None}), "at least one"),
        (Says({"v": float("nan")}), "Says: v: nan is not a finite number"),
        (Says({"v": [1]}), "v: list is no type of a field"),
        (Says({"v": 1 << 63}), "out of range"),
        (Says({"time": 1.0}), "time"),
        (Says({1: 1.0}), "the key 1"),  # type: ignore[dict-item]
        (Says([("v", 1)]), "fields\\(\\) gives list"),  # type: ignore[arg-type]
        (Says(tagged={"t": 1.5}), "the tag 't' is 1.5, of type float"),
        (Says(tagged={"t": True}), "the tag 't' is True"),
        (Says(tagged={"t": "a\nb"}), "line break"),
        (Says(tagged={"v": "x"}), "both a tag and a field"),
        (Says(tagged={"t": "x" * 70_000}), "too long"),
        (Says(name=""), "may not be empty"),
        (Says(name=None), "give the class a name"),  # type: ignore[arg-type]
        ("m v=1", "str is no Measurement"),
    ],
)
def test_what_cannot_be_written_is_refused_with_the_class_and_the_key(wrong: Any, message: str) -> None:
    with pytest.raises(MeasurementError, match=message):
        point(wrong)


def test_a_field_keeps_the_type_that_it_began_with() -> None:
    types: Types = {}
    point(Says({"v": 1}), types)
    with pytest.raises(MeasurementError, match=r"1\.5 is of type float, but 'v' began as integer"):
        point(Says({"v": 1.5}), types)
    assert point(Says({"v": 2}), {("any", "v"): "float"}).fields == {"v": ("float", 2.0)}


def test_a_class_may_fix_the_types_of_its_fields() -> None:
    class Fixed(Says):
        field_types = {"v": "float"}  # noqa: RUF012 - as a program would write it

    types: Types = {}
    assert point(Fixed({"v": 20}), types).fields == {"v": ("float", 20.0)}
    assert types == {("any", "v"): "float"}
    with pytest.raises(MeasurementError, match="is integer in this bucket, and float in field_types"):
        point(Fixed({"v": 20}), {("any", "v"): "integer"})
    with pytest.raises(MeasurementError, match="of type string"):
        point(Fixed({"v": "warm"}), {})


def test_its_time_is_when_it_was_made_not_when_it_was_written() -> None:
    before = time.time_ns()
    made = Says()
    after = time.time_ns()
    time.sleep(0.01)
    assert before <= point(made).time_ns <= after
    for each in (made, Slotted({"v": 1.0})):
        assert point(pickle.loads(pickle.dumps(each))).time_ns == point(each).time_ns  # noqa: S301 - our own


@dataclass(frozen=True, slots=True)
class Slotted(Measurement):
    values: dict[str, Any]
    name: str = "slotted"

    def tags(self) -> dict[str, Any]:
        return {}

    def fields(self) -> dict[str, Any]:
        return self.values


def test_a_copy_is_a_measurement_of_its_own_that_overwrites_none() -> None:
    dated = Timed(1_700_000_000_000_000_001)
    for made in (Says({"v": 1.0}), Slotted({"v": 1.0})):
        copies = [copy.copy(made), copy.deepcopy(made), replace(made)]
        assert len({point(each).time_ns for each in (made, *copies)}) == 4
        assert all(each == made for each in copies)
        copies[1].fields()["v"] = 2.0
        assert (made.fields(), copies[0].fields() is made.fields()) == ({"v": 1.0}, True)
    assert {point(each).time_ns for each in (dated, copy.copy(dated), copy.deepcopy(dated))} == {dated.time}
    own, slotted = Says(), Slotted({"v": 1.0})
    for each in (own, slotted):
        vars(each)["time"] = 5  # from outside
        copies = [copy.copy(each), copy.deepcopy(each), pickle.loads(pickle.dumps(each))]  # noqa: S301 - our own
        assert [point(one).time_ns for one in copies] == [5, 5, 5]
    first = Says()
    first.says["v"] = [first]
    again = copy.deepcopy(first)
    assert again.says["v"] == [again]
    assert again.says["v"][0] is again


def test_no_two_of_a_process_are_made_at_the_same_time_however_coarse_the_clock(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    coarse = module.time.time_ns() // 10**8 * 10**8 + 10**9
    monkeypatch.setattr(module.time, "time_ns", lambda: coarse)
    made: list[Measurement] = []
    threads = [threading.Thread(target=lambda: made.extend(Says() for _ in range(500))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    times = [point(each).time_ns for each in made]
    assert len(set(times)) == 2_000
    assert max(times) - coarse < 2_100


def test_a_clock_that_was_set_back_far_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = module._RisingClock()
    monkeypatch.setattr(module.time, "time_ns", lambda: 10**18)
    assert [clock.now_ns(), clock.now_ns()] == [10**18, 10**18 + 1]
    monkeypatch.setattr(module.time, "time_ns", lambda: 10**18 - 3600 * 10**9)
    assert clock.now_ns() == 10**18 - 3600 * 10**9


@dataclass(frozen=True, slots=True)
class Timed(Measurement):
    time: Any = None
    name: str = "timed"

    def tags(self) -> dict[str, Any]:
        return {}

    def fields(self) -> dict[str, Any]:
        return {"v": 1}


@pytest.mark.parametrize(
    ("given", "ns"),
    [
        (1_700_000_000_000_000_001, 1_700_000_000_000_000_001),
        (datetime(2024, 1, 1, 1, tzinfo=timezone(timedelta(hours=1))), 1_704_067_200 * 10**9),
        (datetime(2024, 1, 1, 0, 0, 0, 123_457, tzinfo=UTC), 1_704_067_200_123_457_000),
        ("2024-01-01T00:00:00.123456789Z", 1_704_067_200_123_456_789),
    ],
)
def test_a_time_of_its_own_is_kept_exactly(given: Any, ns: int) -> None:
    assert point(Timed(given)).time_ns == ns


def test_a_time_that_is_none_is_when_it_was_made() -> None:
    assert abs(point(Timed()).time_ns - time.time_ns()) < 10**10


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (datetime(2024, 1, 1), "has no zone"),  # noqa: DTZ001
        (1.5, "float is no time"),
        (1 << 63, "1677"),
        ("today", "not ISO 8601"),
    ],
)
def test_a_time_that_is_none_or_not_sure_is_refused(given: Any, message: str) -> None:
    with pytest.raises(MeasurementError, match=message):
        point(Timed(given))
