"""Durations: of shard groups, fitted to the data's time span, and as people write them.

Goes in: a time span, or text such as ``90d``. Comes out: whole seconds, and text again.
"""

from __future__ import annotations

import re
from typing import Final

from importer.errors import ConfigurationError

__all__ = ["MINIMUM_SECONDS", "fitting_duration", "format_duration", "parse_duration"]

HOUR: Final = 3600
DAY: Final = 24 * HOUR

MINIMUM_SECONDS: Final = HOUR  # the server's own, for shard groups and for retention
MAXIMUM_SECONDS: Final = 36_500 * DAY  # beyond some 292 years the server's nanoseconds overflow, silently
MOST_GROUPS: Final = 30

LADDER_SECONDS: Final = (
    *(hours * HOUR for hours in (1, 2, 6, 12)),
    *(days * DAY for days in (1, 2, 7, 14, 30, 60, 90, 180, 365, 730, 1825, 3650, 7300, 18_250, 36_500)),
)
UNIT_SECONDS: Final = {"w": 7 * DAY, "d": DAY, "h": HOUR, "m": 60, "s": 1}

_PART = re.compile(r"(\d+)([wdhms])")
_WHOLE = re.compile(r"(\d+[wdhms])+")


def fitting_duration(span_seconds: float, retention_seconds: int | None = None) -> int:
    """The shard-group duration under which data of this time span is written fast.

    Each shard group costs the server files, an index and memory of its own. A million rows over six
    years were written at 88,000 rows/s into 313 groups (the server's default of 7 days), at 130,000
    into 73 and at up to 154,000 into 13; a single group gained nothing more and is dear to add to.
    So: the shortest duration of a ladder of familiar ones that makes at most about 30 groups.

    Args:
        span_seconds: from the first point to the last.
        retention_seconds: the bucket's retention; None or 0 for ever.

    Returns:
        Seconds; at least an hour, and never more than the retention, which the server refuses.

    Raises:
        ConfigurationError: the retention is below the server's minimum of an hour.
    """
    if retention_seconds and retention_seconds < MINIMUM_SECONDS:
        raise ConfigurationError(
            f"a retention of {format_duration(retention_seconds)} is too short: the server keeps at least 1h"
        )
    # Points older than the retention are not stored: they need no groups.
    span = min(span_seconds, retention_seconds) if retention_seconds else span_seconds
    fitting = next((step for step in LADDER_SECONDS if span <= step * MOST_GROUPS), LADDER_SECONDS[-1])
    return min(fitting, retention_seconds) if retention_seconds else fitting


def parse_duration(text: str) -> int:
    """Read a duration such as ``90d``, ``1w`` or ``12h30m``.

    Args:
        text: numbers with the units w, d, h, m, s; or ``0``, ``inf``: for ever.

    Returns:
        Seconds; 0 is for ever.

    Raises:
        ConfigurationError: the text is no duration; says what one looks like.
    """
    plain = text.strip().lower()
    if plain in {"0", "inf"}:
        return 0
    if not plain.isascii() or not _WHOLE.fullmatch(plain):
        raise ConfigurationError(
            f"{text!r} is not a duration; write whole numbers with the units w, d, h, m, s, "
            "such as 90d, 1w or 12h30m, or inf for ever"
        )
    return sum(int(number) * UNIT_SECONDS[unit] for number, unit in _PART.findall(plain))


def format_duration(seconds: int) -> str:
    """The shortest text that :func:`parse_duration` reads as `seconds`; ``inf`` for 0.

    Weeks are written as days, as ``90d`` and ``91d`` are easier to compare than ``12w6d`` and ``13w``.
    """
    if seconds == 0:
        return "inf"
    parts = []
    for unit in ("d", "h", "m", "s"):
        number, seconds = divmod(seconds, UNIT_SECONDS[unit])
        if number:
            parts.append(f"{number}{unit}")
    return "".join(parts)
