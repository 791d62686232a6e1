"""What is to be read: which measurements, tags and fields, from when to when, and whether by windows.

Goes in: what options name. Comes out: a :class:`Selection`, whose parts are checked as far as that goes without the
bucket.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypedDict

from importer.errors import ConfigurationError
from importer.mapping.header import nearest
from importer.reading.window import TimeRange, Window, parse_window, time_range
from importer.records import FieldType

__all__ = [
    "DEFAULT_FUNCTION",
    "FUNCTIONS",
    "Aggregate",
    "Selection",
    "Wanted",
    "aggregated_type",
    "selection",
    "tag_filters",
]

FUNCTIONS: Final[dict[str, FieldType | None]] = {
    "mean": "float",
    "median": "float",
    "stddev": "float",
    "sum": None,
    "min": None,
    "max": None,
    "spread": None,
    "count": "integer",
    "first": None,
    "last": None,
    "mode": None,
}
"""What a window's values may become, and of which type; None: of the field's own."""

OF_ANY_TYPE: Final = frozenset({"count", "first", "last", "mode"})
"""The others are of numbers only."""

DEFAULT_FUNCTION: Final = "mean"

NUMBERS: Final = frozenset({"float", "integer", "unsigned"})


Names = str | Iterable[str]


class Wanted(TypedDict, total=False):
    """What of a bucket is wanted, by the names that :func:`importer.read` explains."""

    window: str | None
    start: str | None
    stop: str | None
    aggregate: str | None
    fn: str | None
    measurement: Names
    tags: Mapping[str, Names] | None
    fields: Names


@dataclass(frozen=True, slots=True)
class Aggregate:
    """One row for each window and series, instead of one for each point.

    Attributes:
        every: the windows' length; they begin at its multiples since 1970 UTC (weeks: on Thursdays).
        function: one of :data:`FUNCTIONS`.
    """

    every: Window
    function: str


@dataclass(frozen=True, slots=True)
class Selection:
    """What is to be read.

    Attributes:
        range: from when to when.
        measurements: their names; empty: all.
        tags: for each key the values of which a point has to have one; an empty value: no such tag.
        fields: their keys; empty: all.
        aggregate: None for the points themselves.
    """

    range: TimeRange
    measurements: tuple[str, ...] = ()
    tags: tuple[tuple[str, tuple[str, ...]], ...] = ()
    fields: tuple[str, ...] = ()
    aggregate: Aggregate | None = None


def selection(
    *,
    window: str | None = None,
    start: str | None = None,
    stop: str | None = None,
    aggregate: str | None = None,
    fn: str | None = None,
    measurement: Names = (),
    tags: Mapping[str, Names] | None = None,
    fields: Names = (),
) -> Selection:
    """What options name; without any, all that the bucket holds.

    Args:
        window: as in :func:`importer.read`, like the others.
        start: a time.
        stop: a time.
        aggregate: a length.
        fn: of what it makes of each window.
        measurement: one name or several.
        tags: for each key a value or several.
        fields: one key or several.

    Raises:
        ConfigurationError: one of them is not understood, or they contradict each other.
    """
    return Selection(
        range=time_range(window, start, stop),
        measurements=_names(measurement),
        tags=tuple((key, _names(values)) for key, values in (tags or {}).items()),
        fields=_names(fields),
        aggregate=_aggregate(aggregate, fn),
    )


def aggregated_type(function: str, kind: FieldType) -> FieldType | None:
    """The type of what a function makes of a field's values; None if it makes nothing of them."""
    if function not in OF_ANY_TYPE and kind not in NUMBERS:
        return None
    return FUNCTIONS[function] or kind


def tag_filters(texts: Iterable[str]) -> dict[str, list[str]]:
    """Tags as the command line takes them: ``KEY=VALUE``, several values of a key by several texts.

    Raises:
        ConfigurationError: a text is not of that form.
    """
    found: dict[str, list[str]] = {}
    for text in texts:
        key, sign, value = text.partition("=")
        if not key or not sign:
            raise ConfigurationError(f"a tag filter is KEY=VALUE, such as city=Oslo, and not {text!r}")
        found.setdefault(key, []).append(value)
    return found


def _aggregate(every: str | None, function: str | None) -> Aggregate | None:
    if every is None:
        if function is not None:
            raise ConfigurationError(
                f"a function ({function}) needs windows to work on: say how long, such as --aggregate 30m"
            )
        return None
    name = function or DEFAULT_FUNCTION
    if name not in FUNCTIONS:
        near = nearest(name, FUNCTIONS)
        meant = f"; did you mean {near[0]}?" if near else "."
        raise ConfigurationError(f"there is no function {name!r}{meant} There are: {', '.join(FUNCTIONS)}")
    return Aggregate(parse_window(every, name="aggregate"), name)


def _names(given: Names) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(dict.fromkeys(given))
