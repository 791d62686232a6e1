from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.bucket.shards import DAY, HOUR, fitting_duration, format_duration, parse_duration
from importer.errors import ConfigurationError

SPANS = st.integers(0, 584 * 365 * DAY)


@given(SPANS, st.none() | st.integers(HOUR, 10_000 * DAY))
def test_the_fitting_duration_makes_few_groups_and_never_exceeds_the_retention(
    span_seconds: int, retention_seconds: int | None
) -> None:
    duration = fitting_duration(span_seconds, retention_seconds)
    stored = min(span_seconds, retention_seconds) if retention_seconds else span_seconds
    assert duration >= HOUR
    assert math.ceil(stored / duration) <= 30
    assert retention_seconds is None or duration <= retention_seconds


@given(st.integers(30 * HOUR, 300 * 365 * DAY))
def test_the_fitting_duration_still_makes_some_groups(span_seconds: int) -> None:
    assert math.ceil(span_seconds / fitting_duration(span_seconds)) >= 6


def test_six_years_get_groups_of_ninety_days() -> None:
    assert fitting_duration(6 * 365 * DAY) == 90 * DAY


def test_no_time_span_at_all_gets_the_shortest_groups() -> None:
    assert fitting_duration(0) == HOUR


def test_a_retention_below_an_hour_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="at least 1h"):
        fitting_duration(DAY, 60)


@given(st.integers(0, 2**40))
def test_a_formatted_duration_is_parsed_as_the_same_seconds(seconds: int) -> None:
    assert parse_duration(format_duration(seconds)) == seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90d", 90 * DAY), ("1w", 7 * DAY), ("12h30m", 45_000), (" 1D ", DAY), ("5s", 5), ("0", 0), ("inf", 0)],
)
def test_a_duration_is_read_as_people_write_it(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "90", "d", "1y", "-1d", "1.5h", "1d x", "٣d", "infinite", "1h,1m"])
def test_what_is_no_duration_is_refused_with_the_grammar(text: str) -> None:
    with pytest.raises(ConfigurationError, match="units w, d, h, m, s"):
        parse_duration(text)
