"""``importer.read``: a part of a bucket as a frame.

Goes in: a bucket and what of it is wanted. Comes out: a polars or pandas frame, a row per point.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal, overload

import polars as pl

from importer.api import connect
from importer.errors import ConfigurationError
from importer.reading.asking import Asking, opened
from importer.reading.columns import Columns, columns_of
from importer.reading.layout import layouts
from importer.reading.points import Part, Progress, parts
from importer.reading.selection import Selection, check_limit, selection
from importer.server.connection import Connection

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Reading", "read", "reading_of"]

log = logging.getLogger(__name__)

Names = str | Sequence[str]


@dataclass(frozen=True, slots=True)
class Reading:
    """What is about to be read.

    Attributes:
        columns: of what comes.
        parts: the rows, to be taken once.
        warnings: what is left out.
    """

    columns: Columns
    parts: Iterator[Part]
    warnings: tuple[str, ...]


@overload
def read(
    bucket: str,
    *,
    window: str | None = ...,
    start: str | None = ...,
    stop: str | None = ...,
    aggregate: str | None = ...,
    fn: str | None = ...,
    measurement: Names = ...,
    tags: Mapping[str, Names] | None = ...,
    fields: Names = ...,
    frame: Literal["polars"] = ...,
    limit: int | None = ...,
    connection: Connection | None = ...,
    progress: Progress | None = ...,
    wait_seconds: float = ...,
) -> pl.DataFrame: ...


@overload
def read(
    bucket: str,
    *,
    window: str | None = ...,
    start: str | None = ...,
    stop: str | None = ...,
    aggregate: str | None = ...,
    fn: str | None = ...,
    measurement: Names = ...,
    tags: Mapping[str, Names] | None = ...,
    fields: Names = ...,
    frame: Literal["pandas"],
    limit: int | None = ...,
    connection: Connection | None = ...,
    progress: Progress | None = ...,
    wait_seconds: float = ...,
) -> pd.DataFrame: ...


def read(
    bucket: str,
    *,
    window: str | None = None,
    start: str | None = None,
    stop: str | None = None,
    aggregate: str | None = None,
    fn: str | None = None,
    measurement: Names = (),
    tags: Mapping[str, Names] | None = None,
    fields: Names = (),
    frame: Literal["polars", "pandas"] = "polars",
    limit: int | None = None,
    connection: Connection | None = None,
    progress: Progress | None = None,
    wait_seconds: float = 10.0,
) -> pl.DataFrame | pd.DataFrame:
    """Read a part of a bucket, a row per point (or per window and series).

    Without a window or a start, all that the bucket holds is read: it has to fit into memory. What was read is held
    against what the server counts.

    Args:
        bucket: its name.
        window: how far back from ``stop``, or from now: a length and a unit (s, m, h, d, w) such as ``30d``.
        start: from when, included, instead of a window: RFC 3339, a date (UTC), or ``-30d``.
        stop: until when, not included; in the same forms, or ``now``.
        aggregate: the length of windows, such as ``30m``, each of which gives one row a series; ``time`` is where the
            window begins, a multiple of its length since 1970 UTC.
        fn: what becomes of a window's values: mean (default), median, stddev, sum, min, max, spread, count, first,
            last, mode.
        measurement: one name or several; none: all.
        tags: for each key a value, or several of which a point has to have one; ``""``: points without it.
        fields: one key or several; none: all.
        frame: ``polars``, or ``pandas`` (the extra ``importer[pandas]``).
        limit: so many rows at the most.
        connection: which server; None finds it as the command line does, and starts a local one if none is named.
        progress: called with the values read so far, of how many, and the rows that they made.
        wait_seconds: how long an absent server is waited for.

    Returns:
        ``time`` (to the nanosecond, UTC), ``measurement``, the tags and the fields, each sorted by key; null where a
        point has no such tag or field. Measurements follow one another by name, rows of one are ordered by time.

    Raises:
        ConfigurationError: an option is not understood, names what is not there, or pandas is not installed.
        NotFoundError: there is no such bucket.
        VerificationError: what was read is not what the server counts.
        ServerError: the server refuses, or did not answer in time.
    """
    check_limit(limit)
    if frame not in ("polars", "pandas"):
        raise ConfigurationError(f"there is no frame of {frame!r}: take polars or pandas")
    if frame == "pandas":
        _check_pandas()
    chosen = selection(
        window=window,
        start=start,
        stop=stop,
        aggregate=aggregate,
        function=fn,
        measurements=measurement,
        tags=tags,
        fields=fields,
    )
    with reading_of(bucket, chosen, connection=connection, progress=progress, wait_seconds=wait_seconds) as found:
        for warning in found.warnings:
            log.warning("warning: %s", warning)
        frames, rows = [found.columns.empty], 0
        for part in found.parts:
            frames.append(found.columns.shaped(part))
            rows += part.frame.height
            if limit is not None and rows >= limit:
                break
    whole = pl.concat(frames).head(limit if limit is not None else rows)
    return whole if frame == "polars" else _to_pandas(whole)


@contextmanager
def reading_of(
    bucket: str,
    chosen: Selection,
    *,
    connection: Connection | None = None,
    progress: Progress | None = None,
    wait_seconds: float = 10.0,
    check_stopped: Callable[[], None] = lambda: None,
) -> Iterator[Reading]:
    """What is about to be read, as long as the server is open."""
    where = connection or connect()
    with opened(
        bucket=bucket, connection=where, wait_seconds=wait_seconds, say=log.warning, check_stopped=check_stopped
    ) as asking:
        yield _reading(asking, chosen, progress or (lambda *_: None))


def _reading(asking: Asking, chosen: Selection, progress: Progress) -> Reading:
    found, warnings = layouts(asking, chosen)
    return Reading(columns_of(found), parts(asking, found, chosen, progress), warnings)


def _check_pandas() -> None:
    if find_spec("pandas") is None:
        raise ConfigurationError(
            "pandas is not installed: pip install 'importer[pandas]', or take the polars frame, which is the default"
        )


def _to_pandas(frame: pl.DataFrame) -> pd.DataFrame:
    """Whole numbers and truth values stay what they are, beside missing ones, too."""
    import pandas as pd  # noqa: PLC0415 - an extra
    import pyarrow as pa  # noqa: PLC0415 - heavy

    exact = {pa.int64(): pd.Int64Dtype(), pa.uint64(): pd.UInt64Dtype(), pa.bool_(): pd.BooleanDtype()}
    made: pd.DataFrame = frame.to_arrow().to_pandas(types_mapper=exact.get)
    return made
