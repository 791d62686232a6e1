from __future__ import annotations

import datetime as dt
import zoneinfo
from decimal import Decimal
from fractions import Fraction
from typing import Any

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from importer.limits import MAX_TIME_NS, MIN_TIME_NS
from importer.mapping.parts import TimeSpec
from importer.mapping.timestamps import parse_times

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
SECONDS = st.integers(MIN_TIME_NS // 10**9 + 1, MAX_TIME_NS // 10**9 - 1)
FRACTIONS = st.text("0123456789", min_size=1, max_size=9)
ZONES = (
    "Europe/Zurich", "America/New_York", "America/Sao_Paulo", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe",
    "Africa/Casablanca", "Pacific/Apia", "Europe/Dublin", "Etc/GMT+5",
)  # fmt: skip


def parsed(texts: list[str | None], precision: Any = "ns", **spec: Any) -> list[int | str | None]:
    """For each text its nanoseconds, or the word of its fault."""
    times = parse_times(pl.Series(texts, dtype=pl.String), TimeSpec(column="t", **spec), precision)
    found: list[int | str | None] = times.ns.to_list()
    taken = [False] * len(texts)
    for mask, word, _ in times.errors:
        for row in mask.arg_true():
            assert not taken[row]
            taken[row] = True
            found[row] = word
    return found


def message_of(text: str, **spec: Any) -> str:
    ((_, _, message),) = parse_times(pl.Series([text]), TimeSpec(column="t", **spec)).errors
    return message


def _moment(seconds: int) -> dt.datetime:
    return EPOCH + dt.timedelta(seconds=seconds)


def _nanoseconds(digits: str) -> int:
    return int(digits.ljust(9, "0"))


@pytest.mark.parametrize(
    ("form", "pattern"),
    [
        ("%Y-%m-%d %H:%M:%S%.f", "{:%Y-%m-%d %H:%M:%S}.{}"),
        ("%H:%M:%S%.f %d/%m/%Y", "{:%H:%M:%S}.{} {:%d/%m/%Y}"),
        ("%d.%m.%Y %T%.f", "{:%d.%m.%Y %H:%M:%S}.{}"),
        ("%FT%T%.fZ", "{:%Y-%m-%dT%H:%M:%S}.{}Z"),
        ("[%Y %j] %I:%M:%S%.f %p", "[{:%Y %j}] {:%I:%M:%S}.{} {:%p}"),
        ("%d %b %Y, %l:%M:%S %p%.f", "{:%d %b %Y, %I:%M:%S %p}.{}"),
        ("rfc3339", "{:%Y-%m-%dT%H:%M:%S}.{}Z"),
        ("rfc3339", "{:%Y-%m-%d %H:%M:%S}.{}+00:00"),
    ],
)
@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(SECONDS, FRACTIONS), min_size=1, max_size=20))
def test_a_date_with_a_fraction_anywhere_is_exact_to_the_nanosecond(
    form: str, pattern: str, times: list[tuple[int, str]]
) -> None:
    def written(moment: dt.datetime, digits: str) -> str:
        parts = pattern.split(".{}")
        head = parts[0].format(*[moment] * 3)
        return f"{head}.{digits}" + parts[1].format(*[moment] * 3)

    texts: list[str | None] = [written(_moment(seconds), digits) for seconds, digits in times]
    assert parsed(texts, format=form) == [seconds * 10**9 + _nanoseconds(digits) for seconds, digits in times]


@pytest.mark.parametrize(
    ("form", "shape"),
    [("%z", "{}{:02}{:02}"), ("%z", "{}{:02}:{:02}"), ("%:z", "{}{:02}:{:02}"), ("%#z", "{}{:02}"),
     ("%#z", "{}{:02}:{:02}"), ("rfc3339", "{}{:02}:{:02}")],
)  # fmt: skip
@settings(max_examples=40, deadline=None)
@given(SECONDS, FRACTIONS, st.integers(-1380, 1439))
def test_an_offset_is_subtracted(form: str, shape: str, seconds: int, digits: str, minutes: int) -> None:
    if shape.count("{") == 2:
        minutes -= minutes % 60
    offset = shape.format("-" if minutes < 0 else "+", *divmod(abs(minutes), 60))
    text = f"{_moment(seconds):%Y-%m-%dT%H:%M:%S}.{digits}{offset}"
    expected = (seconds - minutes * 60) * 10**9 + _nanoseconds(digits)
    if MIN_TIME_NS <= expected <= MAX_TIME_NS:
        assert parsed([text], format=form if form == "rfc3339" else f"%Y-%m-%dT%H:%M:%S%.f{form}") == [expected]


UNITS = {"unix_s": 9, "unix_ms": 6, "unix_us": 3, "unix_ns": 0}


@st.composite
def _numbers(draw: st.DrawFn) -> str:
    whole, fraction = draw(st.text("0123456789", max_size=20)), draw(st.text("0123456789", max_size=14))
    text = draw(st.sampled_from(["", "+", "-"])) + (whole or "0") + ("." + fraction if draw(st.booleans()) else "")
    exponent = draw(st.none() | st.integers(-25, 25))
    return text if exponent is None else f"{text}{draw(st.sampled_from('eE'))}{exponent}"


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(sorted(UNITS)), st.lists(_numbers(), min_size=1, max_size=20))
@example("unix_s", ["1.5945120943859746E9", "-0", "0e20", "000001", "1e-9", "1e-10", "9223372036.854775807"])
def test_a_number_of_time_units_is_exact_or_a_fault(unit: str, texts: list[str]) -> None:
    expected: list[int | str] = []
    for text in texts:
        exact = Fraction(Decimal(text)) * 10 ** UNITS[unit]
        if not MIN_TIME_NS <= exact <= MAX_TIME_NS:
            expected.append("outside")
        else:
            expected.append("precision" if exact.denominator > 1 else int(exact))
    found = parsed(list(texts), format=unit)
    for text, value, wanted in zip(texts, found, expected, strict=True):
        assert value == wanted or (wanted == "outside" and value in {"time_range", "precision"}), text


def test_a_number_with_an_exponent_is_the_nanosecond_that_the_text_says() -> None:
    assert parsed(["1.5945120943859746E9"], format="unix_s") == [1594512094385974600]


@pytest.mark.parametrize(
    "text", ["", ".", "e5", "1e", "0x10", "1_000", "NaN", "inf", "--1", "1 2", "\u0663", "1,5", "1e99999"]
)
def test_what_is_no_decimal_number_is_a_fault(text: str) -> None:
    assert parsed([text or " "], format="unix_s") == ["time_format"]


@pytest.mark.parametrize(
    ("form", "first", "last", "before", "behind"),
    [
        ("unix_ns", f"{MIN_TIME_NS}", f"{MAX_TIME_NS}", f"{MIN_TIME_NS - 1}", f"{MAX_TIME_NS + 1}"),
        ("unix_s", "-9223372036.854775806", "9223372036.854775806", "-9223372036.854775807", "9223372036.854775807"),
        ("rfc3339", "1677-09-21T00:12:43.145224194Z", "2262-04-11T23:47:16.854775806Z",
         "1677-09-21T00:12:43.145224193Z", "2262-04-11T23:47:16.854775807Z"),
        ("%Y-%m-%d %H:%M:%S%.f", "1677-09-21 00:12:43.145224194", "2262-04-11 23:47:16.854775806",
         "1677-09-21 00:12:43.145224193", "2262-04-11 23:47:16.854775807"),
        ("%Y-%m-%d", "1677-09-22", "2262-04-11", "1677-09-21", "2262-04-12"),
    ],
)  # fmt: skip
def test_the_first_and_last_time_that_influxdb_takes_are_kept_and_their_neighbours_are_faults(
    form: str, first: str, last: str, before: str, behind: str
) -> None:
    low, high, *rest = parsed([first, last, before, behind], format=form)
    assert rest == ["time_range", "time_range"]
    assert form == "%Y-%m-%d" or (low, high) == (MIN_TIME_NS, MAX_TIME_NS)
    assert isinstance(low, int)
    assert isinstance(high, int)


@pytest.mark.parametrize("year", ["0001", "1066", "1600", "2300", "9999"])
def test_years_that_would_wrap_around_are_faults(year: str) -> None:
    assert parsed([f"{year}-01-01T00:00:00Z"]) == ["time_range"]
    assert parsed([f"{year}-01-01"], format="%Y-%m-%d") == ["time_range"]


def test_second_60_is_a_fault_and_a_60_elsewhere_is_not() -> None:
    texts = ["1998-12-31 23:59:60", "1998-12-31 23:59:60.5", "1960-01-01 00:00:00", "1999-01-01 00:00:00.60"]
    form = "%Y-%m-%d %H:%M:%S%.f"
    assert parsed(texts, format=form)[:2] == ["time_format"] * 2  # type: ignore[arg-type]
    assert parsed(texts, format=form)[2:] == [-315619200 * 10**9, 915148800_600000000]  # type: ignore[arg-type]
    assert parsed(["23:59:60 31/12/1998", "00:00:00 01/01/1960"], format="%T %d/%m/%Y") == [
        "time_format",
        -315619200 * 10**9,
    ]
    assert parsed(["1998-12-31T23:59:60Z"]) == ["time_format"]
    assert "leap second" in message_of("1998-12-31T23:59:60Z")


@pytest.mark.parametrize("form", ["%Y-%m-%d %H:%M:%S%.f", "%H:%M:%S%.f %Y-%m-%d", "rfc3339"])
def test_digits_below_a_nanosecond_are_faults_unless_they_are_zero(form: str) -> None:
    shape = {"rfc3339": "2020-01-01T00:00:00.{}Z", "%H:%M:%S%.f %Y-%m-%d": "00:00:00.{} 2020-01-01"}.get(
        form, "2020-01-01 00:00:00.{}"
    )
    texts: list[str | None] = [
        shape.format(digits) for digits in ("1234567891", "12345678900", "0000000000001", "123456789")
    ]
    whole = 1577836800 * 10**9 + 123456789
    assert parsed(texts, format=form) == ["precision", whole, "precision", whole]


@pytest.mark.parametrize(("precision", "digits"), [("s", 0), ("ms", 3), ("us", 6), ("ns", 9)])
def test_a_time_that_is_finer_than_the_precision_asked_for_is_a_fault(precision: str, digits: int) -> None:
    fine: list[str | None] = [f"0.{'0' * count}1" for count in range(9)]
    assert [word == "precision" for word in parsed(fine, precision, format="unix_s")] == [n >= digits for n in range(9)]


@pytest.mark.parametrize(
    "text",
    ["2020-02-30 00:00:00", "2020-13-01 00:00:00", "2020-01-01 24:00:00", "2020-01-01 00:60:00", "2020-01-01 00:00:61",
     "2020-01-01 00:00:00.", "2020-01-01 00:00:00.\u0663", "2020-01-01 00:00:00,5", "2020-01-01 00:00:00Z",
     "2020-01-01 00:00:00.5Z", "2020-01-01", "x", " ", "2020-01-01 00:00:00.1.2", "2020-01-01 00:00:00.-5"],
)  # fmt: skip
def test_what_does_not_fit_the_format_is_a_fault_that_names_the_format(text: str) -> None:
    form = "%Y-%m-%d %H:%M:%S%.f"
    assert parsed([text], format=form) == ["time_format"]
    assert message_of(text, format=form) == f"does not fit the format {form}"


@pytest.mark.parametrize(
    "text",
    ["2020-01-01T00:00:00", "2020-01-01T00:00Z", "2020-01-01T00:00:00+0100", "2020-01-01T00:00:00+24:00",
     "2020-01-01T00:00:00.Z", "2020-01-01T00:00:00.\u0663Z", "2020-1-1T00:00:00Z", "2020-02-30T00:00:00Z",
     "2020-01-01T00:00:00+01:60"],
)  # fmt: skip
def test_what_is_not_rfc_3339_is_a_fault(text: str) -> None:
    assert parsed([text]) == ["time_format"]


@pytest.mark.parametrize(
    ("text", "hint"),
    [("2020-01-01 00:00:00.5", "%Y-%m-%d %H:%M:%S%.f"), ("2020-01-01T00:00:00", "%Y-%m-%dT%H:%M:%S%.f"),
     ("2020-01-01", "%Y-%m-%d"), ("1577836800", "unix_s"), ("1577836800000", "unix_ms")],
)  # fmt: skip
def test_a_text_that_is_not_rfc_3339_is_answered_with_the_format_that_it_seems_to_have(text: str, hint: str) -> None:
    assert f"give the format, {hint} by the look of it" in message_of(text)
    assert isinstance(parsed([text], format=hint)[0], int)


def test_no_format_is_asked_for_where_other_times_are_of_it() -> None:
    (fault,) = parse_times(pl.Series(["n/a?", "2020-01-01T00:00:00Z"]), TimeSpec(column="t")).errors
    assert fault[2] == "not RFC 3339 (2021-03-20T00:22:00Z)"
    assert message_of("n/a?") == fault[2] + ": give the format"


def test_an_empty_cell_is_neither_a_time_nor_a_fault() -> None:
    for form in ("rfc3339", "unix_s", "%Y-%m-%d", "%Y-%m-%d %H:%M:%S%.f", "%H:%M:%S%.f %Y-%m-%d"):
        assert parsed([None], format=form) == [None]


def test_spaces_around_a_time_do_not_matter() -> None:
    assert parsed([" 1970-01-01T00:00:01Z\t"]) == parsed([" 1 "], format="unix_s") == [10**9]


def test_faults_and_times_stay_in_their_rows() -> None:
    texts = ["1970-01-01T00:00:01Z", None, "x", "1600-01-01T00:00:00Z", "1970-01-01T00:00:02.0000000001Z"]
    assert parsed(texts) == [10**9, None, "time_format", "time_range", "precision"]


def test_a_format_without_seconds_or_without_a_time_of_day_is_at_the_beginning() -> None:
    assert parsed(["20/03/2021 00:22"], format="%d/%m/%Y %H:%M") == [1616199720 * 10**9]
    assert parsed(["20/03/2021"], format="%d/%m/%Y") == [1616198400 * 10**9]


def _instants(local: dt.datetime, zone: str) -> list[int]:
    """By zoneinfo: the instants, in seconds, at which a zone's clocks show a local time."""
    found = set()
    for fold in (0, 1):
        aware = local.replace(tzinfo=zoneinfo.ZoneInfo(zone), fold=fold)
        utc = aware.astimezone(dt.UTC)
        if utc.astimezone(zoneinfo.ZoneInfo(zone)).replace(tzinfo=None) == local:
            found.add(int((utc - EPOCH).total_seconds()))
    return sorted(found)


def _around_a_gap(local: dt.datetime, zone: str) -> list[int]:
    aware = [local.replace(tzinfo=zoneinfo.ZoneInfo(zone), fold=fold) for fold in (0, 1)]
    return sorted(int((moment.astimezone(dt.UTC) - EPOCH).total_seconds()) for moment in aware)


_TRANSITIONS = {
    "Europe/Zurich": [(2021, 3, 28, 2), (2021, 10, 31, 2), (1981, 3, 29, 2)],
    "America/New_York": [(2021, 3, 14, 2), (2021, 11, 7, 1), (1974, 1, 6, 2)],
    "Australia/Lord_Howe": [(2021, 10, 3, 2), (2021, 4, 4, 1)],
    "Africa/Casablanca": [(2021, 5, 16, 2), (2021, 4, 11, 2)],
    "Europe/Dublin": [(2021, 3, 28, 1), (2021, 10, 31, 1)],
    "America/Sao_Paulo": [(2018, 11, 4, 0), (2018, 2, 17, 23)],
    "America/Chicago": [(2150, 3, 8, 2), (2150, 11, 1, 1), (2200, 3, 9, 2), (2200, 11, 2, 1)],
    "Pacific/Apia": [(2011, 12, 30, 12), (2012, 4, 1, 3)],
}
NEAR_TRANSITIONS = st.sampled_from([(zone, *hour) for zone, hours in _TRANSITIONS.items() for hour in hours]).flatmap(
    lambda where: st.tuples(
        st.just(where[0]),
        st.integers(-7200, 7200).map(lambda shift: dt.datetime(*where[1:]) + dt.timedelta(seconds=shift)),  # noqa: DTZ001
    )
)
ANYWHERE = st.tuples(
    st.sampled_from(ZONES),
    st.datetimes(dt.datetime(1971, 1, 1), dt.datetime(2262, 4, 1)).map(lambda moment: moment.replace(microsecond=0)),  # noqa: DTZ001
)


@settings(max_examples=120, deadline=None)
@given(NEAR_TRANSITIONS | ANYWHERE)
def test_local_times_are_what_the_zone_database_says_under_each_policy(where: tuple[str, dt.datetime]) -> None:
    zone, local = where
    instants = _instants(local, zone)
    for policy in ("reject", "earliest", "latest"):
        (found,) = parsed([f"{local} "], format="%Y-%m-%d %H:%M:%S", timezone=zone, ambiguous=policy)
        choices = instants or _around_a_gap(local, zone)
        if len(instants) == 1 or policy != "reject":
            assert found == choices[-1 if policy == "latest" else 0] * 10**9
        else:
            assert found == ("ambiguous_time" if instants else "nonexistent_time")


def test_skipped_times_may_have_a_policy_of_their_own() -> None:
    how = {"format": "%Y-%m-%d %H:%M:%S", "timezone": "Europe/Zurich"}
    texts: list[str | None] = ["2021-03-28 02:30:00", "2021-10-31 02:30:00", "2021-06-01 00:00:00"]
    summer = 1622498400 * 10**9
    assert parsed(texts, **how, ambiguous="latest", nonexistent="reject") == [
        "nonexistent_time",
        1635643800 * 10**9,
        summer,
    ]
    assert parsed(texts, **how, nonexistent="latest") == [1616895000 * 10**9, "ambiguous_time", summer]
    assert parsed(texts, **how, ambiguous="earliest") == [1616891400 * 10**9, 1635640200 * 10**9, summer]


def test_the_message_for_a_local_time_names_the_zone_and_the_option() -> None:
    how = {"format": "%Y-%m-%d %H:%M", "timezone": "Europe/Zurich"}
    assert message_of("2021-10-31 02:30", **how) == "occurs twice in Europe/Zurich: say which one by ambiguous"
    assert message_of("2021-03-28 02:30", **how) == "is skipped in Europe/Zurich: say what to take by nonexistent"


@pytest.mark.parametrize("zone", ["Europe/Zurich", "America/New_York", "Asia/Kolkata"])
@pytest.mark.parametrize("year", [1700, 1850, 1900, 1945, 2099, 2100, 2200])
def test_historic_and_far_dates_have_the_offset_of_their_day(zone: str, year: int) -> None:
    local = dt.datetime(year, 7, 1, 12)  # noqa: DTZ001
    (expected,) = _instants(local, zone)
    assert parsed([f"{local}.25"], format="%Y-%m-%d %H:%M:%S%.f", timezone=zone) == [expected * 10**9 + 250_000_000]


def test_an_offset_in_the_text_wins_over_the_zone() -> None:
    how = {"format": "%Y-%m-%d %H:%M:%S%z", "timezone": "Asia/Kolkata"}
    assert parsed(["1970-01-01 01:00:00+0100"], **how) == [0]
