from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from importer.timeseries.lines import EncodedPoints, LineWriter
from importer.timeseries.points import MOST_POINTS, BadPointsError, PointFault, batch_schema, parsed

GOOD = {"metric": "temperature", "timestamp": "2024-05-01T12:00:00Z", "value": 21.5, "tags": {"room": "hall"}}


def encoded(*points: Any, **more: Any) -> EncodedPoints:
    return encoded_text(json.dumps({"points": points, **more}))


def encoded_text(text: str) -> EncodedPoints:
    return LineWriter()(parsed(text.encode()))


def faults_of(*points: Any, **more: Any) -> list[PointFault]:
    with pytest.raises(BadPointsError) as error:
        encoded(*points, **more)
    return list(error.value.faults)


def test_numbers_are_one_field_and_texts_another_of_the_measurement_that_the_metric_names() -> None:
    points = encoded(GOOD, GOOD | {"value": 'say "hi"\\', "tags": {}}, GOOD | {"value": 7})
    assert points.lines == [
        "temperature,room=hall value=21.5 1714564800000000000",
        'temperature text="say \\"hi\\"\\\\" 1714564800000000000',
        "temperature,room=hall value=7 1714564800000000000",
    ]
    assert (points.numeric, points.textual) == ({"temperature"}, {"temperature"})


@pytest.mark.parametrize(("precision", "factor"), [("s", 10**9), ("ms", 10**6), ("us", 1000), ("ns", 1)])
def test_whole_numbers_are_times_in_the_precision_of_the_batch(precision: str, factor: int) -> None:
    assert encoded(GOOD | {"timestamp": 17}, GOOD, precision=precision).times == [17 * factor, 1714564800 * 10**9]


def test_whole_numbers_without_a_precision_are_refused_and_not_guessed() -> None:
    (fault,) = faults_of(GOOD, GOOD | {"timestamp": 1714564800000})
    assert (fault.index, fault.where) == (1, "timestamp")
    assert "precision" in fault.reason


BAD: dict[str, tuple[Any, str]] = {
    "value missing": ({"metric": "m", "timestamp": GOOD["timestamp"]}, "value"),
    "true": (GOOD | {"value": True}, "value"),
    "null": (GOOD | {"value": None}, "value"),
    "2^53 and one": (GOOD | {"value": 2**53 + 1}, "value"),
    "minus 2^53 less one": (GOOD | {"value": -(2**53) - 1}, "value"),
    "10^400": (GOOD | {"value": 10**400}, "value"),
    "NaN": (GOOD | {"value": float("nan")}, "value"),
    "infinity": (GOOD | {"value": float("-inf")}, "value"),
    "empty text": (GOOD | {"value": ""}, "value"),
    "long text": (GOOD | {"value": "ü" * (1 << 20)}, "value"),
    "float time": (GOOD | {"timestamp": 17.5}, "timestamp"),
    "true time": (GOOD | {"timestamp": True}, "timestamp"),
    "no zone": (GOOD | {"timestamp": "2024-05-01T12:00:00"}, "timestamp"),
    "too late": (GOOD | {"timestamp": "2262-04-11T23:47:16.854775807Z"}, "timestamp"),
    "far too late": (GOOD | {"timestamp": 10**400}, "timestamp"),
    "empty metric": (GOOD | {"metric": ""}, "metric"),
    "comment": (GOOD | {"metric": "#m"}, "metric"),
    "line break": (GOOD | {"metric": "a\nb"}, "metric"),
    "number as metric": (GOOD | {"metric": 5}, "metric"),
    "tag of a number": (GOOD | {"tags": {"n": 5}}, "tags.n"),
    "empty tag": (GOOD | {"tags": {"room": ""}}, "tags.room"),
    "tag ends in backslash": (GOOD | {"tags": {"room": "a\\"}}, "tags.room"),
    "tag with line break": (GOOD | {"tags": {"room": "a\r"}}, "tags.room"),
    "reserved": (GOOD | {"tags": {"_field": "a"}}, "tags._field"),
    "named as the values": (GOOD | {"tags": {"value": "a"}}, "tags.value"),
    "list of tags": (GOOD | {"tags": []}, "tags"),
    "long tag": (GOOD | {"tags": {"room": "a" * 65_536}}, "tags"),
    "backslashes": (GOOD | {"tags": {"a": "b\\ c", "d": "e\\,f"}}, "tags"),
    "more": (GOOD | {"colour": "red"}, "colour"),
    "no object": ([], "point"),
}


def test_every_bad_point_is_named_by_its_place_and_part() -> None:
    points = [part for each, _ in BAD.values() for part in (GOOD, each)]
    found = [(fault.index, fault.where) for fault in faults_of(*points, precision="ms")]
    assert found == [(2 * number + 1, where) for number, (_, where) in enumerate(BAD.values())]


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_with_a_point_is_said_without_repeating_it(name: str) -> None:
    (fault,) = faults_of(BAD[name][0], precision="ms")
    assert fault.reason
    assert len(fault.reason) < 200


@pytest.mark.parametrize("value", [2**53, -(2**53), 5e-324, 1.7976931348623157e308, -0.0, 1e22, 0.1])
def test_numbers_at_the_borders_are_written_so_that_they_read_the_same(value: float) -> None:
    (line,) = encoded(GOOD | {"value": value}).lines
    assert float(line.split(" ")[1].removeprefix("value=")).hex() == float(value).hex()


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", "body"),
        ("{", "body"),
        ('{"points": [{"metric": "\\ud800"}]}', "body"),
        ("[]", "body"),
        ("{}", "points"),
        ('{"points": []}', "points"),
        ('{"points": {}}', "points"),
        ('{"points": [], "more": 1}', "points"),
        (json.dumps({"points": [GOOD], "precision": "hours"}), "precision"),
        (json.dumps({"points": [GOOD], "more": 1}), "more"),
        (json.dumps({"points": [GOOD] * (MOST_POINTS + 1)}), "points"),
    ],
)
def test_what_is_no_batch_is_refused_as_a_whole(text: str, where: str) -> None:
    with pytest.raises(BadPointsError) as error:
        encoded_text(text)
    assert (error.value.faults[0].index, error.value.faults[0].where) == (None, where)


def test_tags_are_sorted_so_that_their_order_makes_no_other_series() -> None:
    points = encoded(GOOD | {"tags": {"b": "1", "a": "2"}}, GOOD | {"tags": {"a": "2", "b": "1"}})
    assert points.keys == ["temperature,a=2,b=1"] * 2


def test_the_schema_that_is_documented_fits_what_is_taken() -> None:
    schema = batch_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate({"points": [GOOD, GOOD | {"value": "on"}], "precision": "ms"}, schema)
    for name in ("value missing", "true", "null", "empty text", "empty metric", "tag of a number", "more"):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({"points": [BAD[name][0]]}, schema)
