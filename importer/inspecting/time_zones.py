"""The zone of times that do not say their offset.

Goes in: the chosen time and the columns beside it. Comes out: :class:`Zone`, or nothing where nothing says it.
"""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Sequence
from dataclasses import dataclass

from importer.inspecting.facts import ColumnFacts
from importer.inspecting.hints import Hints
from importer.inspecting.time_options import UTC_NAME, TimeOption

__all__ = ["Zone", "zone_beside", "zone_said"]

_ZONE = re.compile(
    r"(^|[^a-z])(tz|timezone|time_zone|zone|offset|utcoffset|gmtoffset)([^a-z]|$)|offset|timezone", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Zone:
    """The zone of times without an offset.

    Attributes:
        name: IANA.
        is_given: by the data or the user.
        why: in words.
        column: that holds each row's offset; None: there is none.
    """

    name: str
    is_given: bool
    why: str
    column: str | None = None


def zone_said(best: TimeOption, options: Sequence[TimeOption], hints: Hints) -> Zone | None:
    """The zone that the texts, the user or the names of the columns say."""
    if best.has_offset:
        return Zone("UTC", is_given=True, why="")
    if hints.timezone is not None:
        return Zone(hints.timezone, is_given=True, why=f"in {hints.timezone}, as given")
    if any(UTC_NAME.search(column) for column in best.columns):
        return Zone("UTC", is_given=True, why="its name says UTC")
    local = next((option.columns[0] for option in options if option.is_local), None)
    if local is not None and not best.is_local:
        return Zone("UTC", is_given=True, why=f"as local time stands beside it ({local}), it is taken for UTC")
    return None


def zone_beside(best: TimeOption, facts: Sequence[ColumnFacts]) -> Zone | None:
    """The zone that another column holds, or each row's offset."""
    for column in facts:
        if column.name in best.columns or not _ZONE.search(column.name) or column.rows != column.filled:
            continue
        if column.times.are_offsets and best.has_clock and len(best.columns) == 1:
            return Zone("UTC", is_given=True, why=f"its offset from UTC is in {column.name!r}", column=column.name)
        named = next(iter(column.values.counts), "") if column.values.number == 1 else ""
        if named and _is_zone(named):
            return Zone(named, is_given=True, why=f"{column.name!r} says the zone: {named}")
    return None


def _is_zone(text: str) -> bool:
    if "/" not in text and text not in ("UTC", "GMT"):
        return False
    try:
        zoneinfo.ZoneInfo(text)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
