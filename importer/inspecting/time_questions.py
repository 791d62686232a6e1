"""What is asked about the time, because the data does not decide it.

Goes in: what may be the time. Comes out: :class:`~importer.inspecting.records.Question`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice

import polars as pl

from importer.inspecting.facts import ColumnFacts
from importer.inspecting.records import Choice, Question
from importer.inspecting.time_facts import HALF, TimeFacts
from importer.inspecting.time_fitting import Fitting
from importer.inspecting.time_options import TimeOption
from importer.mapping.parts import TimeSpec
from importer.mapping.timestamps import parse_times
from importer.moments import as_text

__all__ = ["about_century", "about_column", "about_format", "about_order", "about_zone"]

MOST_TEXTS = 2_000
"""Of a column are looked through for one that shows what the question is about."""


def about_column(options: Sequence[TimeOption], form: str | None) -> Question:
    """Which column is the time? The format is what the user says."""
    choices = tuple(
        Choice(value=option.columns[0], meaning=_likely(option.fittings[0], option.doubt))
        for option in options
        if option.fittings
    )
    known = "a known format" if form is None else f"the format {form}"
    found = f"No column holds times of {known}; say --time COLUMN, and its --time-format."
    if choices:
        found = "None is so without doubt."
    return Question(
        about="time",
        text=f"Which column is the time? {found}",
        option="--time",
        choices=choices,
    )


def about_zone(option: TimeOption) -> Question:
    """Of which zone is a local time?"""
    return Question(
        about=" ".join(option.columns),
        text=f"{option.columns[0]!r} is a local time, by its name, and nothing says of which zone.",
        option="--timezone",
        choices=(
            Choice(value="Europe/Zurich", meaning="for one, any IANA name"),
            Choice(value="UTC", meaning="if it is UTC after all"),
        ),
    )


def about_century(option: TimeOption) -> Question:
    """Which century are years of two digits of? No option says it."""
    return Question(
        about=option.columns[0],
        text=f"{option.columns[0]!r} has years of two digits; their century is not guessed, and no format reads them. "
        "Write the years out in the file, or name another column.",
        option="--time",
    )


def _likely(fitting: Fitting, doubt: str) -> str:
    return f"as {fitting.format}: {as_text(fitting.first)} …; {doubt}"


def about_format(option: TimeOption, facts: Sequence[ColumnFacts]) -> Question:
    """Which format?"""
    cells = [column.examples[0] for column in facts if column.name in option.columns and column.examples]
    such = f", such as {' + '.join(map(repr, cells))}," if cells else ""
    return Question(
        about=" ".join(option.columns),
        text=f"What is the format of {' + '.join(map(repr, option.columns))}? "
        f"Its cells{such} are of none that is known.",
        option="--time-format",
        choices=(
            Choice(value="unix_s", meaning="seconds since 1970; likewise unix_ms, unix_us, unix_ns"),
            Choice(value="%Y-%m-%d %H:%M:%S%.f", meaning="for one: 2021-03-20 00:22:00.5"),
        ),
    )


def about_order(option: TimeOption, facts: Sequence[ColumnFacts]) -> Question:
    """Day or month first?"""
    column = next(column for column in facts if column.name == option.columns[0])
    alone = [_of_date(fitting, column.times) for fitting in option.fittings]
    texts = pl.Series([*column.examples, *islice(column.values.counts, MOST_TEXTS)], dtype=pl.String)
    read = pl.DataFrame([parse_times(texts, TimeSpec(column="x", format=form)).ns.alias(form) for form in alone])
    # A text that all of them read, each in its own way; else one that each reads.
    differing = read.select(pl.concat_list(pl.all()).list.drop_nulls().list.n_unique() == len(alone)).to_series()
    choices = []
    for form, fitting in zip(alone, option.fittings, strict=True):
        row = (differing if differing.any() else read[form].is_not_null()).arg_max() or 0
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=read[form][row] // 10**9)
        choices.append(Choice(value=fitting.format, meaning=f"{texts[row]} is {moment.day} {moment:%B %Y}"))
    order = "day or month first" if {"%d", "%m"} & {item.value[:2] for item in choices} else "which of these"
    against = [cell for form in alone if (cell := column.times.not_of(form, but_of=alone))]
    reason = "; ".join(against) if against else "No date in it decides that"
    return Question(
        about=" ".join(option.columns),
        text=f"{option.columns[0]!r}: {order}? {reason}.",
        option="--time-format",
        choices=tuple(choices),
    )


def _of_date(fitting: Fitting, times: TimeFacts) -> str:
    """The format of the date alone, where a time of day is joined to it."""
    return max((item.format for item in times.within(HALF) if fitting.format.startswith(item.format)), key=len)
