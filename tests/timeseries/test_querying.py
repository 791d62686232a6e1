from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pytest

from importer.errors import ConfigurationError, NotFoundError
from importer.moments import as_text
from importer.timeseries.moments import ns_of
from tests.timeseries.conftest import Kept

START = "2024-05-01T00:00:00Z"
START_NS = ns_of(START) or 0
SECOND = 10**9

ROOMS = ("attic", "hall", "kitchen")


def readings(minutes: int = 40) -> list[dict[str, Any]]:
    """A value a minute and room, those of the attic every third minute only."""
    return [
        {
            "metric": "temperature",
            "timestamp": START_NS // SECOND + 60 * minute,
            "value": 10 * place + (minute * 7) % 11 + 0.25,
            "tags": {"room": room, "floor": str(place % 2)},
        }
        for minute in range(minutes)
        for place, room in enumerate(ROOMS)
        if place or minute % 3 == 0
    ]


def as_told(each: dict[str, Any]) -> tuple[Any, ...]:
    return as_text(each["timestamp"] * SECOND), each["value"], tuple(sorted(each["tags"].items()))


@pytest.fixture
def filled(kept: Kept) -> Kept:
    kept.ingest(*readings(), precision="s")
    return kept


def test_points_come_in_the_order_of_their_times(filled: Kept) -> None:
    found = filled.points("temperature")
    assert sorted(found) == sorted(map(as_told, readings()))
    assert [time for time, *_ in found] == sorted(time for time, *_ in found)


@pytest.mark.parametrize("limit", [2, 7, 1000])
def test_pages_of_any_size_give_each_point_once(filled: Kept, limit: int) -> None:
    whole = filled.points("temperature", limit=10_000)
    assert filled.points("temperature", limit=limit) == whole


@pytest.mark.parametrize(("limit", "interval"), [(7, "1m"), (2, "7m"), (5, "7m"), (1, "1h"), (2, "1h")])
def test_pages_of_intervals_give_each_value_once(filled: Kept, limit: int, interval: str) -> None:
    asked = {"aggregation": "COUNT", "interval": interval}
    whole = filled.points("temperature", limit=10_000, **asked)
    assert filled.points("temperature", limit=limit, **asked) == whole
    assert sum(value for _, value, _ in whole) == len(readings())


def test_pages_of_totals_give_each_series_once(filled: Kept) -> None:
    asked = {"aggregation": "SUM", "limit": 2}
    first = filled.page("temperature", **asked)
    second = filled.page("temperature", cursor=first["next"], **asked)
    assert [each["tags"]["room"] for each in first["points"] + second["points"]] == ["attic", "kitchen", "hall"]
    assert second["next"] is None


def test_a_page_that_is_just_full_is_the_last_one(filled: Kept) -> None:
    number = len(readings())
    assert filled.page("temperature", limit=number)["next"] is None
    assert filled.page("temperature", limit=number - 1)["next"] is not None


COMPUTED: dict[str, Callable[[list[float]], float | None]] = {
    "AVG": statistics.fmean,
    "SUM": sum,
    "MIN": min,
    "MAX": max,
    "COUNT": len,
    "FIRST": lambda values: values[0],
    "LAST": lambda values: values[-1],
    "MEDIAN": statistics.median,
    "STDDEV": lambda values: statistics.stdev(values) if len(values) > 1 else None,
}


@pytest.mark.parametrize("minutes", [5, 60])
def test_aggregations_by_intervals_are_those_of_the_values_in_them(filled: Kept, minutes: int) -> None:
    values = defaultdict(list)
    for each in readings():
        begins = each["timestamp"] // (60 * minutes) * 60 * minutes
        values[as_text(begins * SECOND), tuple(sorted(each["tags"].items()))].append(each["value"])
    for aggregation, compute in COMPUTED.items():
        expected = {key: compute(each) for key, each in values.items()}
        found = filled.points("temperature", aggregation=aggregation, interval=f"{minutes}m")
        assert {(time, tags): value for time, value, tags in found} == {
            key: pytest.approx(value) for key, value in expected.items() if value is not None
        }, aggregation


def test_aggregations_without_an_interval_give_one_value_for_each_series(filled: Kept) -> None:
    values = defaultdict(list)
    for each in readings():
        values[tuple(sorted(each["tags"].items()))].append(each["value"])
    for aggregation, compute in COMPUTED.items():
        found = filled.points("temperature", aggregation=aggregation)
        expected = {tags: pytest.approx(compute(each)) for tags, each in values.items()}
        assert {tags: value for _, value, tags in found} == expected, aggregation


def test_first_and_last_and_extremes_come_with_their_own_times_and_the_others_with_the_start(filled: Kept) -> None:
    hall = {"tags": {"room": "hall"}}
    assert filled.points("temperature", aggregation="LAST", **hall)[0][0] == "2024-05-01T00:39:00Z"
    assert filled.points("temperature", aggregation="MAX", **hall)[0][0] == "2024-05-01T00:03:00Z"
    assert filled.points("temperature", aggregation="AVG", **hall)[0][0] is None
    assert filled.points("temperature", aggregation="AVG", start=START, **hall)[0][0] == START


def test_the_start_is_included_and_the_stop_is_not(filled: Kept) -> None:
    found = filled.points("temperature", start="2024-05-01T00:03:00Z", stop="2024-05-01T00:04:00Z")
    assert {time for time, *_ in found} == {"2024-05-01T00:03:00Z"}
    assert len(found) == 3


def test_an_interval_that_the_start_cuts_has_only_what_lies_behind_it(filled: Kept) -> None:
    asked = {"aggregation": "COUNT", "interval": "5m", "tags": {"room": "hall"}}
    found = filled.points("temperature", start="2024-05-01T00:03:00Z", stop="2024-05-01T00:12:00Z", **asked)
    assert [(time[11:16], value) for time, value, _ in found] == [("00:00", 2), ("00:05", 5), ("00:10", 2)]


CHOSEN: list[tuple[dict[str, Any], set[str]]] = [
    ({"room": "hall"}, {"hall"}),
    ({"room": ["hall", "attic"]}, {"hall", "attic"}),
    ({"room": ["hall", "attic"], "floor": "0"}, {"attic"}),
    ({"floor": "0"}, {"attic", "kitchen"}),
    ({"room": "cellar"}, set()),
    ({"colour": "red"}, set()),
    ({"colour": ""}, set(ROOMS)),
    ({"room": "hall' OR ''='"}, set()),
    ({"room": "$tag0_0"}, set()),
    ({'room" OR "floor': "0"}, set()),
]


def test_tags_choose_series_and_are_never_part_of_the_question(filled: Kept) -> None:
    for tags, rooms in CHOSEN:
        assert {dict(each)["room"] for *_, each in filled.points("temperature", tags=tags)} == rooms, tags
        counted = filled.points("temperature", tags=tags, aggregation="COUNT")
        assert {dict(each)["room"] for *_, each in counted} == rooms, tags


@pytest.fixture
def mixed(kept: Kept) -> Kept:
    """A metric of numbers and texts: both at one instant, too."""
    values: list[tuple[int, float | str]] = [(0, "on"), (0, 1), (60, 2), (61, "off"), (62, "on"), (200, 5)]
    kept.ingest(*({"metric": "m", "timestamp": at, "value": value} for at, value in values), precision="s")
    return kept


def test_a_metric_of_numbers_and_texts_gives_both(mixed: Kept) -> None:
    assert [value for _, value, _ in mixed.points("m")] == [1, "on", 2, "off", "on", 5]
    for limit in (1, 2, 4):
        assert mixed.points("m", limit=limit) == mixed.points("m")


def test_counts_add_numbers_and_texts_up_and_other_aggregations_take_them_apart(mixed: Kept) -> None:
    def values(**asked: Any) -> list[Any]:
        for limit in (1, 2):
            assert mixed.points("m", limit=limit, **asked) == mixed.points("m", **asked)
        return [value for _, value, _ in mixed.points("m", **asked)]

    assert values(aggregation="COUNT") == [6]
    assert values(aggregation="COUNT", interval="1m") == [2, 3, 1]
    assert values(aggregation="LAST") == [5, "on"]
    assert values(aggregation="FIRST", interval="1m") == [1, "on", 2, "off", 5]
    assert values(aggregation="SUM", interval="1m") == [1, 2, 5]


def test_the_first_and_the_last_nanosecond_that_can_be_stored_are_found(kept: Kept) -> None:
    ends = ["1677-09-21T00:12:43.145224194Z", "2262-04-11T23:47:16.854775806Z"]
    kept.ingest(*({"metric": "m", "timestamp": each, "value": 1} for each in ends))
    assert [time for time, *_ in kept.points("m")] == ends
    assert [time for time, *_ in kept.points("m", limit=1)] == ends
    (told,) = kept.metrics()
    assert (told["count"], told["first"], told["last"]) == (2, *ends)
    for interval in ("1s", "7m", "52w", "15000w"):
        for limit in (1, 1000):
            found = kept.points("m", aggregation="COUNT", interval=interval, limit=limit)
            assert [value for _, value, _ in found] == [1, 1]
            assert found[0][0] == ends[0]
            assert (ns_of(found[1][0]) or 0) <= (ns_of(ends[1]) or 0)
    assert [value for _, value, _ in kept.points("m", aggregation="SUM", interval="1h")] == [1.0, 1.0]


def test_points_far_apart_are_found_by_intervals_of_a_second(kept: Kept) -> None:
    times = ["1980-01-01T00:00:00Z", "1980-01-01T00:00:01Z", "2001-01-01T00:00:00.5Z", "2024-01-01T00:00:00Z"]
    kept.ingest(*({"metric": "m", "timestamp": each, "value": 1} for each in times))
    found = kept.points("m", aggregation="SUM", interval="1s", limit=3)
    assert [time for time, *_ in found] == [*times[:2], "2001-01-01T00:00:00Z", times[3]]


def test_texts_have_no_average(kept: Kept) -> None:
    kept.ingest({"metric": "door", "timestamp": 0, "value": "open"}, precision="s")
    with pytest.raises(ConfigurationError, match="no AVG of texts"):
        kept.page("door", aggregation="AVG")


def test_a_sum_beyond_all_floats_is_said_to_be_one(kept: Kept) -> None:
    kept.ingest(*({"metric": "m", "timestamp": at, "value": 1.7e308} for at in range(2)), precision="s")
    for interval in (None, "1h"):
        with pytest.raises(ConfigurationError, match="SUM is beyond"):
            kept.page("m", aggregation="SUM", interval=interval)
    assert [value for _, value, _ in kept.points("m", aggregation="MAX")] == [1.7e308]


def test_a_metric_that_is_not_there_is_named(filled: Kept) -> None:
    for metric in ("humidity", "#", "a\0b", 'temperature"; DROP'):
        with pytest.raises(NotFoundError, match="there is no metric"):
            filled.page(metric)


def test_a_bucket_that_was_never_written_to_has_no_metric(kept: Kept) -> None:
    with pytest.raises(NotFoundError, match="there is no bucket"):
        kept.page("temperature")
    assert kept.metrics() == []


UNASKABLE: list[tuple[dict[str, Any], str]] = [
    ({"interval": "5m"}, "goes with an aggregation"),
    ({"interval": "5", "aggregation": "AVG"}, "interval '5' is not understood"),
    ({"start": "yesterday"}, "start 'yesterday' is not understood"),
    ({"start": START, "stop": START}, "nothing lies between"),
    ({"tags": {"": "x"}}, "may not be empty"),
    ({"tags": {"a\0": "x"}}, "NUL"),
    ({"cursor": "x"}, "the cursor is none"),
    ({"cursor": "WyJ4Il0"}, "the cursor is none"),
    ({"cursor": "bnVsbA"}, "the cursor is none"),
]


def test_what_cannot_be_asked_is_refused_with_what_to_write(filled: Kept) -> None:
    for asked, said in UNASKABLE:
        with pytest.raises(ConfigurationError, match=said):
            filled.page("temperature", **asked)


def test_a_cursor_is_good_for_its_own_query_only(filled: Kept) -> None:
    cursor = filled.page("temperature", limit=5)["next"]
    assert filled.page("temperature", limit=9, cursor=cursor)["points"]
    for other in ({"start": START}, {"tags": {"room": "hall"}}, {"aggregation": "AVG"}):
        with pytest.raises(ConfigurationError, match="the cursor is none of this query"):
            filled.page("temperature", cursor=cursor, **other)


def test_whole_numbers_that_others_have_stored_are_numbers_too_and_other_fields_are_left_alone(kept: Kept) -> None:
    kept.ingest({"metric": "other", "timestamp": 0, "value": 1}, precision="s")
    kept.write("m,room=hall value=5i,flag=true 1000000000", "switch value=true 1000000000", "n more=1 1")
    assert kept.points("m") == [("1970-01-01T00:00:01Z", 5.0, (("room", "hall"),))]
    assert [each["metric"] for each in kept.metrics()] == ["m", "other"]
    with pytest.raises(NotFoundError):
        kept.page("switch")
