"""Times of points, exact to the nanosecond, by whole numbers alone.

Goes in: RFC 3339 with an offset. Comes out: nanoseconds since 1970 UTC.
"""

from __future__ import annotations

import functools
import re
from datetime import UTC, datetime
from typing import Final

__all__ = ["PRECISIONS", "ns_of"]

PRECISIONS: Final = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
"""Nanoseconds of the units in which times may be given as whole numbers."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DIGITS = 9
_RFC_3339 = re.compile(
    r"(\d{4}-\d\d-\d\d[Tt ](?:[01]\d|2[0-3]):[0-5]\d):([0-5]\d)(?:\.(\d+))?([Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)",
    re.ASCII,
)


def ns_of(text: str) -> int | None:
    """Read a time.

    Args:
        text: RFC 3339, such as ``2024-05-01T12:00:00.25Z``; digits beyond the ninth must be zeros.

    Returns:
        nanoseconds since 1970 UTC, in whatever year; None if it is no such time.
    """
    found = _RFC_3339.fullmatch(text)
    if found is None:
        return None
    minute, seconds, fraction, zone = found.groups()
    ns = _minute(minute, zone)
    if ns is None:
        return None
    ns += int(seconds) * 10**9
    if fraction is None:
        return ns
    if len(fraction) > _DIGITS and fraction[_DIGITS:].strip("0"):
        return None
    return ns + int(fraction[:_DIGITS].ljust(_DIGITS, "0"))


@functools.lru_cache(maxsize=4096)
def _minute(text: str, zone: str) -> int | None:
    """Where a minute begins; batches have many points of few minutes."""
    try:
        since = datetime.fromisoformat(f"{text[:10]}T{text[11:]}{'+00:00' if zone in 'Zz' else zone}") - _EPOCH
    except (ValueError, OverflowError):
        return None
    return (since.days * 86_400 + since.seconds) * 10**9
