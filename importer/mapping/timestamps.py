"""Text to nanoseconds since 1970 UTC, exactly: integer arithmetic only, nothing wraps, nothing is guessed.

Goes in: a column of text and a :class:`~importer.mapping.spec.TimeSpec`. Comes out: :class:`Times`.

polars parses the date and time down to the second; the fraction is taken as text. polars lets
nanoseconds wrap around, rolls second 60 over and drops digits past the ninth, hence the checks here.
"""

from __future__ import annotations

import datetime as dt
import re
import zoneinfo
from dataclasses import dataclass
from typing import Literal

import polars as pl

from importer.choices import Precision
from importer.limits import MAX_TIME_NS, MIN_TIME_NS, OUT_OF_RANGE
from importer.mapping.fixed_times import decimal_times, fixed_times
from importer.mapping.parts import TimeSpec
from importer.mapping.time_formats import RFC3339, UNIX_DIGITS, TextFormat, text_format

__all__ = ["PRECISION_NS", "TOO_FINE", "Times", "parse_times"]

PRECISION_NS: dict[Precision, int] = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}

_RFC3339 = r"^\s*(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.([0-9]+))?([Zz]|[+-]\d\d:\d\d)\s*$"
_SHAPE = re.compile(
    r"\d{4}-\d\d-\d\d([Tt ])\d\d:\d\d:\d\d(?:\.[0-9]+)?([Zz]|([+-])([01]\d|2[0-3]):([0-5]\d))", re.ASCII
)
"""Of RFC 3339; the offset that the first text has is looked for in all of them."""
_OFFSET = r"^(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$"
_NUMBER = r"^\s*([+-]?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]{1,4}))?\s*$"
_MOST_DIGITS = 19

# The tables of polars' time zones end with 2099, and summer time with them; from 2263 on nothing can be stored.
_BEHIND_THE_TABLES = (dt.datetime(2100, 1, 1), dt.datetime(2263, 1, 1))  # noqa: DTZ001 - local times

LEAP_SECOND = "second 60 (a leap second) has no place in InfluxDB"
_FINER = "; is this number in a finer unit (unix_ms, unix_us, unix_ns)?"
TOO_FINE = "digits below a nanosecond"


@dataclass(frozen=True, slots=True)
class Times:
    """Timestamps.

    Attributes:
        ns: Int64, null where there is none.
        errors: for each kind of fault, which rows have it (Boolean), its word and its message; a row is
            in one kind at the most. An empty cell is no fault here.
    """

    ns: pl.Series
    errors: tuple[tuple[pl.Series, str, str], ...]


def parse_times(text: pl.Series, spec: TimeSpec, precision: Precision = "ns") -> Times:
    """Parse a column of text.

    Args:
        text: String; null and empty cells stay null.
        spec: format, zone and policy.
        precision: a timestamp that is finer is a fault.
    """
    errors = _Errors(text)
    ns = _at_once(text, spec, errors)
    if ns is None:
        ns = _one_by_one(text.str.strip_chars(), spec, errors)
    unit = PRECISION_NS[precision]
    if unit > 1:
        errors.add(ns % unit != 0, "precision", f"finer than the precision {precision} that was asked for")
    return Times(ns, tuple(errors.kinds))


def _at_once(text: pl.Series, spec: TimeSpec, errors: _Errors) -> pl.Series | None:
    """Times that are all written in one way and all right; None where they are not."""
    if spec.format in UNIX_DIGITS:
        return decimal_times(text, UNIX_DIGITS[spec.format])
    form, shift_us = spec.format, 0
    if spec.format == RFC3339:
        shape = _SHAPE.fullmatch(text[0] or "") if len(text) else None
        if shape is None:
            return None
        between, offset, sign, hours, minutes = shape.groups()
        form = f"%Y-%m-%d{between}%H:%M:%S%.f{offset}"
        shift_us = int(f"{sign or ''}{int(hours or 0) * 60 + int(minutes or 0)}") * 60_000_000
    found = fixed_times(text, form)
    if found is None:
        return None
    local, digits = found
    if spec.format != RFC3339 and spec.timezone != "UTC":
        local = _localized(local, spec, errors)
    return (local.cast(pl.Int64) - shift_us) * 1000 + digits  # years that are near no limit


def _one_by_one(text: pl.Series, spec: TimeSpec, errors: _Errors) -> pl.Series:
    if spec.format in UNIX_DIGITS:
        return _unix(text, UNIX_DIGITS[spec.format], errors)
    if spec.format == RFC3339:
        return _rfc3339(text, errors)
    return _by_format(text, spec, text_format(spec.format), errors)


class _Errors:
    """Collects faults; of a row's faults the first one counts."""

    def __init__(self, text: pl.Series) -> None:
        self.kinds: list[tuple[pl.Series, str, str]] = []
        self._taken = text.is_null()

    def add(self, mask: pl.Series, word: str, message: str) -> None:
        new = mask.fill_null(value=False) & ~self._taken
        if new.any():
            self.kinds.append((new, word, message))
            self._taken |= new


def _by_format(text: pl.Series, spec: TimeSpec, form: TextFormat, errors: _Errors) -> pl.Series:
    head, fraction = _split_fraction(text, form)
    local = head.str.to_datetime(form.head, time_unit="us", strict=False, ambiguous="null", cache=False)
    missing = local.is_null()
    errors.add(missing, "time_format", _misfit(text, spec, form) if missing.any() else "")
    if form.has_seconds:
        errors.add(_second_is_60(text, form, local), "time_format", LEAP_SECOND)
    digits = _fraction_ns(fraction, errors, f"does not fit the format {spec.format}")
    if form.has_offset:
        local = local.dt.replace_time_zone(None)
    elif spec.timezone != "UTC":
        local = _localized(local, spec, errors)
    return _nanoseconds(local.cast(pl.Int64), digits, errors)


def _misfit(text: pl.Series, spec: TimeSpec, form: TextFormat) -> str:
    message = f"does not fit the format {spec.format}"
    if not form.has_fraction and text.str.contains(r":\d\d[.]\d+").any():
        return message + ": a fraction of a second is written %.f"
    return message


def _split_fraction(text: pl.Series, form: TextFormat) -> tuple[pl.Series, pl.Series | None]:
    if not form.has_fraction:
        return text, None
    if form.fraction_last:
        parts = text.str.splitn(".", 2)
        return parts.struct.field("field_0"), parts.struct.field("field_1")
    groups = text.str.extract_groups(form.pattern)
    return groups.struct.field("before") + groups.struct.field("after"), groups.struct.field("fraction")


def _fraction_ns(fraction: pl.Series | None, errors: _Errors, shape: str) -> pl.Series | int:
    """Nanoseconds of a fraction's digits."""
    if fraction is None:
        return 0
    errors.add(~fraction.str.contains(r"^[0-9]+$"), "time_format", shape)
    if (fraction.str.len_bytes() > 9).any():  # noqa: PLR2004 - digits of a nanosecond
        errors.add(fraction.str.contains(r"^[0-9]{9}[0-9]*[1-9]"), "precision", TOO_FINE)
    return fraction.str.slice(0, 9).str.pad_end(9, "0").cast(pl.Int64, strict=False).fill_null(0)


def _second_is_60(text: pl.Series, form: TextFormat, parsed: pl.Series) -> pl.Series:
    suspect = text.str.contains("60", literal=True) & (parsed.dt.second() == 0)
    where = suspect.fill_null(value=False).arg_true()
    if where.is_empty():
        return suspect
    return suspect.scatter(where, text.gather(where).str.extract(form.pattern, _group(form, "second")) == "60")


def _group(form: TextFormat, name: str) -> int:
    names = [match.split(">")[0] for match in form.pattern.split("(?P<")[1:]]
    return names.index(name) + 1


def _localized(local: pl.Series, spec: TimeSpec, errors: _Errors) -> pl.Series:
    """Local time of a zone to UTC, by the policy for times that occur twice or never."""
    ambiguous: Literal["earliest", "latest", "null"] = "null" if spec.ambiguous == "reject" else spec.ambiguous
    zoned = local.dt.replace_time_zone(spec.timezone, ambiguous=ambiguous, non_existent="null")
    utc = zoned.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    far = local.is_between(*_BEHIND_THE_TABLES).fill_null(value=False)
    if far.any():
        utc = utc.zip_with(~far, _far_utc(local, far, spec))
    lost = local.is_not_null() & utc.is_null()
    if not lost.any():
        return utc
    before, after = (_by_fold(local, lost, spec.timezone, fold) for fold in (0, 1))
    skipped = (before > after).fill_null(value=False)
    errors.add(lost & ~skipped, "ambiguous_time", f"occurs twice in {spec.timezone}: say which one by ambiguous")
    policy = spec.nonexistent or spec.ambiguous
    if policy == "reject":
        errors.add(skipped, "nonexistent_time", f"is skipped in {spec.timezone}: say what to take by nonexistent")
        return utc
    return utc.zip_with(~skipped, after if policy == "earliest" else before)


def _far_utc(local: pl.Series, far: pl.Series, spec: TimeSpec) -> pl.Series:
    """As polars would have it; null for a time that is skipped, or occurs twice and none is to be taken."""
    first, second = (_by_fold(local, far, spec.timezone, fold) for fold in (0, 1))
    taken = (first == second) if spec.ambiguous == "reject" else (first <= second)
    chosen = second if spec.ambiguous == "latest" else first
    return chosen.set(~taken.fill_null(value=False), None)


def _by_fold(local: pl.Series, where: pl.Series, timezone: str, fold: int) -> pl.Series:
    """Some local times by the zone database, with the offset before (0) or after (1) the change of clocks (PEP 495).

    In a gap the first of the two is the later instant.
    """
    zone = zoneinfo.ZoneInfo(timezone)
    known = local.filter(where).unique()
    instants = [moment.replace(tzinfo=zone, fold=fold).astimezone(dt.UTC).replace(tzinfo=None) for moment in known]
    table = pl.DataFrame({"local": known, "utc": pl.Series(instants, dtype=pl.Datetime("us"))})
    return pl.DataFrame({"local": local}).join(table, on="local", how="left", maintain_order="left")["utc"]


def _rfc3339(text: pl.Series, errors: _Errors) -> pl.Series:
    groups = text.str.extract_groups(_RFC3339)
    day, clock, fraction, offset = (groups.struct.field(name) for name in groups.struct.fields)
    local = (day + "T" + clock).str.to_datetime("%Y-%m-%dT%H:%M:%S", time_unit="us", strict=False, cache=False)
    missing = local.is_null()
    errors.add(missing, "time_format", _not_rfc3339(text, is_any=not missing.all()) if missing.any() else "")
    errors.add(clock.str.ends_with(":60"), "time_format", LEAP_SECOND)
    digits = _fraction_ns(fraction, errors, "not RFC 3339")
    hours = offset.str.slice(1, 2).cast(pl.Int64, strict=False).fill_null(0)
    minutes = offset.str.slice(4, 2).cast(pl.Int64, strict=False).fill_null(0)
    errors.add(~offset.str.contains(_OFFSET), "time_format", "the offset from UTC is not one")
    shift_us = (hours * 60 + minutes) * 60_000_000
    west = offset.str.starts_with("-").fill_null(value=False)
    return _nanoseconds(local.cast(pl.Int64) - shift_us.zip_with(~west, -shift_us), digits, errors)


def _not_rfc3339(text: pl.Series, *, is_any: bool) -> str:
    for pattern, form in (
        (r"^\s*\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?\s*$", "%Y-%m-%d %H:%M:%S%.f"),
        (r"^\s*\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\s*$", "%Y-%m-%dT%H:%M:%S%.f"),
        (r"^\s*\d{4}-\d\d-\d\d\s*$", "%Y-%m-%d"),
        (r"^\s*\d{9,10}(\.\d*)?\s*$", "unix_s"),
        (r"^\s*\d{12,13}\s*$", "unix_ms"),
    ):
        if text.str.contains(pattern).any():
            return f"not RFC 3339 (2021-03-20T00:22:00Z): give the format, {form} by the look of it"
    return "not RFC 3339 (2021-03-20T00:22:00Z)" + ("" if is_any else ": give the format")


def _nanoseconds(utc_us: pl.Series, digits_ns: pl.Series | int, errors: _Errors) -> pl.Series:
    """Join whole seconds, given in microseconds, with a fraction.

    The range is checked on seconds and fraction apart: at its lower edge the seconds alone overflow,
    and the sum is right again, as two's complement arithmetic is.
    """
    seconds = utc_us // 1_000_000
    lowest, low_ns = divmod(MIN_TIME_NS, 10**9)
    highest, high_ns = divmod(MAX_TIME_NS, 10**9)
    out = (seconds < lowest) | (seconds > highest)
    out |= (seconds == lowest) & (pl.Series([0]) + digits_ns < low_ns)
    out |= (seconds == highest) & (pl.Series([0]) + digits_ns > high_ns)
    errors.add(out, "time_range", OUT_OF_RANGE)
    return utc_us * 1000 + digits_ns


def _unix(text: pl.Series, scale: int, errors: _Errors) -> pl.Series:
    """A decimal number, with or without a fraction and an exponent, times 10**scale, by moving its digits."""
    groups = text.str.extract_groups(_NUMBER)
    sign, whole, fraction, exponent = (groups.struct.field(name) for name in groups.struct.fields)
    digits = whole + fraction.fill_null("")
    errors.add(digits.is_null() | (digits == ""), "time_format", "not a decimal number of time since 1970")
    shift = scale + exponent.cast(pl.Int64).fill_null(0) - fraction.str.len_bytes().cast(pl.Int64).fill_null(0)
    significant = digits.str.strip_chars_start("0")
    length = significant.str.len_bytes().cast(pl.Int64) + shift
    parts = pl.DataFrame({"digits": significant, "length": length}).select(
        pl.when(pl.col("length") <= 0)
        .then(pl.lit("0"))
        .otherwise(pl.col("digits").str.pad_end(_MOST_DIGITS, "0").str.slice(0, pl.col("length").clip(0, _MOST_DIGITS)))
        .alias("kept"),
        pl.col("digits").str.slice(pl.col("length").clip(0, None)).alias("dropped"),
    )
    errors.add((shift < 0) & (parts["dropped"].str.strip_chars("0") != ""), "precision", TOO_FINE)
    magnitude = parts["kept"].cast(pl.Int64, strict=False)
    too_long = (significant != "") & (length > _MOST_DIGITS)
    errors.add(magnitude.is_null() | too_long | (magnitude > MAX_TIME_NS), "time_range", OUT_OF_RANGE + _FINER)
    return magnitude.zip_with((sign != "-").fill_null(value=True), -magnitude)
