"""The questions about metrics: in InfluxQL, names quoted, values as parameters.

Goes in: what is asked. Comes out: statements and their parameters. Why InfluxQL: see :mod:`importer.reading.asking`.
"""

from __future__ import annotations

from collections.abc import Sequence

from importer.limits import MAX_TIME_NS
from importer.reading.asking import identifier
from importer.reading.statements import Question, conditions
from importer.reading.window import ALL_OF_TIME, TimeRange
from importer.timeseries.asked import Asked

__all__ = ["COLUMN", "Question", "counts", "end", "fields_of", "points", "tags_of", "totals", "windows"]

COLUMN = "importer:value"
"""What an aggregated value is called between the two halves of a question."""


def points(asked: Asked, fields: Sequence[str], tags: Sequence[str], start_ns: int, rows: int) -> Question:
    """Points in the order of their times: time, fields, tags."""
    where, params = conditions(asked.tags, TimeRange(start_ns, asked.span.stop_ns))
    columns = ", ".join([*(_field(field) for field in fields), *map(_tag, tags)])
    return f"SELECT {columns} FROM {identifier(asked.metric)} WHERE {where} LIMIT {rows}", params  # noqa: S608


def windows(asked: Asked, function: str, field: str, tags: Sequence[str], span: TimeRange) -> Question:
    """A function's values in each interval of each series, in the order of the intervals: time, value, tags.

    Of one field only: with several, the server would give them in no order of time.
    """
    where, params = conditions(asked.tags, span)
    made = f"{function}({_field(field)}) AS {identifier(COLUMN)}"
    inner = (
        f"SELECT {made} FROM {identifier(asked.metric)} WHERE {where} "  # noqa: S608
        f"GROUP BY time({asked.interval_ns}ns), * fill(none)"
    )
    outer = ", ".join([_field(COLUMN), *map(_tag, tags)])
    return f"SELECT {outer} FROM ({inner})", params  # noqa: S608


def totals(asked: Asked, function: str, fields: Sequence[str], span: TimeRange) -> Question:
    """A function's values over a range of each series: time, fields."""
    where, params = conditions(asked.tags, span)
    made = ", ".join(f"{function}({_field(field)})" for field in fields)
    return f"SELECT {made} FROM {identifier(asked.metric)} WHERE {where} GROUP BY *", params  # noqa: S608


def end(asked: Asked, fields: Sequence[str], start_ns: int, *, last: bool) -> Question:
    """The first point from a time on, or the last of all."""
    where, params = conditions(asked.tags, TimeRange(start_ns, asked.span.stop_ns))
    columns = ", ".join(_field(field) for field in fields)
    order = " DESC" if last else ""
    text = f"SELECT {columns} FROM {identifier(asked.metric)} WHERE {where} ORDER BY time{order} LIMIT 1"  # noqa: S608
    return text, params


def fields_of(metric: str | None = None) -> Question:
    """The fields of a metric, or of all, with their types."""
    return "SHOW FIELD KEYS" + (f" FROM {identifier(metric)}" if metric is not None else ""), {}


def tags_of(metrics: Sequence[str]) -> Question:
    """The keys of metrics' tags."""
    return f"SHOW TAG KEYS FROM {_listed(metrics)}", {}


def counts(metrics: Sequence[str], fields: Sequence[str]) -> list[Question]:
    """How many values metrics have; their first points; and their last ones."""
    params: dict[str, int | str] = {"start": ALL_OF_TIME.start_ns, "last": MAX_TIME_NS}
    where = f"FROM {_listed(metrics)} WHERE time >= $start AND time <= $last"
    counted = ", ".join(f"count({_field(field)})" for field in fields)
    plain = ", ".join(_field(field) for field in fields)
    return [
        (f"SELECT {counted} {where}", params),
        (f"SELECT {plain} {where} ORDER BY time LIMIT 1", params),
        (f"SELECT {plain} {where} ORDER BY time DESC LIMIT 1", params),
    ]


def _field(key: str) -> str:
    return f"{identifier(key)}::field"


def _tag(key: str) -> str:
    return f"{identifier(key)}::tag"


def _listed(metrics: Sequence[str]) -> str:
    return ", ".join(map(identifier, metrics))
