"""The columns that may be the time, alone or several together, with what speaks for each.

Goes in: what is known of all columns, and what the user says. Comes out: :class:`TimeOption`, to be ranked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from importer.inspecting.facts import ColumnFacts
from importer.inspecting.hints import Hints
from importer.inspecting.time_facts import FEW, HALF
from importer.inspecting.time_fitting import Fitting
from importer.inspecting.time_parts import find_parts
from importer.inspecting.time_shapes import EPOCHS

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
    """A column, or several, with what speaks for it.

    Attributes:
        columns: more than one are joined by a space.
        fittings: the formats that it may be of, the best first.
        nulls: rows without a time.
        position: in the header.
        misfits: rows whose cell is of none of the formats.
        doubt: why it is not taken unless it is asked for; empty: there is no doubt.
        is_decided: there is but one format, or several that say the same.
        has_two_digit_year: it is a date that no format is for.
        decided_by: the cell that tells the format from others, in words.
        template: joins the columns, where a space between them is not enough.
    """

    columns: tuple[str, ...]
    fittings: list[Fitting]
    nulls: int
    position: int
    misfits: int = 0
    doubt: str = ""
    is_decided: bool = True
    has_two_digit_year: bool = False
    decided_by: str = ""
    template: str | None = None

    @property
    def has_clock(self) -> bool:
        """It says the time of day, too."""
        return bool(self.fittings) and self.fittings[0].has_clock

    @property
    def has_offset(self) -> bool:
        """It says its offset from UTC, or counts from 1970."""
        return bool(self.fittings) and self.fittings[0].has_offset

    @property
    def is_local(self) -> bool:
        """By its name, it is the time of some place."""
        return any(LOCAL_NAME.search(column) for column in self.columns) and not self.has_offset

    @property
    def rank(self) -> tuple[object, ...]:
        """Smaller is better."""
        name = self.columns[0].lower()
        return (
            bool(self.doubt),
            self.has_two_digit_year,
            not self.has_clock,
            self.is_local,
            bool(self.nulls),
            not (self.has_offset or UTC_NAME.search(name)),
            _EXACT.index(name) if name in _EXACT else len(_EXACT),
            not _TIME_NAME.search(name),
            bool(self.misfits),
            self.position,
        )


def time_options(facts: Sequence[ColumnFacts], hints: Hints) -> list[TimeOption]:
    """All of them, in the order of the header; where the user says the format, those that are of it."""
    said, found = hints.time_format, []
    alone = {column.name: option for column in facts if (option := _alone(column)) is not None}
    for column in facts:
        if column.filled and column.times.has_two_digit_year and said is None:
            found.append(_of_two_digits(column))
        elif column.name in alone and said in (None, alone[column.name].fittings[0].format):
            found.append(alone[column.name])
    if not any(option.has_clock and not option.doubt for option in found):
        found += _joined(facts, alone, said) or [option for option in _of_parts(facts, FEW) if _is_of(option, said)]
    return found


def _of_two_digits(column: ColumnFacts) -> TimeOption:
    return TimeOption((column.name,), [], column.rows - column.filled, column.position, has_two_digit_year=True)


def _alone(column: ColumnFacts) -> TimeOption | None:
    """A column by itself, if half of its cells are of a format; with doubt where they are not nearly all."""
    times = column.times
    fittings, doubt = times.fitting, ""
    if not fittings:
        fittings = times.within(HALF)
        doubt = f"not all of its cells are times: {times.not_of(fittings[0].format)}" if fittings else ""
    if not fittings:
        return None
    form = fittings[0].format
    if form != times.given and (form in EPOCHS or form == "%Y%m%d") and not _TIME_NAME.search(column.name):
        doubt = doubt or "its numbers could be times, its name does not say so"
    decided = times.decided(fittings)
    return TimeOption(
        columns=(column.name,),
        fittings=[decided] if decided is not None else _saying_different(fittings),
        nulls=column.rows - column.filled,
        position=column.position,
        misfits=times.misfits_of(decided or fittings[0]),
        doubt=doubt,
        is_decided=decided is not None,
        decided_by=times.told_apart(decided) if decided is not None else "",
    )


def _saying_different(fittings: Sequence[Fitting]) -> list[Fitting]:
    """One of those that say the same; day and month first are never taken for the same."""
    kinds = {(fitting.digest, fitting.is_day_first): fitting for fitting in reversed(fittings)}
    return list(kinds.values())[::-1]


def _joined(facts: Sequence[ColumnFacts], alone: Mapping[str, TimeOption], said: str | None) -> list[TimeOption]:
    """A column of dates beside one of times of day."""
    dates = [column for column in facts if column.times.fitting and column.name in alone]
    dates = [column for column in dates if not alone[column.name].has_clock]
    clocks = [column for column in facts if column.filled and column.times.clock is not None]
    for date in sorted(dates, key=lambda column: LOCAL_NAME.search(column.name) is not None):
        clock = min(clocks, key=lambda column: abs(column.position - date.position), default=None)
        if clock is not None and (option := _of_date_and_clock(alone[date.name], clock, said)).fittings:
            return [option]
    return []


def _of_date_and_clock(date: TimeOption, clock: ColumnFacts, said: str | None) -> TimeOption:
    """Without a format where none of them is the one that is said, of both together or of the date."""
    of_clock, fittings = clock.times.clock, []
    if of_clock is not None:
        for of_date in date.fittings:
            both = Fitting(f"{of_date.format} {of_clock.format}", of_date.first, of_date.last + 86_399 * 10**9)
            if said in (None, both.format, of_date.format):
                fittings.append(both)
    return TimeOption(
        columns=(*date.columns, clock.name),
        fittings=fittings,
        nulls=max(date.nulls, clock.rows - clock.filled),
        position=date.position,
        misfits=date.misfits + (0 if of_clock is None else clock.times.misfits_of(of_clock)),
        is_decided=len(fittings) < 2,  # noqa: PLR2004 - one, or none
        decided_by=date.decided_by,
    )


def _of_parts(facts: Sequence[ColumnFacts], share: int) -> list[TimeOption]:
    parts = find_parts(facts, share)
    if parts is None:
        return []
    return [
        TimeOption(
            columns=tuple(column.name for column in parts.columns),
            fittings=[parts.fitting],
            nulls=max(column.rows - column.filled for column in parts.columns),
            position=parts.columns[0].position,
            misfits=parts.misfits,
            template=parts.template,
        )
    ]


def _is_of(option: TimeOption, said: str | None) -> bool:
    return said is None or any(fitting.format == said for fitting in option.fittings)


def named_option(facts: Sequence[ColumnFacts], hints: Hints, options: Sequence[TimeOption]) -> TimeOption:
    """What the user says is the time."""
    said = hints.time_format
    columns = [next(column for column in facts if column.name == name) for name in hints.time]
    found = [option for option in options if option.columns == hints.time]
    found += [option for option in _of_parts(columns, HALF) if option.columns == hints.time and _is_of(option, said)]
    if found:
        return found[0]
    date = _alone(columns[0]) if said is None and len(columns) == 2 else None  # noqa: PLR2004 - and a time of day
    if date is not None:
        return _of_date_and_clock(date, columns[1], None)
    return TimeOption(
        columns=hints.time,
        fittings=[] if said is None else [Fitting(said)],
        nulls=max(column.rows - column.filled for column in columns),
        position=columns[0].position,
        has_two_digit_year=said is None and columns[0].times.has_two_digit_year,
    )
