"""The questions in Flux that an analysis asks.

``DATA`` stands for what :class:`importer.analysis.scope.Scope` puts there, ``ONCE`` for what :func:`once` does,
``GROUP`` for grouping into the whole or by a tag's values, and ``KEEP`` for leaving nothing but that value and what is
named. Everything else that varies is a parameter.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

__all__ = [
    "EMPTY_TEXTS",
    "ENDS",
    "FIELDS",
    "FREQUENT",
    "HISTOGRAM",
    "INTERVALS",
    "LIMITS",
    "MAX_TEXT",
    "NUMBERS",
    "NUMBER_WINDOWS",
    "SERIES",
    "TEXTS",
    "TRUE",
    "TYPE",
    "WINDOWS",
    "gaps",
    "grouped",
    "once",
]

MAX_TEXT = 200

_KEEP = re.compile(r"KEEP\(\[(.*?)\]\)")
_GROUP_AND = re.compile(r"GROUP_AND\((.*?)\)")

_ACCOUNT = """|> reduce(
        identity: {values: 0, series: 0},
        fn: (r, accumulator) => ({values: accumulator.values + r._value, series: accumulator.series + 1})
    )"""

FIELDS = f"""DATA |> count() |> group(columns: ["_measurement", "_field"]) {_ACCOUNT}
    |> group() |> sort(columns: ["_measurement", "_field"]) |> limit(n: most)"""

SERIES = f"""DATA TIMES_ONCE |> count() |> GROUP {_ACCOUNT}
    |> group() |> KEEP(["values", "series"]) |> sort(columns: ["_by"]) |> limit(n: most)"""

TYPE = 'DATA |> first() |> keep(columns: ["_value"]) |> limit(n: 1)'

# Once per series, and then among series: a grouped read is in no order of time.
ENDS = """DATA ONCE |> first() |> map(fn: (r) => ({r with _value: int(v: r._time)}))
    |> GROUP |> min() |> KEEP(["_value"]) |> yield(name: "first")
DATA ONCE |> last() |> map(fn: (r) => ({r with _value: int(v: r._time)}))
    |> GROUP |> max() |> KEEP(["_value"]) |> yield(name: "last")"""

LIMITS = """DATA ONCE |> GROUP |> min() |> KEEP(["_value"]) |> yield(name: "minimum")
DATA ONCE |> GROUP |> max() |> KEEP(["_value"]) |> yield(name: "maximum")"""

# As floats, because the server's mean of great integers overflows.
NUMBERS = """numbers = DATA ONCE |> toFloat() |> GROUP
numbers |> mean() |> KEEP(["_value"]) |> yield(name: "mean")
numbers |> quantile(q: 0.5, method: method) |> KEEP(["_value"]) |> yield(name: "p50")
numbers |> quantile(q: 0.95, method: method) |> KEEP(["_value"]) |> yield(name: "p95")
numbers |> quantile(q: 0.99, method: method) |> KEEP(["_value"]) |> yield(name: "p99")"""

TRUE = 'DATA |> filter(fn: (r) => r._value == true) ONCE |> count() |> GROUP |> sum() |> KEEP(["_value"])'

# A column of texts in which one is empty is cut short by this server, and what is behind it moves: without them.
EMPTY_TEXTS = 'DATA |> filter(fn: (r) => r._value == "") ONCE |> count() |> GROUP |> sum() |> KEEP(["_value"])'
TEXTS = 'DATA |> filter(fn: (r) => r._value != "") ONCE |> GROUP |> distinct() |> count() |> KEEP(["_value"])'
FREQUENT = """import "strings"
DATA |> filter(fn: (r) => r._value != "") ONCE |> duplicate(column: "_value", as: "_importer_text")
    |> GROUP_AND("_importer_text") |> count() |> GROUP
    |> sort(columns: ["_value", "_importer_text"], desc: true) |> limit(n: most)
    |> map(fn: (r) => ({r with _importer_text: strings.substring(v: r._importer_text, start: 0, end: max_text)}))
    |> KEEP(["_value", "_importer_text"])"""

# Where the server reads a block twice, times of a series do not rise, and each is to be taken once. Texts that may be
# empty do not survive that: either they are filtered before, or only their times are asked for.
_ONCE = '|> unique(column: "_time") |> sort(columns: ["_time"])'
_TIMES_ONCE = f'|> drop(columns: ["_value"]) {_ONCE} |> map(fn: (r) => ({{r with _value: 1}}))'

# It takes times for floats, which are exact to 256 ns today; by integers it would take ten times as long.
_STEPS = 'DATA |> drop(columns: ["_value"]) ONCE |> elapsed(unit: 1ns, columnName: "_value")'
INTERVALS = f"""steps = {_STEPS} |> GROUP
steps |> max() |> map(fn: (r) => ({{r with _importer_stop: int(v: r._time)}}))
    |> KEEP(["_value", "_importer_stop"]) |> yield(name: "longest")
steps |> toFloat() |> quantile(q: 0.5, method: method) |> KEEP(["_value"]) |> yield(name: "median")
steps |> filter(fn: (r) => r._value <= 0) |> count() |> KEEP(["_value"]) |> yield(name: "not rising")"""

WINDOWS = """DATA TIMES_ONCE
    |> aggregateWindow(
        every: duration(v: every), offset: duration(v: offset), fn: count, timeSrc: "_start", createEmpty: false
    )
    |> group(columns: ["_time"]) |> sum() |> group()
    |> map(fn: (r) => ({_at: int(v: r._time), _value: r._value})) |> sort(columns: ["_at"])"""

NUMBER_WINDOWS = "numbers = DATA ONCE |> toFloat() |> group()\n" + "\n".join(
    f"""numbers |> aggregateWindow(
        every: duration(v: every), offset: duration(v: offset), fn: {function}, timeSrc: "_start", createEmpty: false
    )
    |> map(fn: (r) => ({{_at: int(v: r._time), _value: r._value}})) |> yield(name: "{name}")"""
    for function, name in (("min", "minimum"), ("mean", "mean"), ("max", "maximum"))
)

HISTOGRAM = """DATA ONCE |> toFloat() |> group()
    |> histogram(bins: linearBins(start: first_edge, width: width, count: bins, infinity: true))"""


def once(flux: str, *, needed: bool) -> str:
    """A question that takes each time of a series once, which costs much where it is needed."""
    return flux.replace(" TIMES_ONCE", f" {_TIMES_ONCE}" if needed else "").replace(
        " ONCE", f" {_ONCE}" if needed else ""
    )


def grouped(flux: str, by: str | None) -> tuple[str, dict[str, str]]:
    """A question about the whole, or about each value of a tag, which then stands in the column ``_by``.

    Args:
        flux: with GROUP and KEEP in it.
        by: key of the tag.

    Returns:
        the question, and the parameters that it needs for that.
    """
    if by is None:
        whole = _GROUP_AND.sub(r"group(columns: [\1])", flux).replace("GROUP", "group()")
        return _KEEP.sub(r"keep(columns: [\1])", whole), {}
    parts = _GROUP_AND.sub(r"group(columns: [by, \1])", flux).replace("GROUP", "group(columns: [by])")
    named = r'keep(columns: [by, \1]) |> rename(fn: (column) => if column == by then "_by" else column)'
    return _KEEP.sub(named, parts), {"by": by}


def gaps(limits_ns: Mapping[str | None, int], by: str | None) -> tuple[str, dict[str, Any]]:
    """How many intervals are longer than a limit, which may differ among the values of a tag.

    Args:
        limits_ns: by value of the tag; that of None is for series without it, or for the whole.
        by: key of the tag.

    Returns:
        the question, and its parameters.
    """
    counted = f'{_STEPS} |> GROUP |> LIMITED |> count() |> KEEP(["_value"])'
    params: dict[str, Any] = {"limit": limits_ns.get(None, 0)}
    named = [(value, limit) for value, limit in limits_ns.items() if value is not None]
    if by is None or not named:
        limited = "filter(fn: (r) => r._value > limit)"
        flux, more = grouped(counted.replace("LIMITED", limited), by)
        return flux, params | more
    pairs = ", ".join(f"{{key: key{number}, value: limit{number}}}" for number in range(len(named)))
    for number, (value, limit) in enumerate(named):
        params |= {f"key{number}": value, f"limit{number}": limit}
    # The column has a name of its own here: that of a tag may not be a parameter in a function.
    flux = f"""import "dict"
limits = dict.fromList(pairs: [{pairs}])
{_STEPS} |> group(columns: [by]) |> keep(columns: [by, "_value"])
    |> rename(fn: (column) => if column == by then "_by" else column)
    |> filter(fn: (r) =>
        r._value > (if exists r._by then dict.get(dict: limits, key: r._by, default: limit) else limit)
    )
    |> count() |> keep(columns: ["_by", "_value"])"""
    return flux, params | {"by": by}
