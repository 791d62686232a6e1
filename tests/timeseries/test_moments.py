from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.limits import MAX_TIME_NS, MIN_TIME_NS
from importer.moments import as_text
from importer.timeseries.moments import ns_of

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@given(st.integers(MIN_TIME_NS, MAX_TIME_NS))
def test_a_time_that_is_written_is_read_as_the_very_same_nanosecond(ns: int) -> None:
    assert ns_of(as_text(ns)) == ns


@given(
    st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1)),  # noqa: DTZ001 - the zone is the next one
    st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)
def test_a_time_with_an_offset_is_the_instant_that_python_takes_it_for(moment: datetime, zone: timezone) -> None:
    there = moment.replace(tzinfo=zone)
    assert ns_of(there.isoformat()) == (there - EPOCH) // timedelta(microseconds=1) * 1000


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01t00:00:00z", 0),
        ("1970-01-01 00:00:00.000000001+00:00", 1),
        ("1969-12-31T23:59:59.999999999Z", -1),
        ("1970-01-01T00:00:00.1000000000000Z", 10**8),
        ("2262-04-11T23:47:16.854775806Z", MAX_TIME_NS),
    ],
)
def test_times_are_exact_to_the_nanosecond(text: str, ns: int) -> None:
    assert ns_of(text) == ns


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2024-05-01",
        "2024-05-01T12:00:00",
        "2024-05-01T12:00Z",
        "2024-05-01T24:00:00Z",
        "2024-05-01T12:00:60Z",
        "2024-13-01T12:00:00Z",
        "2024-02-30T12:00:00Z",
        "2024-05-01T12:00:00+24:00",
        "2024-05-01T12:00:00.Z",
        "2024-05-01T12:00:00.1234567891Z",
        "0000-05-01T12:00:00Z",
        "٢٠٢٤-05-01T12:00:00Z",
        "2024-05-01T12:00:00Z\n",
        "1714564800",
    ],
)
def test_what_is_no_rfc_3339_with_an_offset_is_no_time(text: str) -> None:
    assert ns_of(text) is None
