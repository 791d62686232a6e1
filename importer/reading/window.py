"""Windows and ranges of time, as people write them.

Goes in: text such as ``30d``, ``2024-05-01``, ``-12h`` or ``now``. Comes out: whole nanoseconds. Bad text gets an error
that shows what is understood.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from importer.errors import ConfigurationError
from importer.limits import MAX_TIME_NS, MIN_TIME_NS, OUT_OF_RANGE
from importer.moments import as_text

__all__ = [
    "ALL_OF_TIME",
    "GRAMMAR",
    "TimeRange",
    "Window",
    "parse_moment",
    "parse_window",
    "time_range",
]

GRAMMAR: Final = (
    "a length and a unit: a whole number above 0, then s (seconds), m (minutes), h (hours), d (days) or w (weeks), "
    "such as 30s, 15m, 12h, 30d or 2w"
)
_MOMENT: Final = (
    "write a time with its zone (2024-05-01T12:00:00Z, 2024-05-01T14:00:00+02:00), a date (2024-05-01: its first "
    "instant in UTC), a time before now (-30d, -12h) or now"
)

UNIT_NS: Final = {
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
    "d": 86_400 * 10**9,
    "w": 7 * 86_400 * 10**9,
}

_WINDOW = re.compile(r"([0-9]{1,20})([smhdw])", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Window:
    """A length of time.

    Attributes:
        length: how many, above 0.
        unit: of what: s, m, h, d or w.
    """

    length: int
    unit: str

    @property
    def ns(self) -> int:
        """Nanoseconds."""
        return self.length * UNIT_NS[self.unit]

    def __str__(self) -> str:
        return f"{self.length}{self.unit}"


@dataclass(frozen=True, slots=True)
class TimeRange:
    """From one nanosecond (included) to another (not included), since 1970 UTC.

    Attributes:
        start_ns: the first.
        stop_ns: behind the last; at the most one more than the last that can be stored.
    """

    start_ns: int
    stop_ns: int

    def __str__(self) -> str:
        return f"from {as_text(self.start_ns)} to {as_text(self.stop_ns)}"


ALL_OF_TIME: Final = TimeRange(MIN_TIME_NS, MAX_TIME_NS + 1)
"""Whatever the server can store."""


def parse_window(text: str, *, name: str = "window") -> Window:
    """Read a window such as ``30d``.

    Args:
        text: a whole number above 0 and a unit: s, m, h, d, w.
        name: of the option, for the message.

    Raises:
        ConfigurationError: it is none; says what one looks like.
    """
    found = _WINDOW.fullmatch(text.strip())
    if found is None or not int(found[1]):
        raise ConfigurationError(f"{name} {text!r} is not understood: write {GRAMMAR}")
    window = Window(int(found[1]), found[2])
    if window.ns > MAX_TIME_NS - MIN_TIME_NS:
        raise ConfigurationError(f"{name} {text!r} is longer than all of time: {OUT_OF_RANGE}")
    return window


def parse_moment(text: str, *, name: str = "time", now_ns: int | None = None) -> int:
    """Read a point in time, exactly.

    Args:
        text: RFC 3339, a date, a window before now (``-30d``), or ``now``.
        name: of the option, for the message.
        now_ns: what now is; None asks the clock.

    Returns:
        nanoseconds since 1970 UTC.

    Raises:
        ConfigurationError: it is none, or InfluxDB cannot store it.
    """
    plain = text.strip()
    now = time.time_ns() if now_ns is None else now_ns
    if plain.lower() == "now":
        return now
    if _WINDOW.fullmatch(plain.removeprefix("-")) and plain.startswith("-"):
        return max(now - parse_window(plain[1:], name=name).ns, MIN_TIME_NS)
    found = _written(plain)
    if found is None:
        raise ConfigurationError(f"{name} {text!r} is not understood: {_MOMENT}")
    if not MIN_TIME_NS <= found <= MAX_TIME_NS + 1:
        raise ConfigurationError(f"{name} {text!r} cannot be: {OUT_OF_RANGE}")
    return found


def time_range(
    window: str | None = None, start: str | None = None, stop: str | None = None, *, now_ns: int | None = None
) -> TimeRange:
    """The range that options name; without any, all of time.

    Args:
        window: such as ``30d``, which ends at ``stop``, or now.
        start: from when, included; instead of a window.
        stop: until when, not included; without it now with a window, and the end of time without one.
        now_ns: what now is; None asks the clock.

    Raises:
        ConfigurationError: one of them is not understood, or they contradict each other.
    """
    now = time.time_ns() if now_ns is None else now_ns
    if window is not None and start is not None:
        raise ConfigurationError("give either a window or a start, not both: a window ends at the stop, or now")
    stop_ns = now if window is not None else ALL_OF_TIME.stop_ns
    if stop is not None:
        stop_ns = parse_moment(stop, name="stop", now_ns=now)
    start_ns = MIN_TIME_NS
    if window is not None:
        start_ns = max(stop_ns - parse_window(window).ns, MIN_TIME_NS)
    elif start is not None:
        start_ns = parse_moment(start, name="start", now_ns=now)
    if start_ns >= stop_ns:
        ends = f"start {start or as_text(start_ns)!r} and stop {stop or as_text(stop_ns)!r}"
        raise ConfigurationError(f"nothing lies between {ends}: the start must come before the stop")
    return TimeRange(start_ns, stop_ns)


_WRITTEN = re.compile(r"(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d(?::\d\d)?)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d))?", re.ASCII)


def _written(text: str) -> int | None:
    """A date, or RFC 3339 to the nanosecond, by integers alone."""
    found = _WRITTEN.fullmatch(text)
    if found is None:
        return None
    day, clock, fraction, zone = found.groups()
    try:
        moment = datetime.fromisoformat(f"{day}T{clock or '00:00'}{(zone or 'Z').upper()}")
        since = moment - _EPOCH
    except (ValueError, OverflowError):
        return None
    return (since.days * 86_400 + since.seconds) * 10**9 + int((fraction or "").ljust(9, "0"))
