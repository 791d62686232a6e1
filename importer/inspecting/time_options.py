"""The columns that may be the time, alone or several together, with what speaks for each.

Goes in: what is known of all columns, and what the user says. Comes out: :class:`TimeOption`, to be ranked.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from importer.inspecting.facts import ColumnFacts
from importer.inspecting.hints import Hints
from importer.inspecting.time_facts import Fitting
from importer.inspecting.time_shapes import EPOCHS, epoch_unit

__all__ = ["UTC_NAME", "TimeOption", "named_option", "time_options"]

_TIME_NAME = re.compile(
    r"(^|[^a-z])(time|times|timestamp|timestamps|datetime|date|dates|ts|epoch|unix|instant|moment|when|day|t|at|utc|"
    r"zeit|datum|zeitstempel|uhrzeit|fecha|hora|heure|jour|data|ora)([^a-z]|$)|time$|date$|^time|^date",
    re.IGNORECASE,
)
_EXACT = ("time", "timestamp", "datetime", "date_time", "_time", "ts", "date", "utc")
LOCAL_NAME = re.compile(r"(^|[^a-z])(local|lokal|lt|mez|mesz|cet|cest)([^a-z]|$)|local", re.IGNORECASE)
UTC_NAME = re.compile(r"(^|[^a-z])(utc|gmt|zulu)([^a-z]|$)|utc$|gmt$", re.IGNORECASE)


@dataclass(slots=True)
class TimeOption:
    """A column, or several, with what speaks for it."""

    columns: tuple[str, ...]
    fittings: list[Fitting]
    has_clock: bool
    has_offset: bool
    is_weak: bool
    nulls: int
    position: int
    is_decided: bool = True
    has_two_digit_year: bool = False
    decided_by: str = ""

    @property
    def is_local(self) -> bool:
        """By its name, it is the time of some place."""
        return any(LOCAL_NAME.search(column) for column in self.columns) and not self.has_offset

    @property
    def rank(self) -> tuple[object, ...]:
        """Smaller is better."""
        name = self.columns[0].lower()
        return (
            self.is_weak,
            self.has_two_digit_year,
            not self.has_clock,
            self.is_local,
            bool(self.nulls),
            not (self.has_offset or UTC_NAME.search(name)),
            _EXACT.index(name) if name in _EXACT else len(_EXACT),
            not _TIME_NAME.search(name),
            self.position,
        )


def time_options(facts: Sequence[ColumnFacts], hints: Hints) -> list[TimeOption]:
    """All of them, in the order of the header."""
    found = []
    for column in facts:
        times = column.times
        if not column.filled:
            continue
        is_named = bool(_TIME_NAME.search(column.name))
        if times.has_two_digit_year and hints.time_format is None:
            found.append(_option(column, [], has_two_digit_year=True))
            continue
        fittings = times.fitting or []
        if not fittings:
            continue
        is_weak = False
        if fittings[0].format in EPOCHS or fittings[0].format == "%Y%m%d":
            if column.type not in ("integer", "float", "unsigned") or column.has_decimal_comma:
                continue
            plausible = column.low is not None and column.high is not None
            if fittings[0].format in EPOCHS and hints.time_format is None and plausible:
                assert column.low is not None and column.high is not None  # noqa: S101, PT018 - plausible
                if epoch_unit(column.low[0], column.high[0]) is None:
                    continue
            is_weak = not is_named
        decided = times.chosen
        refused = next(
            (
                f"{item.example!r}{f' in line {item.line}' if item.line else ''} is not {form}"
                for form, item in times.refused.items()
            ),
            "",
        )
        fittings = [decided] if decided is not None else times.undecided
        found.append(_option(column, fittings, is_weak=is_weak, is_decided=decided is not None, decided_by=refused))
    if not any(option.has_clock and not option.is_weak for option in found):
        found += _joined(facts, found) or _of_parts(facts)
    return found


def _option(column: ColumnFacts, fittings: list[Fitting], **more: Any) -> TimeOption:
    return TimeOption(
        columns=(column.name,),
        fittings=fittings,
        has_clock=column.times.has_clock,
        has_offset=column.times.has_offset,
        nulls=column.rows - column.filled,
        position=column.position,
        **({"is_weak": False} | more),
    )


def _joined(facts: Sequence[ColumnFacts], found: Sequence[TimeOption]) -> list[TimeOption]:
    """A column of dates beside one of times of day."""
    dates = [option for option in found if not option.has_clock and option.fittings]
    clocks = [column for column in facts if column.times.clocks and column.filled]
    if not dates or not clocks:
        return []
    date = min(dates, key=lambda option: (LOCAL_NAME.search(option.columns[0]) is not None, option.position))
    clock = min(clocks, key=lambda column: abs(column.position - date.position))
    return [
        TimeOption(
            columns=(date.columns[0], clock.name),
            fittings=[
                Fitting(f"{fitting.format} {clock.times.clocks[0]}", fitting.first, fitting.last + 86_399 * 10**9)
                for fitting in date.fittings
            ],
            has_clock=True,
            has_offset=False,
            is_weak=False,
            nulls=date.nulls,
            position=date.position,
            is_decided=date.is_decided,
            decided_by=date.decided_by,
        )
    ]


_PARTS = (("year", "yyyy", "yr"), ("month", "mo", "mon", "mm"), ("day", "dd"), ("hour", "hr", "hh"),
          ("minute", "min", "mi"), ("second", "sec", "ss"))  # fmt: skip
_DIRECTIVES = ("%Y", "%m", "%d", "%H", "%M", "%S")


def _of_parts(facts: Sequence[ColumnFacts]) -> list[TimeOption]:
    """Columns of year, month, day and, if there are, hour, minute and second."""
    by_name = {column.name.strip().lower(): column for column in facts if column.filled and column.low is not None}
    columns = []
    for names in _PARTS:
        column = next((by_name[name] for name in names if name in by_name), None)
        if column is None:
            break
        columns.append(column)
    if len(columns) == 4:  # noqa: PLR2004 - an hour without a minute is no time of day
        columns.pop()
    if len(columns) < 3:  # noqa: PLR2004 - year, month, day
        return []
    low, high = columns[0].low, columns[0].high
    if low is None or high is None or not (low[0] >= 1678 and high[0] <= 2261):  # noqa: PLR2004 - what can be stored
        return []
    form = " ".join(_DIRECTIVES[: len(columns)])
    first, last = (
        int(datetime(int(year), *rest, tzinfo=UTC).timestamp()) * 10**9
        for year, rest in ((low[0], (1, 1)), (high[0], (12, 31)))
    )
    return [
        TimeOption(
            columns=tuple(column.name for column in columns),
            fittings=[Fitting(form, first, last)],
            has_clock=len(columns) > 3,  # noqa: PLR2004
            has_offset=False,
            is_weak=False,
            nulls=max(column.rows - column.filled for column in columns),
            position=columns[0].position,
        )
    ]


def named_option(facts: Sequence[ColumnFacts], hints: Hints, options: Sequence[TimeOption]) -> TimeOption:
    """What the user says is the time."""
    for option in options:
        if option.columns == hints.time:
            return option
    columns = [next(column for column in facts if column.name == name) for name in hints.time]
    form = hints.time_format
    fittings = [] if form is None else [Fitting(form)]
    if form is None and len(columns) > 1:
        dates = columns[0].times.undecided or [fit for fit in (columns[0].times.chosen,) if fit]
        fittings = [
            Fitting(f"{date.format} {clock}", date.first, date.last + 86_399 * 10**9)
            for date in dates
            for clock in columns[1].times.clocks[:1]
        ]
    return TimeOption(
        columns=hints.time,
        fittings=fittings,
        has_clock=True,
        has_offset=form is not None and ("z" in form or "%" not in form),
        is_weak=False,
        nulls=max(column.rows - column.filled for column in columns),
        position=columns[0].position,
        is_decided=len(fittings) < 2,  # noqa: PLR2004 - one, or none
        has_two_digit_year=form is None and columns[0].times.has_two_digit_year,
    )
