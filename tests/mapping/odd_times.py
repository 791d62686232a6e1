"""Datetimes of other libraries."""

from __future__ import annotations

import datetime as dt

__all__ = ["Nanoseconds", "NotATime"]


class Nanoseconds(dt.datetime):
    """As pandas' Timestamp: a datetime that knows its nanoseconds."""

    nanosecond = 789


class NotATime(dt.datetime):
    """As pandas' NaT: a datetime that is unlike itself."""

    __hash__ = dt.datetime.__hash__

    def __eq__(self, other: object) -> bool:
        return False
