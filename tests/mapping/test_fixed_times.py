from __future__ import annotations

import datetime as dt
from unittest import mock

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from importer.mapping import timestamps
from importer.mapping.fixed_times import decimal_times, fixed_times
from importer.mapping.parts import TimeSpec
from importer.mapping.timestamps import parse_times

TEXT_FORM = "%Y-%m-%d %H:%M:%S%.f"
DIGITS = st.text("0123456789", min_size=1, max_size=12)
MOMENTS = st.datetimes(min_value=dt.datetime(1000, 1, 1))  # noqa: DTZ001 - local times
SHAPES = {
    TEXT_FORM: "{0:%Y-%m-%d %H:%M:%S}.{1}",
    "%d/%m/%Y %R": "{0:%d/%m/%Y %H:%M}",
    "%F": "{0:%Y-%m-%d}",
    "%Y%m%dT%H%M%SZ": "{0:%Y%m%dT%H%M%S}Z",
    "%T%.f %d.%m.%Y": "{0:%H:%M:%S}.{1} {0:%d.%m.%Y}",
    "rfc3339": "{0:%Y-%m-%dT%H:%M:%S}.{1}+02:30",
}
DAMAGE = st.sampled_from(("", "", " ", "x", "60", "99", "00", "-", "٣", "\x00", "+", "."))


def _outcome(texts: list[str | None], spec: TimeSpec, *, at_once: bool) -> list[int | str | None]:
    with mock.patch.object(timestamps, "_at_once", timestamps._at_once if at_once else lambda *_: None):
        times = parse_times(pl.Series(texts, dtype=pl.String), spec)
    found: list[int | str | None] = times.ns.to_list()
    for mask, word, message in times.errors:
        for row in mask.arg_true():
            found[row] = f"{word}: {message}"
    return found


@pytest.mark.parametrize("form", sorted(SHAPES))
@given(
    st.lists(MOMENTS, min_size=1, max_size=4),
    DIGITS,
    st.tuples(st.integers(0, 30), DAMAGE),
    st.sampled_from([[], [None]]),
)
@settings(max_examples=60)
def test_times_read_as_columns_are_those_that_are_read_one_by_one(
    form: str, moments: list[dt.datetime], digits: str, damage: tuple[int, str], gap: list[None]
) -> None:
    texts = [SHAPES[form].format(moment, digits) for moment in moments]
    place, text = damage
    texts[0] = texts[0][:place] + text + texts[0][place + len(text) :]
    zone = "UTC" if form == "rfc3339" else "Europe/Zurich"
    spec = TimeSpec(column="t", format=form, timezone=zone, ambiguous="earliest")
    assert _outcome([*texts, *gap], spec, at_once=True) == _outcome([*texts, *gap], spec, at_once=False)


ENDINGS = ("", "{}", ".{}", ".{}E9", ".{}e+03", "e2", ".{}E19")


@pytest.mark.parametrize("form", ["unix_s", "unix_ms", "unix_us", "unix_ns"])
@given(st.lists(st.integers(0, 10**19).map(str), min_size=1, max_size=4), DIGITS, st.sampled_from(ENDINGS))
@settings(max_examples=60)
@example(["9"], "223372036854775806", ".{}E9")
def test_numbers_read_as_columns_are_those_that_are_read_one_by_one(
    form: str, numbers: list[str], digits: str, shape: str
) -> None:
    texts: list[str | None] = [number[: 1 if "E9" in shape else None] + shape.format(digits) for number in numbers]
    spec = TimeSpec(column="t", format=form)
    assert _outcome(texts, spec, at_once=True) == _outcome(texts, spec, at_once=False)


def test_what_people_mostly_have_is_read_as_columns() -> None:
    def is_read(texts: list[str], form: str) -> bool:
        return fixed_times(pl.Series(texts), form) is not None

    assert is_read(["2021-03-20 00:22:00.000", "1999-12-31 23:59:59.999"], TEXT_FORM)
    assert is_read(["2021-03-20 00:22:00"], TEXT_FORM)
    assert is_read(["20/03/2021 00:22"], "%d/%m/%Y %H:%M")
    assert decimal_times(pl.Series(["1594512094859", "0"]), 6) is not None
    assert decimal_times(pl.Series(["1.5945120943859746E9", "1.6E9"]), 9) is not None
    assert decimal_times(pl.Series(["1594512094.3859746"]), 9) is not None


def test_one_text_of_another_layout_is_enough_to_look_at_each() -> None:
    assert fixed_times(pl.Series(["2021-03-20 00:22:00.0", "2021-02-29 00:22:00.0"]), TEXT_FORM) is None
    assert fixed_times(pl.Series(["2021-03-20 00:22:00.0", "2021-03-20 00:22:60.0"]), TEXT_FORM) is None
    assert fixed_times(pl.Series(["2021-03-20 00:22:00.0", "2021-03-20 00:22:0.00"]), TEXT_FORM) is None
    assert fixed_times(pl.Series(["2021-03-20 00:22:00", None]), TEXT_FORM) is None
    assert decimal_times(pl.Series(["1594512094", "-1"]), 9) is None
    assert decimal_times(pl.Series(["9223372036854775807"]), 0) is None
