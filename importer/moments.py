"""Times for people and for JSON: RFC 3339 in UTC, exact to the nanosecond, by whole numbers alone."""

from __future__ import annotations

import functools
from datetime import date

__all__ = ["as_text"]

_FIRST_DAY = date(1970, 1, 1).toordinal()
_NS_OF_A_DAY = 86_400 * 10**9


def as_text(ns: int) -> str:
    """Nanoseconds since 1970 as RFC 3339, with as many digits behind the second as it needs."""
    days, rest = divmod(ns, _NS_OF_A_DAY)
    seconds, fraction = divmod(rest, 10**9)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    text = f"{_day(days)}T{hour:02}:{minute:02}:{second:02}"
    return f"{text}.{fraction:09}".rstrip("0") + "Z" if fraction else text + "Z"


@functools.lru_cache(maxsize=1024)
def _day(number: int) -> str:
    return date.fromordinal(_FIRST_DAY + number).isoformat()
