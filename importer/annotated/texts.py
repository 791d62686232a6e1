"""The text of a layout's columns in each row, and the times.

Goes in: a frame of cells and a layout. Comes out: columns of text, defaults and templates filled in; nanoseconds.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from importer.annotated.layouts import Column, Layout, template_parts
from importer.annotated.timezones import offset_ns
from importer.choices import Precision
from importer.limits import MAX_TIME_NS, MIN_TIME_NS, OUT_OF_RANGE
from importer.mapping.parts import TimeSpec
from importer.mapping.timestamps import parse_times

__all__ = ["FoundTimes", "text_of", "times_of"]

_WHOLE_NUMBER = r"^[+-]?[0-9]+$"

Faults = tuple[tuple[pl.Series, str, str], ...]


def text_of(frame: pl.DataFrame, layout: Layout, column: Column, null: tuple[str, ...] = ()) -> pl.Series:
    """A column's text in each row (String); null where there is none.

    Args:
        frame: the rows' cells.
        layout: of the rows.
        column: of the layout.
        null: texts that mean an empty cell.
    """
    if column.template is not None:
        return _concatenated(frame, layout, column.template, null)
    if column.name is None:
        return pl.Series([column.default or None], dtype=pl.String).new_from_index(0, frame.height)
    cells = frame[column.name].alias("text")
    empty = cells.is_in(["", *null]) if null else cells == ""
    if empty.any():
        cells = cells.set(empty.fill_null(value=False), None)
    return cells.fill_null(column.default) if column.default and cells.null_count() else cells


def _concatenated(frame: pl.DataFrame, layout: Layout, template: str, null: tuple[str, ...]) -> pl.Series:
    """A template over columns; an empty cell is an empty text in it."""
    by_label = {column.label: column for column in layout.columns}
    parts: list[pl.Expr] = []
    for literal, label in template_parts(template):
        if literal:
            parts.append(pl.lit(literal))
        if label is not None:
            parts.append(pl.lit(text_of(frame, layout, by_label[label], null).fill_null("")))
    joined = pl.select(pl.concat_str(parts).alias("text"))["text"]
    if len(joined) != frame.height:
        joined = joined.new_from_index(0, frame.height)
    return joined.set(joined == "", None)


@dataclass(frozen=True, slots=True)
class FoundTimes:
    """Timestamps.

    Attributes:
        text: that they were read from; null where there is none.
        ns: Int64.
        faults: where they are wrong (Boolean), the fault's word and its message.
    """

    text: pl.Series
    ns: pl.Series
    faults: Faults

    @property
    def good(self) -> pl.Series:
        """The timestamps that can be used, null in place of the others."""
        found = self.ns
        for mask, _, _ in self.faults:
            found = found.set(mask, None)
        return found


def times_of(
    frame: pl.DataFrame, layout: Layout, null: tuple[str, ...] = (), precision: Precision = "ns"
) -> FoundTimes:
    """Read the times of a layout's rows."""
    column = layout.time
    text = text_of(frame, layout, column, null)
    form = column.type.time
    if form is None:
        return _numbers_or_rfc3339(text, precision)
    offset = None if form.has_zone else offset_ns(layout.timezone)
    zone = "UTC" if form.has_zone or offset is not None else layout.timezone
    spec = TimeSpec(column="time", format=form.format, timezone=zone)
    found = parse_times(text + form.added if form.added else text, spec, precision)
    if not offset:
        return FoundTimes(text, found.ns, found.errors)
    # Near the ends of what can be stored, the sum might wrap.
    margin = abs(offset)
    out = ~found.ns.is_between(MIN_TIME_NS + margin, MAX_TIME_NS - margin).fill_null(value=True)
    for mask, _, _ in found.errors:
        out &= ~mask
    faults = (*found.errors, (out, "time_range", OUT_OF_RANGE)) if out.any() else found.errors
    return FoundTimes(text, found.ns - offset, faults)


def _numbers_or_rfc3339(text: pl.Series, precision: Precision) -> FoundTimes:
    """Nanoseconds since 1970 or RFC 3339, whichever a cell is."""
    are_numbers = text.str.contains(_WHOLE_NUMBER).fill_null(value=False)
    if are_numbers.all() or not are_numbers.any():
        form = "unix_ns" if len(text) and are_numbers.all() else "rfc3339"
        found = parse_times(text, TimeSpec(column="time", format=form), precision)
        return FoundTimes(text, found.ns, found.errors)
    numbers = parse_times(text.set(~are_numbers, None), TimeSpec(column="time", format="unix_ns"), precision)
    others = parse_times(text.set(are_numbers, None), TimeSpec(column="time", format="rfc3339"), precision)
    return FoundTimes(text, numbers.ns.zip_with(are_numbers, others.ns), (*numbers.errors, *others.errors))
