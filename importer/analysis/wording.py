"""Figures as people read them, in tables and on the page.

Goes in: numbers, seconds and times of an analysis. Comes out: short text.
"""

from __future__ import annotations

__all__ = ["clock", "length", "number", "rate"]

_UNITS = ((86_400.0, "d"), (3_600.0, "h"), (60.0, "min"), (1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))

_WHOLE, _LONG, _HUGE = 1e5, 1e7, 1e12


def number(value: float | None) -> str:
    """A number: whole ones with all their digits, others with some six; nothing for None."""
    if value is None:
        return ""
    if isinstance(value, int):
        return f"{value:,}" if abs(value) < _LONG else str(value)
    if _WHOLE <= abs(value) < _HUGE:
        return number(round(value))
    return f"{value:,.6g}"


def length(seconds: float | None) -> str:
    """A length of time, such as ``1.5 h``."""
    if seconds is None:
        return ""
    size, unit = next((each for each in _UNITS if seconds >= each[0]), _UNITS[-1])
    return f"{seconds / size:.4g} {unit}"


def rate(per_second: float | None) -> str:
    """How many in which time, such as ``56.6/h``."""
    if per_second is None:
        return ""
    for seconds, unit in ((1, "s"), (60, "min"), (3_600, "h")):
        if per_second * seconds >= 1:
            return f"{per_second * seconds:,.4g}/{unit}"
    return f"{per_second * 86_400:,.3g}/d"


def clock(time: str | None) -> str:
    """An RFC 3339 time to the second, without the zone, which is UTC."""
    return "" if time is None else time[:19].replace("T", " ")
