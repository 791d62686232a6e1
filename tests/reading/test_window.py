from __future__ import annotations

import pytest

from importer.errors import ConfigurationError
from importer.limits import MAX_TIME_NS, MIN_TIME_NS
from importer.reading.window import ALL_OF_TIME, TimeRange, parse_moment, parse_window, time_range

DAY = 86_400 * 10**9
NOW = 1_700_000_000 * 10**9 + 7


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("15m", 900), ("12h", 43_200), ("30d", 2_592_000), ("2w", 1_209_600)]
)
def test_a_window_is_a_length_and_a_unit(text: str, seconds: int) -> None:
    assert parse_window(text).ns == seconds * 10**9
    assert str(parse_window(text)) == text


@pytest.mark.parametrize("text", ["", "30", "d", "0d", "-3d", "1.5h", "30 d", "30x", "30D", "1h30m", "٣d", "1e3s"])
def test_a_bad_window_gets_an_error_that_shows_the_grammar(text: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        parse_window(text)
    assert f"window {text!r} is not understood" in str(error.value)
    assert "a whole number above 0, then s (seconds), m (minutes), h (hours), d (days) or w (weeks)" in str(error.value)
    assert "such as 30s, 15m, 12h, 30d or 2w" in str(error.value)


def test_a_window_longer_than_all_of_time_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="longer than all of time"):
        parse_window("31000w")


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("1970-01-02", DAY),
        ("1970-01-02T00:00:00Z", DAY),
        ("1970-01-02t00:00z", DAY),
        ("1970-01-02 01:00:00+01:00", DAY),
        ("1969-12-31T23:59:59.999999999Z", -1),
        ("1970-01-01T00:00:00.000000123Z", 123),
        ("1970-01-01T00:00:00.5Z", 500_000_000),
        ("2262-04-11T23:47:16.854775806Z", MAX_TIME_NS),
        ("1677-09-21T00:12:43.145224194Z", MIN_TIME_NS),
        ("now", NOW),
        ("-30d", NOW - 30 * DAY),
    ],
)
def test_a_moment_is_read_to_the_nanosecond(text: str, ns: int) -> None:
    assert parse_moment(text, now_ns=NOW) == ns


@pytest.mark.parametrize(
    "text", ["", "yesterday", "30d", "--30d", "2024-13-01", "2024-02-30", "2024-05-01T12:00:00", "1600000000"]
)
def test_a_bad_moment_gets_an_error_that_shows_what_is_understood(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"start .* is not understood: .*2024-05-01T12:00:00Z.*-30d.* or now"):
        parse_moment(text, name="start")


@pytest.mark.parametrize("text", ["1677-09-21", "2262-04-12", "9999-01-01", "0001-01-01"])
def test_a_moment_that_the_server_cannot_store_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="InfluxDB keeps times from 1677-09-21 to 2262-04-11"):
        parse_moment(text)


def test_a_window_ends_at_the_stop_or_now() -> None:
    assert time_range("30d", now_ns=NOW) == TimeRange(NOW - 30 * DAY, NOW)
    assert time_range("1d", stop="1970-01-03", now_ns=NOW) == TimeRange(DAY, 2 * DAY)


def test_without_any_bound_a_range_is_all_that_can_be_stored_and_one_bound_leaves_the_other_open() -> None:
    assert time_range() == ALL_OF_TIME == TimeRange(MIN_TIME_NS, MAX_TIME_NS + 1)
    assert time_range(start="1970-01-02") == TimeRange(DAY, MAX_TIME_NS + 1)
    assert time_range(stop="1970-01-02") == TimeRange(MIN_TIME_NS, DAY)


def test_bounds_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="either a window or a start"):
        time_range("1d", start="2024-01-01")
    for stop in ("2024-01-01", "2023-12-31"):
        with pytest.raises(ConfigurationError, match="the start must come before the stop"):
            time_range(start="2024-01-01", stop=stop)
