"""Times as the server writes them, to the nanosecond."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["nanoseconds"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def nanoseconds(text: str) -> int:
    """Nanoseconds since 1970 of RFC 3339 in UTC, by integers alone.

    Raises:
        ValueError: it is none.
    """
    seconds, _, fraction = text.removesuffix("Z").partition(".")
    since = datetime.fromisoformat(seconds + "+00:00") - _EPOCH
    return (since.days * 86_400 + since.seconds) * 10**9 + int(fraction.ljust(9, "0") or 0)
