"""Which column is the time, in what format and zone; asked where the data does not say.

Goes in: what is known of all columns, and what the user says. Comes out: :class:`TimeChoice`.
"""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from importer.inspecting.facts import ColumnFacts
from importer.inspecting.hints import Hints
from importer.inspecting.records import Choice, Question, TimeCandidate
from importer.inspecting.time_facts import Fitting
from importer.inspecting.time_shapes import EPOCHS, epoch_unit
from importer.mapping.header import check_columns
from importer.mapping.parts import TimeSpec
from importer.mapping.timestamps import parse_times

__all__ = ["TimeChoice", "as_text", "choose_time"]

_TIME_NAME = re.compile(
    r"(^|[^a-z])(time|times|timestamp|timestamps|datetime|date|dates|ts|epoch|unix|instant|moment|when|day|t|at|utc|"
    r"zeit|datum|zeitstempel|uhrzeit|fecha|hora|heure|jour|data|ora)([^a-z]|$)|time$|date$|^time|^date",
    re.IGNORECASE,
)
_EXACT = ("time", "timestamp", "datetime", "date_time", "_time", "ts", "date", "utc")
_LOCAL = re.compile(r"(^|[^a-z])(local|lokal|lt|mez|mesz|cet|cest)([^a-z]|$)|local", re.IGNORECASE)
_UTC = re.compile(r"(^|[^a-z])(utc|gmt|zulu)([^a-z]|$)|utc$|gmt$", re.IGNORECASE)
_ZONE = re.compile(
    r"(^|[^a-z])(tz|timezone|time_zone|zone|offset|utcoffset|gmtoffset)([^a-z]|$)|offset|timezone", re.IGNORECASE
)


@dataclass(slots=True)
class TimeChoice:
    """The time.

    Attributes:
        spec: as the mapping file has it; None while it is not decided.
        candidates: all that may be the time, the best first.
        used: columns that it takes.
        questions: what must be answered first.
        warnings: what one should know.
    """

    spec: dict[str, Any] | None = None
    candidates: list[TimeCandidate] = field(default_factory=list)
    used: tuple[str, ...] = ()
    questions: list[Question] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Option:
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
        return any(_LOCAL.search(column) for column in self.columns) and not self.has_offset

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
            not (self.has_offset or _UTC.search(name)),
            _EXACT.index(name) if name in _EXACT else len(_EXACT),
            not _TIME_NAME.search(name),
            self.position,
        )


def choose_time(facts: Sequence[ColumnFacts], hints: Hints, source: str) -> TimeChoice:
    """Decide which column is the time.

    Args:
        facts: of all columns.
        hints: what the user says.
        source: its name, for messages.

    Raises:
        MappingError: the user names a column that is not there.
    """
    choice = TimeChoice()
    options = sorted(_options(facts, hints), key=lambda option: option.rank)
    if hints.time:
        check_columns(hints.time, [column.name for column in facts], source)
        named = _named(facts, hints, options)
        options = [named, *(option for option in options if option.columns != named.columns)]
    elif not options or options[0].is_weak:
        _ask_for_column(choice, options)
        choice.candidates = [
            _candidate(option, option.fittings[0], hints, "its numbers could be times") for option in options
        ]
        return choice
    best = options[0]
    choice.used = best.columns
    if best.has_two_digit_year:
        choice.questions.append(_about_century(best))
    elif not best.fittings:
        choice.questions.append(_about_format(best))
    elif not best.is_decided:
        choice.questions.append(_about_order(best, facts))
    zone = _zone(best, options, facts, hints, choice)
    for option in options:
        fitting = option.fittings[0] if option.fittings and option.is_decided else None
        is_best = option is best
        why = _reason(best, options, hints) if is_best else _reason_not(option, best)
        choice.candidates.append(
            _candidate(option, fitting, hints, why, zone=zone if is_best else None, chosen=is_best)
        )
    if not choice.questions:
        _decide(choice, best, zone, hints)
    return choice


def as_text(ns: int) -> str:
    """A time in RFC 3339, without digits that say nothing."""
    seconds, fraction = divmod(ns, 10**9)
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    digits = f".{fraction:09}".rstrip("0").rstrip(".") if fraction else ""
    return f"{moment:%Y-%m-%dT%H:%M:%S}{digits}Z"


def _decide(choice: TimeChoice, best: _Option, zone: _Zone, hints: Hints) -> None:
    where: dict[str, Any] = {"column": best.columns[0]}
    if len(best.columns) > 1:
        where = {"columns": list(best.columns)}
    form = best.fittings[0].format
    if zone.column is not None:
        where, form = {"columns": [*best.columns, zone.column]}, form + " %#z"
    choice.used = tuple(where.get("columns", [best.columns[0]]))
    choice.spec = where | {"format": form}
    if not best.has_offset and zone.column is None:
        choice.spec["timezone"] = zone.name
    if hints.ambiguous is not None:
        choice.spec["ambiguous"] = hints.ambiguous


def _options(facts: Sequence[ColumnFacts], hints: Hints) -> list[_Option]:
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


def _option(column: ColumnFacts, fittings: list[Fitting], **more: Any) -> _Option:
    return _Option(
        columns=(column.name,),
        fittings=fittings,
        has_clock=column.times.has_clock,
        has_offset=column.times.has_offset,
        nulls=column.rows - column.filled,
        position=column.position,
        **({"is_weak": False} | more),
    )


def _joined(facts: Sequence[ColumnFacts], found: Sequence[_Option]) -> list[_Option]:
    """A column of dates beside one of times of day."""
    dates = [option for option in found if not option.has_clock and option.fittings]
    clocks = [column for column in facts if column.times.clocks and column.filled]
    if not dates or not clocks:
        return []
    date = min(dates, key=lambda option: (_LOCAL.search(option.columns[0]) is not None, option.position))
    clock = min(clocks, key=lambda column: abs(column.position - date.position))
    return [
        _Option(
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


def _of_parts(facts: Sequence[ColumnFacts]) -> list[_Option]:
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
        _Option(
            columns=tuple(column.name for column in columns),
            fittings=[Fitting(form, first, last)],
            has_clock=len(columns) > 3,  # noqa: PLR2004
            has_offset=False,
            is_weak=False,
            nulls=max(column.rows - column.filled for column in columns),
            position=columns[0].position,
        )
    ]


def _named(facts: Sequence[ColumnFacts], hints: Hints, options: Sequence[_Option]) -> _Option:
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
    return _Option(
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


@dataclass(frozen=True, slots=True)
class _Zone:
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


def _zone(
    best: _Option, options: Sequence[_Option], facts: Sequence[ColumnFacts], hints: Hints, choice: TimeChoice
) -> _Zone:
    """The zone of the chosen time; asked where it is a local time and nothing says of which zone."""
    said = _zone_said(best, options, hints) or _zone_beside(best, facts)
    if said is not None:
        return said
    if best.is_local:
        choice.questions.append(
            Question(
                about=" ".join(best.columns),
                text=f"{best.columns[0]!r} is a local time, by its name, and nothing says of which zone.",
                option="--timezone",
                choices=(
                    Choice(value="Europe/Zurich", meaning="for one, any IANA name"),
                    Choice(value="UTC", meaning="if it is UTC after all"),
                ),
            )
        )
    elif not choice.questions:
        choice.warnings.append(
            f"nothing says the zone of {' + '.join(map(repr, best.columns))}: it is taken for UTC; "
            "if it is another one, say --timezone, such as Europe/Zurich"
        )
    return _Zone("UTC", is_given=False, why="nothing says its zone: taken for UTC")


def _zone_said(best: _Option, options: Sequence[_Option], hints: Hints) -> _Zone | None:
    """The zone that the texts, the user or the names of the columns say."""
    if best.has_offset:
        return _Zone("UTC", is_given=True, why="")
    if hints.timezone is not None:
        return _Zone(hints.timezone, is_given=True, why=f"in {hints.timezone}, as given")
    if any(_UTC.search(column) for column in best.columns):
        return _Zone("UTC", is_given=True, why="its name says UTC")
    local = next((option.columns[0] for option in options if option.is_local), None)
    if local is not None and not best.is_local:
        return _Zone("UTC", is_given=True, why=f"as local time stands beside it ({local}), it is taken for UTC")
    return None


def _zone_beside(best: _Option, facts: Sequence[ColumnFacts]) -> _Zone | None:
    """The zone that another column holds, or each row's offset."""
    for column in facts:
        if column.name in best.columns or not _ZONE.search(column.name) or column.rows != column.filled:
            continue
        if column.times.are_offsets and best.has_clock and len(best.columns) == 1:
            return _Zone("UTC", is_given=True, why=f"its offset from UTC is in {column.name!r}", column=column.name)
        named = next(iter(column.values.counts), "") if column.values.number == 1 else ""
        if named and _is_zone(named):
            return _Zone(named, is_given=True, why=f"{column.name!r} says the zone: {named}")
    return None


def _is_zone(text: str) -> bool:
    if "/" not in text and text not in ("UTC", "GMT"):
        return False
    try:
        zoneinfo.ZoneInfo(text)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _candidate(
    option: _Option, fitting: Fitting | None, hints: Hints, why: str, *, zone: _Zone | None = None, chosen: bool = False
) -> TimeCandidate:
    known = fitting is not None and fitting.first <= fitting.last
    form = None if fitting is None else fitting.format
    if form is not None and zone is not None and zone.column is not None:
        form += " %#z"
    said = [why, zone.why if zone is not None else ""]
    return TimeCandidate(
        columns=(*option.columns, *([zone.column] if zone is not None and zone.column else [])),
        format=form,
        timezone=zone.name if zone is not None else hints.timezone or "UTC",
        timezone_is_given=zone is not None and zone.is_given,
        has_offset=option.has_offset or (zone is not None and zone.column is not None),
        first=as_text(fitting.first) if fitting is not None and known else None,
        last=as_text(fitting.last) if fitting is not None and known else None,
        first_ns=fitting.first if fitting is not None and known else None,
        last_ns=fitting.last if fitting is not None and known else None,
        precision=fitting.precision if fitting is not None and known else None,
        nulls=option.nulls,
        chosen=chosen,
        why="; ".join(part for part in said if part),
    )


def _reason(best: _Option, options: Sequence[_Option], hints: Hints) -> str:
    if hints.time:
        return "as given"
    parts = []
    if len(best.columns) > 1:
        parts.append("together they are the time")
    elif len(options) == 1:
        parts.append("the only column with times")
    elif all(option.is_local or option.is_weak for option in options[1:]):
        parts.append("the other is local time" if len(options) == 2 else "the others are local times")  # noqa: PLR2004
    elif best.has_offset and not all(option.has_offset for option in options):
        parts.append("it says its offset, others do not")
    else:
        parts.append("the most likely of several by name and place: say --time for another")
    if best.decided_by and best.is_decided and len(best.fittings) == 1 and "%" in best.fittings[0].format:
        parts.append(best.decided_by)
    return "; ".join(parts)


def _reason_not(option: _Option, best: _Option) -> str:
    if option.is_weak:
        return "its numbers could be times, its name does not say so"
    if option.has_two_digit_year:
        return "its years have two digits"
    if option.is_local and not best.is_local:
        return f"local time beside {best.columns[0]!r}"
    if not option.has_clock and best.has_clock:
        return f"a date alone, where {best.columns[0]!r} has the time of day, too"
    if option.nulls and not best.nulls:
        return f"empty in {option.nulls:,} rows"
    return f"{best.columns[0]!r} is more likely; say --time {option.columns[0]} if it is this one"


def _ask_for_column(choice: TimeChoice, options: Sequence[_Option]) -> None:
    choices = tuple(
        Choice(
            value=option.columns[0], meaning=f"as {option.fittings[0].format}: {as_text(option.fittings[0].first)} …"
        )
        for option in options
        if option.fittings
    )
    found = "some numbers could be times" if choices else "no column holds times of a known format"
    choice.questions.append(
        Question(
            about="time",
            text=f"Which column is the time? {found[0].upper()}{found[1:]}; say --time COLUMN, and its --time-format.",
            option="--time",
            choices=choices,
        )
    )


def _about_century(option: _Option) -> Question:
    return Question(
        about=option.columns[0],
        text=f"{option.columns[0]!r} has years of two digits; their century is not guessed, and no format reads them. "
        "Write the years out in the file, or name another column.",
        option="--time",
    )


def _about_format(option: _Option) -> Question:
    return Question(
        about=" ".join(option.columns),
        text=f"What is the format of {' + '.join(map(repr, option.columns))}? Its cells are of none that is known.",
        option="--time-format",
        choices=(
            Choice(value="unix_s", meaning="seconds since 1970; likewise unix_ms, unix_us, unix_ns"),
            Choice(value="%Y-%m-%d %H:%M:%S%.f", meaning="for one: 2021-03-20 00:22:00.5"),
        ),
    )


def _about_order(option: _Option, facts: Sequence[ColumnFacts]) -> Question:
    column = next(column for column in facts if column.name == option.columns[0])
    choices = []
    for fitting in option.fittings:
        example = next((text for text in column.examples if _differs(text, column)), column.examples[0])
        single = next(item for item in column.times.undecided if fitting.format.startswith(item.format))
        ns = parse_times(pl.Series([example]), TimeSpec(column="x", format=single.format)).ns[0]
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=ns // 10**9)
        choices.append(Choice(value=fitting.format, meaning=f"{example} is {moment.day} {moment:%B %Y}"))
    order = "day or month first" if {"%d", "%m"} & {item.value[:2] for item in choices} else "which of these"
    return Question(
        about=" ".join(option.columns),
        text=f"{option.columns[0]!r}: {order}? No date in it decides that.",
        option="--time-format",
        choices=tuple(choices),
    )


def _differs(text: str, column: ColumnFacts) -> bool:
    times = {
        parse_times(pl.Series([text]), TimeSpec(column="x", format=fitting.format)).ns[0]
        for fitting in column.times.undecided
    }
    return len(times) > 1
