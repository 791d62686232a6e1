"""What must be known before the first write: the time span of the data, for the size of the shard groups.

Files are looked at ahead, the time column only; of large ones, evenly spread pieces are enough, for a group
duration is chosen from a ladder, and a few stray timestamps should not decide it. What can be read but once, or is
mapped by a function, gives its first block instead; where that is in the order of time, the rest is taken to go on at
the same pace, up to today.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import chain

import polars as pl

from importer.annotated.mapper import AnnotatedMapper
from importer.mapping.columns import ColumnMapper, time_range
from importer.mapping.rows import RowMapper
from importer.records import Block, PointBatch, Table
from importer.source.reader import Reader

__all__ = ["FirstLook", "is_in_order_of_time"]

UNKNOWN_LENGTH_FACTOR = 10
"""A stream is taken for so many times its first block, when its end is not known."""

SMALL_DISORDER = 0.1
"""Of the span: points that come so late are still in the order of time."""

Mapper = ColumnMapper | RowMapper | AnnotatedMapper


class FirstLook:
    """Looks ahead without losing what it read.

    Args:
        reader: all sources, not yet read.
        mapper: maps tables to points.
        should_stop: asked between blocks.

    Attributes:
        how: in words, how the span was found.
        is_guess: whether only the first block was looked at.
    """

    def __init__(self, reader: Reader, mapper: Mapper, should_stop: Callable[[], bool]) -> None:
        self._reader = reader
        self._mapper = mapper
        self._should_stop = should_stop
        self._ahead: list[Block] = []
        self._blocks: Iterator[Block] | None = None
        self._mapped: dict[int, PointBatch] = {}
        self.how = "not looked for"
        self.is_guess = False

    def span_seconds(self) -> float | None:
        """Seconds from the first timestamp to the last; None if none can be read."""
        if not isinstance(self._mapper, RowMapper) and self._reader.rereadable:
            self.how = "the time column, read ahead"
            return self._span_of_all(self._mapper)
        return self._span_of_first_block()

    def blocks(self) -> Iterator[Block]:
        """All blocks, those that were looked at included."""
        return chain(self._ahead, self._blocks or self._reader.blocks())

    def to_points(self, table: Table) -> PointBatch:
        """Map a table; one that was looked at is not mapped twice."""
        known = self._mapped.pop(table.block.number, None)
        return known if known is not None else self._mapper(table)

    def _span_of_all(self, mapper: ColumnMapper | AnnotatedMapper) -> float | None:
        columns = mapper.mapping.time.source.columns if isinstance(mapper, ColumnMapper) else ()
        low, high = None, None
        with self._reader.again(columns) as ahead:
            for block in ahead.rough_blocks():
                if self._should_stop():
                    return None
                table = ahead.table(block)
                if isinstance(mapper, ColumnMapper):
                    found = time_range(table, mapper.mapping)
                else:
                    found = mapper.time_range(table)
                if found is not None:
                    low = found[0] if low is None else min(low, found[0])
                    high = found[1] if high is None else max(high, found[1])
        return None if low is None or high is None else (high - low) / 1e9

    def _span_of_first_block(self) -> float | None:
        self.is_guess = True
        self._blocks = self._reader.blocks()
        first = next(self._blocks, None)
        if first is None:
            return None
        self._ahead = [first]
        batch = self._mapper(self._reader.table(first))
        self._mapped[first.number] = batch
        times = batch.frame["time"]
        if times.is_empty():
            return None
        total = self._reader.total_bytes
        read = self._reader.stored_bytes
        factor = max(1.0, total / read) if total and read else UNKNOWN_LENGTH_FACTOR
        low, high = int(times.min()), int(times.max())  # type: ignore[arg-type]
        span = high - low
        self.how = f"the first {first.rows:,} rows"
        if is_in_order_of_time(times):
            # Data of the past ends today at the latest.
            most = time.time_ns() - low if high <= time.time_ns() else span * factor
            span = round(min(span * factor, max(most, span)))
            self.how += (
                f", which rise in time and are {1 / factor:.1%} of the whole" if total else ", which rise in time"
            )
        return span / 1e9


def is_in_order_of_time(times: pl.Series) -> bool:
    """Whether points go on in time as they go on in the input, small disorder aside; Int64, ns, in input order.

    Where they do not (one individual after another, say), the first of them span as much time as all.
    """
    span = int(times.max()) - int(times.min())  # type: ignore[arg-type]
    furthest_back = (times.cum_max() - times).max()
    return int(furthest_back) <= span * SMALL_DISORDER  # type: ignore[arg-type]
