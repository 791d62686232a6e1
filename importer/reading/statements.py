"""The questions themselves: names quoted, values as parameters.

Goes in: a layout, a selection and a range of time. Comes out: a statement and its parameters.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from importer.bucket.influxql import identifier
from importer.limits import MAX_TIME_NS
from importer.reading.layout import Layout
from importer.reading.selection import Selection
from importer.reading.window import TimeRange

__all__ = ["Question", "conditions", "counting", "ends", "reading", "that_may_overflow"]

Question = tuple[str, dict[str, int | str]]


def counting(layout: Layout, chosen: Selection, span: TimeRange, every_ns: int | None = None) -> Question:
    """How many values each field has, in all or in each window of a length, the first beginning with the span."""
    columns = [f"count({_field(field.key)})" for field in layout.fields]
    grouped = ""
    if every_ns is not None:
        grouped = f" GROUP BY time({every_ns}ns, {span.start_ns % every_ns}ns) fill(none)"
    return _statement(columns, layout, chosen, span, grouped)


def reading(layout: Layout, chosen: Selection, span: TimeRange) -> Question:
    """A row for each point: time and fields; or for each window, with more about it.

    These are each field's number of values, and of those that :func:`that_may_overflow` names the least and largest.
    """
    fields = [_field(field.key) for field in layout.fields]
    if chosen.aggregate is None:
        return _statement(fields, layout, chosen, span, " GROUP BY *")
    made = [f"{chosen.aggregate.function}({field})" for field in fields]
    counted = [f"count({field})" for field in fields]
    ends_of = [f"{which}({fields[number]})" for number in that_may_overflow(layout, chosen) for which in ("min", "max")]
    every_ns = chosen.aggregate.every.ns
    return _statement([*made, *counted, *ends_of], layout, chosen, span, f" GROUP BY time({every_ns}ns), * fill(none)")


def that_may_overflow(layout: Layout, chosen: Selection) -> list[int]:
    """Positions of the fields of which the server adds up whole numbers: it does so in 64 bits, and wraps around."""
    if chosen.aggregate is None or chosen.aggregate.function not in {"mean", "sum", "median", "spread"}:
        return []
    return [number for number, kind in enumerate(layout.stored) if kind in {"integer", "unsigned"}]


def ends(layout: Layout, chosen: Selection, *, last: bool) -> Question:
    """The first point, or the last one."""
    order = " ORDER BY time DESC LIMIT 1" if last else " ORDER BY time LIMIT 1"
    return _statement([_field(field.key) for field in layout.fields], layout, chosen, chosen.range, order)


def _statement(columns: Sequence[str], layout: Layout, chosen: Selection, span: TimeRange, rest: str) -> Question:
    where, params = conditions(chosen.tags, span)
    # No value is pasted into it: names are quoted, and nothing else can stand for them.
    return f"SELECT {', '.join(columns)} FROM {identifier(layout.measurement)} WHERE {where}{rest}", params  # noqa: S608


def conditions(tags: Iterable[tuple[str, Sequence[str]]], span: TimeRange) -> Question:
    """What points have to be for a span of time and for tags, any of whose values will do.

    Returns:
        what stands behind ``WHERE``, and its parameters.
    """
    # Both ends are included in what is asked, so that the last nanosecond that can be stored is, too.
    params: dict[str, int | str] = {"start": span.start_ns, "last": min(span.stop_ns - 1, MAX_TIME_NS)}
    found = ["time >= $start", "time <= $last"]
    for key_number, (key, values) in enumerate(tags):
        alternatives = []
        for number, value in enumerate(values):
            name = f"tag{key_number}_{number}"
            params[name] = value
            alternatives.append(f"{identifier(key)}::tag = ${name}")
        found.append(f"({' OR '.join(alternatives)})")
    return " AND ".join(found), params


def _field(key: str) -> str:
    return f"{identifier(key)}::field"
