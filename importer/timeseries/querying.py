"""Pages of a metric's points, as they are or aggregated.

Goes in: what is asked, of a bucket that is ready to be asked. Comes out: the points of one page, and where the next one
begins.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from importer.errors import NotFoundError, ServerError
from importer.limits import MAX_TIME_NS, MIN_TIME_NS
from importer.moments import as_text
from importer.reading.asking import Asking
from importer.reading.window import TimeRange
from importer.timeseries import questions
from importer.timeseries.asked import AGGREGATIONS, Asked, Position, UnclearError
from importer.timeseries.lines import NUMBER_FIELD, TEXT_FIELD, unaskable

__all__ = ["Page", "Shape", "kind_of", "page", "shape"]

OF_TEXTS = frozenset({"COUNT", "FIRST", "LAST"})
WITH_TIMES = frozenset({"FIRST", "LAST", "MIN", "MAX"})
NUMBERS = frozenset({"float", "integer", "unsigned"})

_INFINITE = "unsupported value"
"""What the server's JSON says of an infinity."""

FIRST_INTERVALS = 16
"""That are computed at once; where they have too few values, four times as many are next."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a metric consists of.

    Attributes:
        fields: in which its values are: of numbers, of texts, or both.
        tags: their keys.
    """

    fields: tuple[str, ...]
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Value:
    """A value of a series.

    Attributes:
        time_ns: None where it has no time of its own.
        value: a number or a text.
        tags: of its series.
    """

    time_ns: int | None
    value: float | int | str
    tags: dict[str, str]


@dataclass(frozen=True, slots=True)
class Page:
    """Points, as they are told.

    Attributes:
        points: with time, value and tags.
        next: where the next page begins; None if there is none.
    """

    points: list[dict[str, Any]]
    next: Position | None


def kind_of(field: str, stored: str) -> str | None:
    """Which of a metric's two fields this is, by name and type; None if it is none of them."""
    if field == NUMBER_FIELD and stored in NUMBERS:
        return NUMBER_FIELD
    return TEXT_FIELD if field == TEXT_FIELD and stored == "string" else None


def shape(asking: Asking, metric: str) -> Shape:
    """What a metric consists of.

    Raises:
        NotFoundError: there is no such metric.
        ServerError: the server did not answer.
    """
    found: list[str | None] = []
    if unaskable(metric) is None:
        found = [kind_of(*row) for piece in asking.rows(*questions.fields_of(metric)) for row in piece.rows]
    fields = sorted({field for field in found if field is not None}, reverse=True)
    if not fields:
        raise NotFoundError(f"there is no metric {metric!r}: GET /metrics lists those that there are", status=404)
    tags = [row[0] for piece in asking.rows(*questions.tags_of([metric])) for row in piece.rows]
    return Shape(tuple(fields), tuple(sorted(tag for tag in tags if unaskable(tag) is None)))


def page(asking: Asking, asked: Asked, of: Shape) -> Page:
    """The points of a page.

    Raises:
        UnclearError: there is nothing of the kind, as of texts there is no average.
        ServerError: the server did not answer.
    """
    try:
        return _page(asking, asked, of)
    except ServerError as error:
        if _INFINITE in str(error):
            raise UnclearError(
                "aggregation",
                f"the numbers are so large that their {asked.aggregation} is beyond what can be written: take MEDIAN, "
                "MIN or MAX, or shorter intervals",
            ) from None
        raise


def _page(asking: Asking, asked: Asked, of: Shape) -> Page:
    if asked.aggregation is None:
        rows = asked.limit + asked.position.passed + 1
        question = questions.points(asked, of.fields, of.tags, _start_ns(asked), rows)
        return _cut(asked, _of_rows(asked, asking.pieces(*question), of.fields, of.tags))
    fields = [field for field in of.fields if field == NUMBER_FIELD or asked.aggregation in OF_TEXTS]
    if not fields:
        raise UnclearError(
            "aggregation",
            f"there is no {asked.aggregation} of texts, and {asked.metric!r} has no numbers: take COUNT, FIRST or LAST",
        )
    if asked.interval_ns is None:
        return _cut(asked, _totals(asking, asked, fields, asked.span))
    return _cut(asked, _windows(asking, asked, fields, of.tags))


def _start_ns(asked: Asked) -> int:
    return max(asked.span.start_ns, asked.span.start_ns if asked.position.time_ns is None else asked.position.time_ns)


def _of_rows(asked: Asked, pieces: Iterable[Any], fields: Sequence[str], tags: Sequence[str]) -> Iterator[_Value]:
    """The values of rows of time, fields and tags; a row may have one for each field."""
    for row in itertools.chain.from_iterable(piece.rows for piece in pieces):
        own = {key: text for key, text in zip(tags, row[1 + len(fields) :], strict=True) if text}
        for value in _values(asked, fields, row[1 : 1 + len(fields)]):
            yield _Value(row[0], value, own)


def _values(asked: Asked, fields: Sequence[str], cells: Sequence[Any]) -> Iterator[float | int | str]:
    """What stands in the fields' cells; numbers and texts are counted together."""
    if asked.aggregation == "COUNT":
        if number := sum(int(cell or 0) for cell in cells):
            yield number
        return
    for field, cell in zip(fields, cells, strict=True):
        if cell is not None:
            yield float(cell) if field == NUMBER_FIELD else str(cell)


def _totals(
    asking: Asking, asked: Asked, fields: Sequence[str], span: TimeRange, time_ns: int | None = None
) -> Iterator[_Value]:
    """A value for each series, and field; with a time, if one is given, or else its own, or the start."""
    assert asked.aggregation is not None  # noqa: S101 - asked before
    function = AGGREGATIONS[asked.aggregation]
    # Only alone in its question does a first or largest value come with its own time.
    together = [fields] if asked.aggregation == "COUNT" else [[field] for field in fields]
    has_own = time_ns is None and asked.aggregation in WITH_TIMES
    if time_ns is None and asked.has_start:
        time_ns = span.start_ns
    for each in together:
        for piece in asking.pieces(*questions.totals(asked, function, each, span)):
            tags = {key: text for key, text in piece.tags.items() if text}
            for row in piece.rows:
                for value in _values(asked, each, row[1:]):
                    yield _Value(row[0] if has_own else time_ns, value, tags)


def _windows(asking: Asking, asked: Asked, fields: Sequence[str], tags: Sequence[str]) -> Iterator[_Value]:
    """The values of intervals, a few intervals at a time: a page is a small part of what there may be."""
    assert asked.interval_ns is not None  # noqa: S101 - asked before
    every_ns, many = asked.interval_ns, FIRST_INTERVALS
    ends = [_end(asking, asked, fields, last=last) for last in (False, True)]
    if ends[0] is None or ends[1] is None:
        return
    # The first interval is to have all its values, though the first point that was looked for may lie within it.
    begins_ns, stop_ns = ends[0] // every_ns * every_ns, min(ends[1] + 1, asked.span.stop_ns)
    last_ns = MAX_TIME_NS // every_ns * every_ns
    while begins_ns < stop_ns:
        until_ns, is_at_end = begins_ns + many * every_ns, begins_ns < MIN_TIME_NS
        if stop_ns > MAX_TIME_NS and until_ns > last_ns:
            until_ns, is_at_end = (last_ns, is_at_end) if begins_ns < last_ns else (stop_ns, True)
        if is_at_end:
            until_ns = begins_ns + every_ns
        span = TimeRange(max(begins_ns, asked.span.start_ns), min(until_ns, stop_ns))
        if is_at_end:
            # The interval reaches beyond all time: grouped by time, the server shifts it, or loses the last nanosecond.
            yield from _totals(asking, asked, fields, span, max(begins_ns, MIN_TIME_NS))
        else:
            yield from _merged(asked, [_slice(asking, asked, field, tags, span) for field in fields])
        begins_ns, many = until_ns, many * 4


def _slice(asking: Asking, asked: Asked, field: str, tags: Sequence[str], span: TimeRange) -> Iterator[_Value]:
    """What a field's values in some intervals become, as it streams in: a page that is full takes no more of it."""
    function = AGGREGATIONS[asked.aggregation or "COUNT"]
    yield from _of_rows(asked, asking.pieces(*questions.windows(asked, function, field, tags, span)), [field], tags)


def _merged(asked: Asked, parts: Sequence[Iterator[_Value]]) -> Iterable[_Value]:
    """The values of several fields in the order of their times; the counts of an interval and series added up."""
    if len(parts) == 1:
        return parts[0]
    enough = asked.limit + asked.position.passed + 1
    values = [value for part in parts for value in itertools.islice(part, enough)]
    if asked.aggregation == "COUNT":
        summed: dict[tuple[int | None, tuple[tuple[str, str], ...]], _Value] = {}
        for each in values:
            key = each.time_ns, tuple(each.tags.items())
            before = summed.get(key)
            number = int(each.value) + (int(before.value) if before else 0)
            summed[key] = _Value(each.time_ns, number, each.tags)
        values = list(summed.values())
    return sorted(values, key=lambda each: each.time_ns or 0)


def _end(asking: Asking, asked: Asked, fields: Sequence[str], *, last: bool) -> int | None:
    found = asking.rows(*questions.end(asked, fields, _start_ns(asked), last=last))
    return next((int(row[0]) for piece in found for row in piece.rows), None)


def _cut(asked: Asked, values: Iterator[_Value]) -> Page:
    """A page's worth of what comes, behind what was passed before it."""
    has_times = asked.aggregation is None or asked.interval_ns is not None
    points: list[dict[str, Any]] = []
    before, last = asked.position, Position()
    passed = 0  # of the time of the last value
    time_ns = before.time_ns
    for number, each in enumerate(values):
        if has_times and each.time_ns != time_ns:
            time_ns, passed = each.time_ns, 0
        if passed < before.passed and (time_ns == before.time_ns if has_times else number < before.passed):
            passed += 1
            continue
        if len(points) == asked.limit:
            return Page(points, last)
        passed += 1
        last = Position(time_ns if has_times else None, passed)
        shown = None if each.time_ns is None else as_text(each.time_ns)
        points.append({"time": shown, "value": each.value, "tags": each.tags})
    return Page(points, None)
