"""Points' times to a column of nanoseconds; which of them only a careful reader can judge is told.

Goes in: the :class:`~importer.mapping.contents.Contents` of a block's Points. Comes out: Int64, ns since 1970 UTC.
"""

from __future__ import annotations

import datetime as dt
import operator
from collections.abc import Sequence
from itertools import repeat
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from importer.limits import MAX_TIME_NS, MIN_TIME_NS
from importer.mapping.careful import unit_of
from importer.mapping.contents import Contents
from importer.mapping.point_values import RowFaultError, time_ns

__all__ = ["typed_times"]

_PLAIN_TIME = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-5][0-9](\.[0-9]{1,9})?[Zz]?$"
_EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - a datetime without a zone is UTC, as the client library has it
_EPOCH_UTC = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_NO_TIME = MIN_TIME_NS - 1


def typed_times(contents: Contents, unit_ns: int, odd: npt.NDArray[np.bool_]) -> pl.Series:
    """The times of all points of a block, in ns since 1970 UTC.

    Args:
        contents: of the points.
        unit_ns: times are multiples of it.
        odd: points whose times only a careful reader can judge are marked; what stands for them means nothing.
    """
    units = {unit_of(shape.precision) for shape in contents.distinct_shapes}
    ns = _times_of_one_type(contents.times, units)
    if ns is None:
        ns = pl.Series([_NO_TIME] * len(contents.times), dtype=pl.Int64)
    lost = ~ns.is_between(MIN_TIME_NS, MAX_TIME_NS).fill_null(value=False)
    if lost.any():
        places = lost.arg_true()
        ns = ns.scatter(places, [_time_or_none(contents, place) for place in places])
    odd |= (ns.is_null() | (ns % unit_ns != 0)).fill_null(value=True).to_numpy()
    return ns


def _times_of_one_type(times: Sequence[Any], units: set[int]) -> pl.Series | None:
    """Nanoseconds, where all times are of one usual type; null or beyond the limits where a careful look is needed."""
    kinds = set(map(type, times))
    if kinds == {str}:
        return _text_times(times)
    if kinds == {dt.datetime}:
        try:
            zoned = times[0].tzinfo is not None
            since = map(operator.sub, times, repeat(_EPOCH_UTC if zoned else _EPOCH))
            us = pl.Series(list(since), dtype=pl.Duration("us")).to_physical()
        except TypeError:  # with a zone, and without
            return None
        return _within_limits(us) * 1000
    if kinds == {int} and len(units) == 1:
        (unit_ns,) = units
        if min(times) * unit_ns >= MIN_TIME_NS and max(times) * unit_ns <= MAX_TIME_NS:
            return pl.Series(times, dtype=pl.Int64) * unit_ns
    return None


def _within_limits(us: pl.Series) -> pl.Series:
    """Null where nanoseconds would be, or could be, beyond what can be stored."""
    fits = us.is_between(MIN_TIME_NS // 1000 + 1, MAX_TIME_NS // 1000 - 1_000_000)
    return us if fits.all() else us.set(~fits.fill_null(value=True), None)


def _text_times(times: Sequence[str]) -> pl.Series | None:
    try:
        text = pl.Series(times, dtype=pl.String)
    except UnicodeEncodeError:
        return None
    plain = text.str.contains(_PLAIN_TIME)
    if not plain.all():
        text = text.set(~plain, None)
    second = text.str.head(10) + "T" + text.str.slice(11, 8)
    us = second.str.to_datetime("%Y-%m-%dT%H:%M:%S", time_unit="us", strict=False, cache=False).to_physical()
    fraction = text.str.slice(20).str.strip_chars_end("Zz").str.pad_end(9, "0").cast(pl.Int64)
    return _within_limits(us) * 1000 + fraction


def _time_or_none(contents: Contents, position: int) -> int | None:
    try:
        ns = time_ns(contents.times[position], unit_of(contents.shapes[position].precision))
    except RowFaultError:
        return None
    return ns if MIN_TIME_NS <= ns <= MAX_TIME_NS else None
