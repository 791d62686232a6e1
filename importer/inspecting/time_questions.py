"""What is asked about the time, because the data does not decide it.

Goes in: what may be the time. Comes out: :class:`~importer.inspecting.records.Question`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import polars as pl

from importer.inspecting.facts import ColumnFacts
from importer.inspecting.records import Choice, Question
from importer.inspecting.time_facts import as_text
from importer.inspecting.time_options import TimeOption
from importer.mapping.parts import TimeSpec
from importer.mapping.timestamps import parse_times

__all__ = ["about_century", "about_column", "about_format", "about_order", "about_zone"]


def about_column(options: Sequence[TimeOption]) -> Question:
    """Which column is the time?"""
    choices = tuple(
        Choice(
            value=option.columns[0], meaning=f"as {option.fittings[0].format}: {as_text(option.fittings[0].first)} …"
        )
        for option in options
        if option.fittings
    )
    found = "Some numbers could be times" if choices else "No column holds times of a known format"
    return Question(
        about="time",
        text=f"Which column is the time? {found}; say --time COLUMN, and its --time-format.",
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


def about_format(option: TimeOption) -> Question:
    """Which format?"""
    return Question(
        about=" ".join(option.columns),
        text=f"What is the format of {' + '.join(map(repr, option.columns))}? Its cells are of none that is known.",
        option="--time-format",
        choices=(
            Choice(value="unix_s", meaning="seconds since 1970; likewise unix_ms, unix_us, unix_ns"),
            Choice(value="%Y-%m-%d %H:%M:%S%.f", meaning="for one: 2021-03-20 00:22:00.5"),
        ),
    )


def about_order(option: TimeOption, facts: Sequence[ColumnFacts]) -> Question:
    """Day or month first?"""
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
