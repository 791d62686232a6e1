"""Which column is the time, in what format and zone; asked where the data does not say.

Goes in: what is known of all columns, and what the user says. Comes out: :class:`TimeChoice`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from importer.inspecting.facts import ColumnFacts
from importer.inspecting.hints import Hints
from importer.inspecting.records import Question, TimeCandidate
from importer.inspecting.time_fitting import Fitting
from importer.inspecting.time_options import TimeOption, named_option, time_options
from importer.inspecting.time_questions import about_century, about_column, about_format, about_order, about_zone
from importer.inspecting.time_zones import Zone, zone_beside, zone_said
from importer.mapping.header import check_columns
from importer.moments import as_text

__all__ = ["TimeChoice", "choose_time"]


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
    options = sorted(time_options(facts, hints), key=lambda option: option.rank)
    if hints.time:
        check_columns(hints.time, [column.name for column in facts], source)
        named = named_option(facts, hints, options)
        options = [named, *(option for option in options if option.columns != named.columns)]
    elif not options or options[0].doubt:
        choice.questions.append(about_column(options, hints.time_format))
        choice.candidates = [
            _candidate(option, option.fittings[0], hints, option.doubt) for option in options if option.fittings
        ]
        return choice
    best = options[0]
    choice.used = best.columns
    if best.has_two_digit_year:
        choice.questions.append(about_century(best))
    elif not best.fittings:
        choice.questions.append(about_format(best, facts))
    elif not best.is_decided:
        choice.questions.append(about_order(best, facts))
    zone = _zone(best, options, facts, hints, choice)
    early = next((column.times.early for column in facts if best.columns == (column.name,)), None)
    if early is not None and early.cell.type in {fitting.format for fitting in best.fittings}:
        choice.warnings.append(
            f"{best.columns[0]!r} holds numbers that are times before 1973, such as {early}: they are loaded as that"
        )
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


def _decide(choice: TimeChoice, best: TimeOption, zone: Zone, hints: Hints) -> None:
    where: dict[str, Any] = {"column": best.columns[0]}
    if best.template is not None:
        where = {"template": best.template}
    elif len(best.columns) > 1:
        where = {"columns": list(best.columns)}
    form = best.fittings[0].format
    if zone.column is not None:
        where, form = {"columns": [*best.columns, zone.column]}, form + " %#z"
    choice.used = (*best.columns, *([zone.column] if zone.column is not None else []))
    choice.spec = where | {"format": form}
    if not best.has_offset and zone.column is None:
        choice.spec["timezone"] = zone.name
    if hints.ambiguous is not None:
        choice.spec["ambiguous"] = hints.ambiguous


def _zone(
    best: TimeOption, options: Sequence[TimeOption], facts: Sequence[ColumnFacts], hints: Hints, choice: TimeChoice
) -> Zone:
    """The zone of the chosen time; asked where it is a local time and nothing says of which zone."""
    said = zone_said(best, options, hints) or zone_beside(best, facts)
    if said is not None:
        return said
    if best.is_local:
        choice.questions.append(about_zone(best))
    elif not choice.questions:
        choice.warnings.append(
            f"nothing says the zone of {' + '.join(map(repr, best.columns))}: it is taken for UTC; "
            "if it is another one, say --timezone, such as Europe/Zurich"
        )
    return Zone("UTC", is_given=False, why="nothing says its zone: taken for UTC")


def _candidate(
    option: TimeOption,
    fitting: Fitting | None,
    hints: Hints,
    why: str,
    *,
    zone: Zone | None = None,
    chosen: bool = False,
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


def _reason(best: TimeOption, options: Sequence[TimeOption], hints: Hints) -> str:
    if hints.time:
        return "as given"
    parts = []
    if len(best.columns) > 1:
        parts.append("together they are the time")
    elif len(options) == 1:
        parts.append("the only column with times")
    elif all(option.is_local or option.doubt for option in options[1:]):
        parts.append("the other is local time" if len(options) == 2 else "the others are local times")  # noqa: PLR2004
    elif best.has_offset and not all(option.has_offset for option in options):
        parts.append("it says its offset, others do not")
    else:
        parts.append("the most likely of several by name and place: say --time for another")
    if best.decided_by and best.is_decided and len(best.fittings) == 1 and "%" in best.fittings[0].format:
        parts.append(best.decided_by)
    return "; ".join(parts)


def _reason_not(option: TimeOption, best: TimeOption) -> str:
    taken = " + ".join(map(repr, best.columns))
    if option.doubt:
        return option.doubt
    if option.has_two_digit_year:
        return "its years have two digits"
    if option.is_local and not best.is_local:
        return f"local time beside {taken}"
    if not option.has_clock and best.has_clock:
        return f"a date alone, where {taken} {'has' if len(best.columns) == 1 else 'have'} the time of day, too"
    if option.nulls and not best.nulls:
        return f"empty in {option.nulls:,} rows"
    return f"more likely is {taken}; say --time {option.columns[0]} if it is this one"
