"""Which time formats a text may be of, by its shape: day before month and month before day are both named.

Goes in: a text such as ``20/03/2021 00:22``. Comes out: formats as mapping files take them, which are then held against
all cells of the column.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["EPOCHS", "TWO_DIGIT_YEAR", "Shapes", "clock_formats", "epoch_unit", "is_offset", "shapes_of"]

_CLOCK = r"(?P<hour>\d{1,2}):\d{2}(?P<second>:\d{2}(?P<fraction>\.\d+)?)?(?P<half> ?[APap][Mm])?"
_OFFSET = r"(?P<space> ?)(?P<offset>[Zz]|[+-]\d{2}(?::?\d{2})?|UTC|GMT)"
_NAME = r"[A-Za-z]{3,9}\.?"

_DATES: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = (
    (re.compile(r"(?P<date>[12]\d{3}-\d{1,2}-\d{1,2})"), ("%Y-%m-%d",)),
    (re.compile(r"(?P<date>[12]\d{3}/\d{1,2}/\d{1,2})"), ("%Y/%m/%d",)),
    (re.compile(r"(?P<date>[12]\d{3}\.\d{1,2}\.\d{1,2})"), ("%Y.%m.%d",)),
    (re.compile(r"(?P<date>\d{1,2}/\d{1,2}/[12]\d{3})"), ("%d/%m/%Y", "%m/%d/%Y")),
    (re.compile(r"(?P<date>\d{1,2}-\d{1,2}-[12]\d{3})"), ("%d-%m-%Y", "%m-%d-%Y")),
    (re.compile(r"(?P<date>\d{1,2}\.\d{1,2}\.[12]\d{3})"), ("%d.%m.%Y", "%m.%d.%Y")),
    (re.compile(rf"(?P<date>\d{{1,2}} {_NAME} [12]\d{{3}})"), ("%d %B %Y",)),
    (re.compile(rf"(?P<date>\d{{1,2}}-{_NAME}-[12]\d{{3}})"), ("%d-%B-%Y",)),
    (re.compile(rf"(?P<date>\d{{1,2}}/{_NAME}/[12]\d{{3}})"), ("%d/%B/%Y",)),
    (re.compile(rf"(?P<date>{_NAME} \d{{1,2}}, [12]\d{{3}})"), ("%B %d, %Y",)),
    (re.compile(rf"(?P<date>{_NAME} \d{{1,2}} [12]\d{{3}})"), ("%B %d %Y",)),
)
_WEEKDAY = re.compile(r"(?P<name>[A-Z][a-z]{2,8})(?P<after>,? )(?=\d|[A-Z][a-z]+ \d)")
_BEHIND = re.compile(rf"(?:(?P<between>T|t| |, |_|:){_CLOCK}(?:{_OFFSET})?)?")
_YEAR_LAST = re.compile(rf"(?P<weekday>[A-Z][a-z]{{2}}) (?P<month>{_NAME}) +\d{{1,2}} \d{{2}}:\d{{2}}:\d{{2}} \d{{4}}")
_COMPACT = re.compile(
    r"[12]\d{3}[01]\d[0-3]\d(?:(?P<between>T|_| |)(?P<clock>[0-2]\d[0-5]\d)(?P<second>[0-5]\d(?P<fraction>\.\d+)?)?"
    r"(?P<offset>[Zz]|[+-]\d{2}:?\d{2})?)?"
)
_TWO_DIGIT_YEAR = re.compile(r"\d{1,2}([/.-])\d{1,2}\1\d{2}(?:[ T]\d{1,2}:\d{2}.*)?")
_CLOCK_ALONE = re.compile(_CLOCK)
_OFFSET_ALONE = re.compile(r"[Zz]|[+-]\d{2}:?\d{2}|[+-]\d{2}")

TWO_DIGIT_YEAR = "a year of two digits"

EPOCHS = {"unix_s": (1e8, 1e10), "unix_ms": (1e11, 1e13), "unix_us": (1e14, 1e16), "unix_ns": (1e17, 9.2e18)}
"""Numbers that are times since 1970 lie within these: from 1973 to 2286."""


@dataclass(frozen=True, slots=True)
class Shapes:
    """What a text may be.

    Attributes:
        formats: as mapping files take them.
        has_clock: it says the time of day, too.
        has_offset: it says its offset from UTC.
        has_two_digit_year: it is a date that no format is for.
    """

    formats: tuple[str, ...] = ()
    has_clock: bool = False
    has_offset: bool = False
    has_two_digit_year: bool = False


def shapes_of(text: str) -> Shapes:
    """Which formats a text may be of; none where it is no time."""
    text = text.strip()
    if len(text) < 6 or not any(sign.isdigit() for sign in text):  # noqa: PLR2004 - the shortest date
        return Shapes()
    if _TWO_DIGIT_YEAR.fullmatch(text):
        return Shapes(has_two_digit_year=True)
    prefix, rest = "", text
    weekday = _WEEKDAY.match(text)
    for pattern, dates in _DATES:
        match, front = pattern.match(rest), prefix
        if match is None and weekday is not None:
            match, front = pattern.match(text, weekday.end()), "%a" + weekday.group("after")
        if match is None:
            continue
        behind = _BEHIND.fullmatch(text, match.end())
        if behind is None:
            continue
        found = tuple(form for date in dates for form in _with_clock(front + date, behind))
        if dates == ("%Y-%m-%d",) and behind.group("offset") not in (None, "UTC", "GMT") and not front:
            found = ("rfc3339", *found)
        return Shapes(found, behind.group("hour") is not None, behind.group("offset") is not None)
    if _YEAR_LAST.fullmatch(text):
        return Shapes(("%a %B %e %H:%M:%S %Y",), has_clock=True)
    return _compact(text)


def clock_formats(text: str) -> tuple[str, ...]:
    """Formats of a time of day without a date."""
    match = _CLOCK_ALONE.fullmatch(text.strip())
    return tuple(_clock(match)) if match is not None else ()


def is_offset(text: str) -> bool:
    """Whether a text is an offset from UTC, such as ``+02:00``."""
    return _OFFSET_ALONE.fullmatch(text.strip()) is not None


def epoch_unit(text: str) -> str | None:
    """The unit in which a number is a time of our days; None of what is no number."""
    try:
        number = float(text)
    except ValueError:
        return None
    return next((unit for unit, (least, most) in EPOCHS.items() if least <= number < most), None)


def _with_clock(date: str, behind: re.Match[str]) -> list[str]:
    if behind.group("hour") is None:
        return [date]
    offset = behind.group("offset")
    end = ""
    if offset is not None:
        end = behind.group("space") + (offset if offset in ("UTC", "GMT") else "%#z")
    return [date + behind.group("between") + clock + end for clock in _clock(behind)]


def _clock(match: re.Match[str]) -> list[str]:
    half = match.group("half")
    hour, end = ("%H", "") if half is None else ("%I", half[:-2] + "%p")
    if match.group("second") is None:
        return [f"{hour}:%M{end}"]
    # Where some times have a fraction and others none, the second is of both.
    plain = [] if match.group("fraction") else [f"{hour}:%M:%S{end}"]
    return [*plain, f"{hour}:%M:%S%.f{end}"]


def _compact(text: str) -> Shapes:
    match = _COMPACT.fullmatch(text)
    if match is None:
        return Shapes()
    if match.group("clock") is None:
        return Shapes(("%Y%m%d",))
    offset = match.group("offset")
    seconds = [""] if match.group("second") is None else ["%S%.f"] if match.group("fraction") else ["%S", "%S%.f"]
    front = "%Y%m%d" + match.group("between") + "%H%M"
    formats = tuple(front + second + ("%#z" if offset else "") for second in seconds)
    return Shapes(formats, has_clock=True, has_offset=offset is not None)
