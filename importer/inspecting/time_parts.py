"""Columns of year, month and day, and of hour, minute and second if there are any, as one time.

Goes in: what is known of columns. Comes out: :class:`Parts`, if their names and most of their values are such.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from importer.inspecting.facts import ColumnFacts
from importer.inspecting.time_fitting import Fitting

__all__ = ["Parts", "find_parts"]

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NUMBER = re.compile(r"\s*([0-9]{1,4})(\.[0-9]+)?\s*")


@dataclass(frozen=True, slots=True)
class Parts:
    """A time of several columns.

    Attributes:
        columns: that hold it.
        fitting: the format of their cells, joined.
        misfits: rows with a cell that is no such part, at least.
        template: joins them, where a space between them is not enough.
    """

    columns: tuple[ColumnFacts, ...]
    fitting: Fitting
    misfits: int
    template: str | None = None


@dataclass(frozen=True, slots=True)
class _Kind:
    """Which names a part has, and which values; those of years are such as can be stored."""

    names: tuple[str, ...]
    directive: str
    least: int
    most: int


_KINDS = (
    _Kind(("year", "yyyy", "yr"), "%Y", 1678, 2261),
    _Kind(("month", "mo", "mon", "mm"), "%m", 1, 12),
    _Kind(("day", "dd"), "%d", 1, 31),
    _Kind(("hour", "hr", "hh"), "%H", 0, 23),
    _Kind(("minute", "min", "mi"), "%M", 0, 59),
    _Kind(("second", "sec", "ss"), "%S", 0, 59),
)
_DATE, _HOUR = 3, 4


@dataclass(frozen=True, slots=True)
class _Part:
    column: ColumnFacts
    directive: str
    low: int
    high: int
    misfits: int


def find_parts(facts: Sequence[ColumnFacts], share: int) -> Parts | None:
    """The columns that are parts of one time; None where there is no year, month and day.

    Args:
        facts: of the columns.
        share: one cell in so many of each may be no such part.
    """
    by_name = {column.name.strip().lower(): column for column in facts if column.filled}
    found: list[_Part] = []
    for kind in _KINDS:
        column = next((by_name[name] for name in kind.names if name in by_name), None)
        part = None if column is None else _part(column, kind, share)
        if part is None:
            break
        found.append(part)
    if len(found) < _DATE:
        return None
    form, template = " ".join(part.directive for part in found), None
    if len(found) == _HOUR:  # an hour alone is no time of day
        form += ":%M"
        template = " ".join(f"{{{part.column.name}}}" for part in found) + ":00"
    first, last = (
        int(datetime(year, month, day, tzinfo=UTC).timestamp()) * 10**9
        for year, month, day in ((found[0].low, 1, 1), (found[0].high, 12, 31))
    )
    columns = tuple(part.column for part in found)
    return Parts(columns, Fitting(form, first, last), sum(part.misfits for part in found), template)


def _part(column: ColumnFacts, kind: _Kind, share: int) -> _Part | None:
    """Of a column whose values are such, but for one in so many."""
    numbers: set[int] = set()
    fitting, has_fraction, has_names = 0, False, False
    for text, rows in column.values.counts.items():
        match = _NUMBER.fullmatch(text)
        if (
            match is not None
            and kind.least <= int(match.group(1)) <= kind.most
            and (match.group(2) is None or kind.directive == "%S")
        ):
            numbers.add(int(match.group(1)))
            has_fraction = has_fraction or match.group(2) is not None
        elif kind.directive == "%m" and text.strip().lower()[:3] in _MONTHS:
            has_names = True
        else:
            continue
        fitting += rows
    if not column.values.is_exact and kind.directive == "%S" and column.low is not None and column.high is not None:
        # Of so many different values, seconds with fractions.
        if not (kind.least <= column.low[0] and column.high[0] < kind.most + 1):
            return None
        return _Part(column, "%S%.f", kind.least, kind.most, 0)
    misfits = column.filled - fitting
    if misfits * share > column.filled or (has_names and numbers):
        return None
    directive = "%B" if has_names else "%S%.f" if has_fraction else kind.directive
    return _Part(column, directive, min(numbers, default=1), max(numbers, default=1), misfits)
