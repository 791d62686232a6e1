"""Read slices into frames, each checked against what the server counts.

Goes in: a bucket, layouts and a selection. Comes out: one :class:`Part` after the other, ordered by time within a
measurement; a part is given out only when it is complete.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import polars as pl

from importer.bucket.influxql import LONGEST_LINE, Asking, LongLineError, Piece
from importer.errors import ConfigurationError, TransientServerError, VerificationError
from importer.mapping.values import DTYPES
from importer.reading.layout import Layout
from importer.reading.selection import Selection
from importer.reading.slices import Slice, counted, slices
from importer.reading.statements import reading, that_may_overflow
from importer.records import FieldColumn

__all__ = ["Part", "Progress", "in_order", "parts"]

MOST_VALUES = 1_000_000
"""In one slice, unless all of them have the same time."""

MOST_BYTES = 64 << 20
"""Of an answer in one slice; a slice that has more is cut into four, if it can be."""

MOST_BYTES_AT_ONCE = 16 << 20
"""Of the rows that come in one piece: where there are more, fewer rows are asked for, down to one."""

ROWS_AT_ONCE = 20_000
"""As Python's own values, before they become columns."""

CHUNK_ROWS, CHUNK_ROWS_OF_TEXT = 10_000, 1_000
FEWER = 10
"""By this factor."""

TRIES = 5

Progress = Callable[[int, int, int], None]
"""Told how many values were read, of how many, and how many rows they made."""


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of one measurement.

    Attributes:
        layout: what it consists of.
        frame: ``time`` (Int64, ns) and the columns that the layout names, ordered by time and tags.
        values: how many there are of all fields.
        not_utf8: how many bytes were replaced, because they are no UTF-8.
    """

    layout: Layout
    frame: pl.DataFrame
    values: int
    not_utf8: int


def parts(asking: Asking, found: Sequence[Layout], chosen: Selection, progress: Progress) -> Iterator[Part]:
    """All that is chosen, measurement by measurement, in the order of time.

    Raises:
        VerificationError: what was read is not what the server counts.
        ServerError: the server refuses, or does not answer in time.
    """
    plans = [(layout, slices(asking, layout, chosen, MOST_VALUES)) for layout in found]
    total = sum(part.values for _, plan in plans for part in plan)
    done = rows = 0
    for layout, plan in plans:
        chunk_rows = CHUNK_ROWS_OF_TEXT if "string" in layout.stored else CHUNK_ROWS
        for planned in plan:
            for part in _read(asking, layout, chosen, planned, chunk_rows):
                rows += part.frame.height
                done += part.values
                progress(done, max(total, done), rows)
                yield part


class _TooLargeError(Exception):
    """The slice holds more than is to be in memory at once."""


def _read(asking: Asking, layout: Layout, chosen: Selection, planned: Slice, chunk_rows: int) -> Iterator[Part]:
    """A slice, or what it is cut into: each read until it is what the server counts."""
    expected, most_bytes, tries = planned, MOST_BYTES, 0
    while tries < TRIES:
        once = partial(_once, asking, layout, chosen, expected, most_bytes=most_bytes, chunk_rows=chunk_rows)
        try:
            part, read = asking.server.patiently(once)
        except LongLineError:
            if chunk_rows == 1:
                raise
            chunk_rows = max(1, chunk_rows // FEWER)
            continue
        except _TooLargeError:
            finer = slices(asking, layout, replace(chosen, range=expected.span), max(1, expected.values // 4))
            if len(finer) > 1:
                for each in finer:
                    yield from _read(asking, layout, chosen, each, chunk_rows)
                return
            most_bytes = 1 << 62  # all at one instant
            continue
        tries += 1
        if read != expected.counts:
            # Somebody may be writing: what is there now?
            expected = counted(asking, layout, chosen, expected.span)
        if read == expected.counts:
            if part.frame.height:
                yield part
            return
    fields = ", ".join(
        f"{field.key}: {there:,} counted, {got:,} read"
        for field, there, got in zip(layout.fields, expected.counts, read, strict=True)
        if there != got
    )
    raise VerificationError(
        f"what was read of {layout.measurement!r} {expected.span} is not what the server counts ({fields}); "
        "is it being written to? read up to a time that is past, by --stop"
    )


def _once(
    asking: Asking, layout: Layout, chosen: Selection, planned: Slice, *, most_bytes: int, chunk_rows: int
) -> tuple[Part, tuple[int, ...]]:
    """Read a slice once; and the number of values of each field that it was made of."""
    gathered = _Gathered(layout, counts=chosen.aggregate is not None)
    watched = that_may_overflow(layout, chosen)
    size = replaced = 0
    longest_line = MOST_BYTES_AT_ONCE if chunk_rows > 1 else LONGEST_LINE
    question = reading(layout, chosen, planned.span)
    for piece in asking.pieces(*question, chunk_rows=chunk_rows, longest_line=longest_line):
        size += piece.size_bytes
        replaced += piece.not_utf8
        if size > most_bytes:
            raise _TooLargeError
        if watched:
            _check_overflow(layout, chosen, watched, piece)
        gathered.add(piece)
    frame, counts = gathered.end()
    return Part(layout, frame, sum(counts), replaced), counts


def _check_overflow(layout: Layout, chosen: Selection, watched: Sequence[int], piece: Piece) -> None:
    """Refuse windows of which the server may have added up more than fits into its whole numbers.

    Raises:
        ConfigurationError: there is one.
    """
    fields = len(layout.fields)
    function = chosen.aggregate.function if chosen.aggregate is not None else ""
    for row in piece.rows:
        for position, number in enumerate(watched):
            count, (least, most) = row[1 + fields + number], row[1 + 2 * (fields + position) :][:2]
            added = count if function in {"mean", "sum"} else 2
            room = 1 << (63 if layout.stored[number] == "integer" else 64)
            if count and max(abs(least), abs(most)) * added >= room:
                raise ConfigurationError(
                    f"the {function} of {layout.fields[number].key!r} ({layout.stored[number]}) may go beyond the "
                    "whole numbers in which the server works it out: take shorter windows, another --fn, or leave it "
                    "out by --field"
                )


class _Gathered:
    """Rows on their way into columns."""

    def __init__(self, layout: Layout, *, counts: bool) -> None:
        self._layout = layout
        self._with_counts = counts
        self._frames: list[pl.DataFrame] = []
        self._counts = [0] * len(layout.fields)
        self._empty()

    def _empty(self) -> None:
        self._times: list[int] = []
        self._tags: list[list[str | None]] = [[] for _ in self._layout.tags]
        self._fields: list[list[Any]] = [[] for _ in self._layout.fields]

    def add(self, piece: Piece) -> None:
        if not piece.rows:
            return
        times, *columns = zip(*piece.rows, strict=True)
        self._times += times
        for tag, values in zip(self._layout.tags, self._tags, strict=True):
            values.extend([piece.tags.get(tag.key) or None] * len(times))
        for values, column in zip(self._fields, columns, strict=False):
            values.extend(column)
        if self._with_counts:
            for number, column in enumerate(columns[len(self._fields) : 2 * len(self._fields)]):
                self._counts[number] += sum(filter(None, column))
        if len(self._times) >= ROWS_AT_ONCE:
            self._flush()

    def _flush(self) -> None:
        columns = [pl.Series("time", self._times, dtype=pl.Int64)]
        columns += [
            pl.Series(tag.column, values, dtype=pl.String)
            for tag, values in zip(self._layout.tags, self._tags, strict=True)
        ]
        columns += [_typed(field, values) for field, values in zip(self._layout.fields, self._fields, strict=True)]
        if not self._with_counts:
            for number, column in enumerate(columns[1 + len(self._tags) :]):
                self._counts[number] += len(column) - column.null_count()
        self._frames.append(pl.DataFrame(columns))
        self._empty()

    def end(self) -> tuple[pl.DataFrame, tuple[int, ...]]:
        if self._times or not self._frames:
            self._flush()
        frame = pl.concat(self._frames)
        frame = frame[in_order(frame.select(pl.nth(range(1 + len(self._tags)))))]
        if self._with_counts:  # a window without a result, such as the deviation of one value
            fields = [frame[field.column] for field in self._layout.fields]
            kept = np.zeros(frame.height, dtype=np.bool_)
            for column in fields:
                kept |= column.is_not_null().to_numpy()
            frame = frame.filter(pl.Series(kept))
        return frame, tuple(self._counts)


def in_order(keys: pl.DataFrame) -> pl.Series:
    """The positions of rows in the order of the first column, then of the second, and so on; missing values first."""
    # Columns are named by tags and fields, and a name such as ^x$ would be a pattern: so by their numbers.
    numbered = keys.rename(dict(zip(keys.columns, map(str, range(keys.width)), strict=True)))
    return numbered.with_row_index("row").sort([str(number) for number in range(keys.width)])["row"]


def _typed(field: FieldColumn, values: list[Any]) -> pl.Series:
    if field.type != "float":
        return pl.Series(field.column, values, dtype=DTYPES[field.type])
    # JSON has whole numbers of any size among the others, which numpy rounds as it should.
    try:
        numbers = np.array(values, dtype=np.float64)  # none becomes NaN, which the server cannot store
    except (TypeError, ValueError, OverflowError) as error:
        raise TransientServerError(f"the server gave another type for {field.key!r} than it says: {error}") from error
    return pl.Series(field.column, numbers, nan_to_null=True)
