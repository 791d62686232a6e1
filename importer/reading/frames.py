"""``importer.read``: a part of a bucket as a frame.

Goes in: a bucket and what of it is wanted. Comes out: a polars or pandas frame, a row per point.
"""

from __future__ import annotations

import logging
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Unpack, overload

import polars as pl

from importer.errors import ConfigurationError
from importer.reading.opening import reading_of
from importer.reading.points import Progress
from importer.reading.selection import Wanted, selection
from importer.server.connection import Connection

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["read"]

log = logging.getLogger(__name__)


@overload
def read(
    bucket: str | None = ...,
    *,
    from_backup: str | Path | None = ...,
    state_dir: str | Path | None = ...,
    frame: Literal["polars"] = ...,
    limit: int | None = ...,
    connection: Connection | None = ...,
    progress: Progress | None = ...,
    interrupt: threading.Event | None = ...,
    wait_seconds: float = ...,
    **wanted: Unpack[Wanted],
) -> pl.DataFrame: ...


@overload
def read(
    bucket: str | None = ...,
    *,
    from_backup: str | Path | None = ...,
    state_dir: str | Path | None = ...,
    frame: Literal["pandas"],
    limit: int | None = ...,
    connection: Connection | None = ...,
    progress: Progress | None = ...,
    interrupt: threading.Event | None = ...,
    wait_seconds: float = ...,
    **wanted: Unpack[Wanted],
) -> pd.DataFrame: ...


def read(
    bucket: str | None = None,
    *,
    from_backup: str | Path | None = None,
    state_dir: str | Path | None = None,
    frame: Literal["polars", "pandas"] = "polars",
    limit: int | None = None,
    connection: Connection | None = None,
    progress: Progress | None = None,
    interrupt: threading.Event | None = None,
    wait_seconds: float = 10.0,
    **wanted: Unpack[Wanted],
) -> pl.DataFrame | pd.DataFrame:
    """Read a part of a bucket, a row per point (or per window and series).

    Without a window or a start, all that the bucket holds is read: it has to fit into memory. What was read is held
    against what the server counts.

    Args:
        bucket: its name; None: the only one of a backup.
        from_backup: the folder of a backup, of :func:`importer.backup` or the influx command, to read the bucket's
            rows out of, without a server; ``aggregate`` needs one.
        state_dir: where the backup's files are unpacked meanwhile; None: where loads keep their accounts.
        frame: ``polars``, or ``pandas`` (the extra ``importer[pandas]``).
        limit: so many rows at the most.
        connection: which server; None finds it as the command line does, and starts a local one if none is named.
        progress: called with the values read so far, of how many, and the rows that they made.
        interrupt: set from elsewhere, it breaks off whatever is under way.
        wait_seconds: how long an absent server is waited for.
        wanted: what of the bucket:
            ``window``: how far back from ``stop``, or from now: a length and a unit (s, m, h, d, w) such as ``30d``.
            ``start``: from when, included, instead of a window: RFC 3339, a date (UTC), or ``-30d``.
            ``stop``: until when, not included; in the same forms, or ``now``.
            ``aggregate``: the length of windows, such as ``30m``, each of which gives one row a series; ``time`` is
            where the window begins, a multiple of its length since 1970 UTC.
            ``fn``: what becomes of a window's values: mean (default), median, stddev, sum, min, max, spread, count,
            first, last, mode.
            ``measurement``: one name or several; none: all.
            ``tags``: for each key a value, or several of which a point has to have one; ``""``: points without it.
            ``fields``: one key or several; none: all.

    Returns:
        ``time`` (to the nanosecond, UTC), ``measurement``, the tags and the fields, each sorted by key; null where a
        point has no such tag or field. Measurements follow one another by name, rows of one are ordered by time.

    Raises:
        ConfigurationError: an option is not understood, names what is not there, or pandas is not installed.
        LoadInterruptedError: it was interrupted.
        NotFoundError: there is no such bucket.
        VerificationError: what was read is not what the server counts.
        SourceError: the folder is no backup, or a file of it is missing or damaged.
        SpoolError: there is no room to unpack it.
        ServerError: the server refuses, or did not answer in time.
    """
    if frame not in ("polars", "pandas"):
        raise ConfigurationError(f"there is no frame of {frame!r}: take polars or pandas")
    if frame == "pandas":
        _check_pandas()
    chosen = selection(**wanted)
    with reading_of(
        bucket,
        chosen,
        from_backup=from_backup,
        state_dir=state_dir,
        limit=limit,
        connection=connection,
        progress=progress,
        interrupt=interrupt,
        wait_seconds=wait_seconds,
    ) as found:
        for warning in found.warnings:
            log.warning("warning: %s", warning)
        whole = pl.concat([found.columns.empty, *map(found.columns.shaped, found.parts)])
    return whole if frame == "polars" else _to_pandas(whole)


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
