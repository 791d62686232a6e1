"""Make data up: :func:`generate` writes it, :func:`load_generated` loads it; ``importer generate`` stands on both."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Literal, cast

from importer.api import load
from importer.choices import Precision
from importer.errors import ConfigurationError
from importer.generating.output import Generated, write_pieces
from importer.generating.points import POINTS_AT_ONCE, Request
from importer.generating.shapes import mapping_of, shape_named
from importer.generating.text import CsvStream, csv_pieces, line_protocol_pieces
from importer.ledger.report import Report
from importer.new_files import check_place, new_file
from importer.options import LoadOptions
from importer.progress import Progress
from importer.server.connection import Connection
from importer.streams import given_stream

__all__ = ["generate", "load_generated"]

STDOUT = "-"
POINTS, OVERWRITE = "the points", "--overwrite"


def generate(
    shape: str,
    *,
    points: int = 1_000,
    seed: int = 1,
    start: str | None = None,
    end: str | None = None,
    duplicates: int = 0,
    output: str | Path | BinaryIO = STDOUT,
    format: Literal["csv", "lp"] = "csv",  # noqa: A002 - as the option is called
    precision: Precision = "ns",
    batch_size: int | None = None,
    mapping_file: Path | None = None,
    overwrite: bool = False,
    stop: threading.Event | None = None,
) -> Generated:
    """Make data up, and write it as CSV or line protocol.

    The same shape, number of points, seed and times give the same bytes on every machine. No two points have both the
    same tags and the same time, unless ``duplicates`` are asked for. Memory does not grow with the points.

    Args:
        shape: one of ``importer.generating.SHAPES``.
        points: how many.
        seed: not negative; other ones give other data.
        start: the earliest point's time, RFC 3339 or ``now``; None: as the shape has it.
        end: the latest point's time; at most one of both.
        duplicates: so many points have the tags and the time of the one before them, with other values.
        output: a file, ``-`` for standard output, or a binary stream.
        format: ``csv`` or ``lp`` (line protocol).
        precision: the unit of times in line protocol.
        batch_size: points made and written at once, at the most; any number, and none changes a byte.
        mapping_file: where the mapping under which the CSV is loaded is written, too.
        overwrite: files that exist may be replaced.
        stop: when set from another thread, it ends; a file is as it was.

    Returns:
        what was made.

    Raises:
        ConfigurationError: no such shape, a number out of its range, a time that is none, or a file that exists or
            cannot be written.
        LoadInterruptedError: it was told to stop.
    """
    request = Request(shape_named(shape), points=points, seed=seed, start=start, end=end, duplicates=duplicates)
    if format not in ("csv", "lp"):
        raise ConfigurationError(f"there is no format {format!r}: give csv or lp")
    if format == "csv" and precision != "ns":
        raise ConfigurationError(f"a precision of {precision} is of line protocol: the CSV has the times of its shape")
    at_once = _checked_batch_size(batch_size) or POINTS_AT_ONCE
    pieces = csv_pieces(request, at_once) if format == "csv" else line_protocol_pieces(request, precision, at_once)
    place = _place(output)
    if isinstance(place, Path):
        check_place(place, POINTS, replace=overwrite, option=OVERWRITE)
        if mapping_file is not None and mapping_file.resolve() == place.resolve():
            raise ConfigurationError(f"the points and the mapping cannot both go to {str(place)!r}")
    _write_mapping(request, mapping_file, overwrite=overwrite)
    with (
        new_file(place, POINTS, replace=overwrite, option=OVERWRITE)
        if isinstance(place, Path)
        else given_stream(place) as file
    ):
        size = write_pieces(pieces, file, stop)
    name = str(place) if isinstance(place, Path) else STDOUT
    return Generated(shape, points, points - duplicates, request.first_ns, request.last_ns, name, size)


def load_generated(
    shape: str,
    *,
    points: int = 1_000,
    seed: int = 1,
    start: str | None = None,
    end: str | None = None,
    duplicates: int = 0,
    batch_size: int | None = None,
    bucket: str | None = None,
    options: LoadOptions | None = None,
    mapping_file: Path | None = None,
    overwrite: bool = False,
    connection: Connection | Callable[[], Connection] | None = None,
    progress: Progress | None = None,
    stop: threading.Event | None = None,
) -> Report:
    """Make data up and load it, as :func:`importer.load` loads its CSV: all of it, verified, or nothing.

    Args:
        shape: as in :func:`generate`, and so the next five.
        points: how many.
        seed: other ones give other data.
        start: the earliest point's time.
        end: the latest point's time.
        duplicates: points that have the tags and the time of the one before them: the load tells of them.
        batch_size: lines of a request at the most; any number.
        bucket: the bucket's name, where ``options`` are not given.
        options: how to load.
        mapping_file: where the mapping is written, too.
        overwrite: that file may be replaced if it exists.
        connection: which server, as in :func:`importer.load`.
        progress: listens.
        stop: when set from another thread, the load ends cleanly.

    Returns:
        what became of every row.

    Raises:
        ConfigurationError: as :func:`generate` and :func:`importer.load` do.
        LoadError: the load failed; the bucket is as it was.
        ServerError: the server refuses, or did not answer in time.
    """
    request = Request(shape_named(shape), points=points, seed=seed, start=start, end=end, duplicates=duplicates)
    chosen = options or (LoadOptions(bucket=bucket) if bucket is not None else None)
    if chosen is None:
        raise ConfigurationError("name the bucket to load into")
    if bucket not in (None, chosen.bucket):
        raise ConfigurationError(f"two buckets are named: {bucket!r} and {chosen.bucket!r}")
    chosen = replace(chosen, time_span_seconds=(request.last_ns - request.first_ns) / 1e9)
    if _checked_batch_size(batch_size) is not None:
        chosen = replace(chosen, batch_rows=batch_size)
    _write_mapping(request, mapping_file, overwrite=overwrite)
    return load(
        STDOUT,
        mapping=mapping_of(shape),
        options=chosen,
        connection=connection,
        progress=progress,
        stop=stop,
        stdin=cast("BinaryIO", CsvStream(request)),
    )


def _write_mapping(request: Request, path: Path | None, *, overwrite: bool) -> None:
    if path is not None:
        with new_file(path, "the mapping", replace=overwrite, option=OVERWRITE) as file:
            file.write(request.shape.mapping.encode())


def _place(output: str | Path | BinaryIO) -> Path | BinaryIO:
    if isinstance(output, str | Path):
        return sys.stdout.buffer if str(output) == STDOUT else Path(output)
    return output


def _checked_batch_size(batch_size: int | None) -> int | None:
    if batch_size is not None and batch_size < 1:
        raise ConfigurationError(f"batch_size is {batch_size}: at least 1 is needed")
    return batch_size
