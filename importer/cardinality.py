"""Warn of many series before the first of them is written.

Goes in: the points of the first block, and how many times as much text the whole input is. Comes out: a warning
that names the tag at fault, or nothing. The server keeps every series in its memory and looks at each of them
in a query; a tag that has a value of its own in every row (an event's number) is better a field.
"""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from importer.records import Block, Lines, PointBatch

__all__ = ["MANY_SERIES", "SeriesWatch", "expected_series"]

MANY_SERIES = 100_000
"""From here on queries are slow, and the server takes a gigabyte of memory and more."""

UNKNOWN_LENGTH_FACTOR = 10
"""A stream is taken for so many times its first block, when its end is not known."""


class SeriesWatch:
    """Encodes blocks in input order, and looks at the first one that has points before anything of it is written.

    Args:
        encode: points to lines.
        most: the limit on series, ``--max-series``.
        share_of: which share of the input a block is, 0 to 1; None where that is not known.
        warn: gets the warning.
    """

    def __init__(
        self,
        encode: Callable[[PointBatch], Lines],
        *,
        most: int,
        share_of: Callable[[Block], float | None],
        warn: Callable[[str], None],
    ) -> None:
        self._encode = encode
        self._most = most
        self._share_of = share_of
        self._warn = warn
        self._has_looked = False

    def __call__(self, batch: PointBatch) -> Lines:
        """Encode a block's points.

        Raises:
            LoadError: as the encoder does.
        """
        if not self._has_looked and batch.frame.height:
            self._has_looked = True
            warning = warning_of(batch, self._most, self._share_of(batch.block))
            if warning is not None:
                self._warn(warning)
        return self._encode(batch)


def warning_of(batch: PointBatch, most: int, share: float | None) -> str | None:
    """What is to be said of the series that the first block lets expect; None if they are few.

    Args:
        batch: of the first block.
        most: the limit on series.
        share: of the input that this block is, 0 to 1; None where that is not known.
    """
    points = batch.frame.height
    total = points * UNKNOWN_LENGTH_FACTOR if not share else max(points, round(points / share))
    keys = batch.frame.select("measurement", *(tag.column for tag in batch.tags))
    expected = expected_series(keys, total)
    if expected <= min(MANY_SERIES, most):
        return None
    of = f"of about {total:,} points" if share else f"of {total:,} points, should there be so many"
    limit = f"the load stops at more than --max-series {most:,}"
    return f"about {_rounded(expected):,} series are to be expected {of}: {_cause(batch, keys)}; {limit}"


def expected_series(keys: pl.DataFrame, total: int) -> int:
    """How many series there will be in so many points, judged by the first of them.

    The second half of them shows which part of its series is new, and each further stretch of that length is taken to
    bring so much less again: few where the same series come again, all of them where each point has its own.

    Args:
        keys: measurement and tags of the first points, in input order.
        total: points of the whole input.
    """
    half = keys.height // 2
    known = keys.n_unique() if keys.height else 0
    first = keys[:half].n_unique() if half else 0
    if keys.height >= total or not first:
        return known
    stretches = total / half
    fresh = min(1.0, (known - first) / first)
    grown = first * stretches if fresh == 1.0 else first * (1 - fresh**stretches) / (1 - fresh)
    return max(known, round(grown))


def _cause(batch: PointBatch, keys: pl.DataFrame) -> str:
    """The tag, or else the measurement, that has the most values."""
    counted = {f"the tag {tag.key!r}": keys[tag.column].n_unique() for tag in batch.tags}
    counted["the measurement"] = keys["measurement"].n_unique()
    name = max(counted, key=counted.__getitem__)
    where, combined = f"in the first {keys.height:,} points", keys.n_unique()
    if counted[name] * 2 < combined:
        tags = ", ".join(tag.key for tag in batch.tags)
        return f"the tags ({tags}) have {combined:,} combinations {where}; make one of them a field"
    way_out = "take it from a column with fewer" if name == "the measurement" else "make it a field"
    return f"{name} has {counted[name]:,} values {where}; {way_out}"


def _rounded(number: int) -> int:
    """To two digits: it is an estimate."""
    unit = int(10 ** max(0, len(str(number)) - 2))
    return round(number / unit) * unit
