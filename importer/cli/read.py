"""``importer read``: what is in a bucket, as a table, or into a file."""

from __future__ import annotations

import json
import logging
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Table
from rich.text import Text

from importer.cli import connecting
from importer.cli.logs import log_to_stderr
from importer.cli.signals import ended_at_once
from importer.printable import printable

if TYPE_CHECKING:
    import polars as pl

__all__ = ["EPILOG", "read_command"]

EPILOG = "Example: importer read birds --window 30d --aggregate 1h --fn mean --output birds.csv"

_PART, _OUTPUT = "What to read", "Output"
_PIPE_WIDTH = 110
_ROWS_OF_A_TABLE = 30
_LINE_EVERY_SECONDS = 5.0

log = logging.getLogger("importer")


@connecting.with_server
def read_command(
    bucket: Annotated[str, typer.Argument(metavar="BUCKET", help="Its name.")],
    *,
    window: Annotated[str | None, typer.Option("--window", metavar="LENGTH", help="How far back from --stop, or from now: a whole number and a unit (s, m, h, d, w), such as 30d.", rich_help_panel=_PART)] = None,
    start: Annotated[str | None, typer.Option("--start", metavar="TIME", help="From when, included: 2024-05-01T12:00:00Z, a date (UTC), or -30d.", rich_help_panel=_PART)] = None,
    stop: Annotated[str | None, typer.Option("--stop", metavar="TIME", help="Until when, not included; in the same forms, or now.", rich_help_panel=_PART)] = None,
    aggregate: Annotated[str | None, typer.Option("--aggregate", metavar="LENGTH", help="One row for each window of this length and series, such as 30m.", rich_help_panel=_PART)] = None,
    fn: Annotated[str | None, typer.Option("--fn", metavar="NAME", help="What becomes of a window's values: mean (default), median, stddev, sum, min, max, spread, count, first, last, mode.", rich_help_panel=_PART)] = None,
    measurement: Annotated[list[str] | None, typer.Option("--measurement", metavar="NAME", help="Only this one; may be repeated.", rich_help_panel=_PART)] = None,
    tag: Annotated[list[str] | None, typer.Option("--tag", metavar="KEY=VALUE", help="Only points with this tag; several values of a key are alternatives; may be repeated.", rich_help_panel=_PART)] = None,
    field: Annotated[list[str] | None, typer.Option("--field", metavar="KEY", help="Only this field; may be repeated.", rich_help_panel=_PART)] = None,
    limit: Annotated[int | None, typer.Option("--limit", metavar="N", min=1, help="So many rows at the most.", rich_help_panel=_PART)] = None,
    output: Annotated[str | None, typer.Option("--output", "-o", metavar="FILE", help="File to write (.csv, .parquet, .lp, .json); - or none: standard output, as a table on a terminal, else as CSV.", rich_help_panel=_OUTPUT)] = None,
    file_format: Annotated[Literal["table", "csv", "parquet", "lp", "json"] | None, typer.Option("--format", help="Default: by the file's ending.", rich_help_panel=_OUTPUT)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Rows as JSON; with --output, what was written.", rich_help_panel=_OUTPUT)] = False,
    write_mapping: Annotated[Path | None, typer.Option("--write-mapping", metavar="FILE", help="Write a mapping by which importer load loads the file back.", rich_help_panel=_OUTPUT)] = None,
    escape_formulas: Annotated[bool, typer.Option("--escape-formulas", help="CSV for spreadsheets: an apostrophe before texts that look like formulas. Such a file does not load back as it was.", rich_help_panel=_OUTPUT)] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace files that exist.", rich_help_panel=_OUTPUT)] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Warnings and errors only.", rich_help_panel=_OUTPUT)] = False,
    wait: connecting.Wait = 10.0,
    where: connecting.Where,
) -> None:  # fmt: skip
    """Read a bucket, a row per point: all of it, or a part, or windows of it.

    What is read is held against what the server counts; a file is written whole or not at all, in bounded memory.
    """
    log_to_stderr(quiet=quiet, as_json=False)
    with ended_at_once():
        from importer.reading.export import export  # noqa: PLC0415
        from importer.reading.frames import read  # noqa: PLC0415
        from importer.reading.selection import tag_filters  # noqa: PLC0415

    asked: dict[str, Any] = {
        "window": window,
        "start": start,
        "stop": stop,
        "aggregate": aggregate,
        "fn": fn,
        "measurement": measurement or (),
        "tags": tag_filters(tag or ()),
        "fields": field or (),
        "wait_seconds": wait,
    }
    to_stdout = output in (None, "-")
    chosen = "json" if as_json and to_stdout else file_format
    of_files = not to_stdout or write_mapping is not None or escape_formulas
    if chosen == "table" and of_files:
        raise typer.BadParameter("a table is for looking at: files are csv, parquet, lp or json", param_hint="--format")
    if chosen is None and not of_files and sys.stdout.isatty():
        chosen = "table"
    with _told_to_end(), _shown(quiet=quiet) as progress:
        asked |= {"progress": progress, "connection": where()}
        if chosen == "table":
            most = limit or _ROWS_OF_A_TABLE
            frame = read(bucket, limit=most + 1, **asked)
        else:
            written = export(
                bucket,
                sys.stdout.buffer if output is None or to_stdout else output,
                format=chosen,
                limit=limit,
                escape_formulas=escape_formulas,
                write_mapping=write_mapping,
                force=force,
                **asked,
            )
    if chosen == "table":
        _show(frame, most, limited=limit is not None)
        return
    for warning in written.warnings:
        log.warning("warning: %s", warning)
    if as_json and not to_stdout:
        typer.echo(json.dumps(asdict(written), indent=2))
        return
    if not written.rows:
        log.warning("warning: nothing was found: look at --start, --stop and the filters")
    if not to_stdout:
        log.info("%s: %s rows, %s values of %s", written.path, f"{written.rows:,}", f"{written.values:,}", ", ".join(map(repr, written.measurements)) or "nothing")  # fmt: skip
    if written.load_command:
        log.info("to load it back: %s", written.load_command)


def _show(frame: pl.DataFrame, most: int, *, limited: bool) -> None:
    from importer.reading.files import time_as_text  # noqa: PLC0415

    console = Console()
    if not console.is_terminal:
        console.width = _PIPE_WIDTH
    table = Table()
    # A column in which nothing stands tells nothing.
    shown = time_as_text(frame.head(most))
    kept = [column for column in shown.get_columns() if column.null_count() < len(column)]
    for column in kept:
        justify: Literal["left", "right"] = "right" if column.dtype.is_numeric() else "left"
        table.add_column(_cell(column.name), overflow="fold", justify=justify, no_wrap=column.name == "time")
    for row in zip(*kept, strict=True):
        table.add_row(*(_cell(value) for value in row))
    if not frame.height:
        typer.echo("nothing was found: look at --start, --stop and the filters")
        return
    console.print(table)
    if frame.height > most and not limited:
        typer.echo(f"the first {most} rows; for more: --limit N, or --output FILE for all")


def _cell(value: object) -> Text:
    if value is None:
        return Text()
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return Text(printable(text, len(text)))


@contextmanager
def _told_to_end() -> Iterator[None]:
    """Ctrl-C and SIGTERM end it by an exception, so that nothing half is left."""

    def on_signal(number: int, _frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_IGN)
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    except SystemExit:
        log.warning("interrupted; nothing is left of what was being written")
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _shown(*, quiet: bool) -> Iterator[Callable[[int, int, int], None]]:
    """What listens to the reading: nothing, a bar on a terminal, or lines in the log."""
    console = Console(stderr=True)
    if quiet:
        yield lambda *_: None
    elif console.is_terminal:
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[figures]}"))
        with Bar(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
            task = bar.add_task("read", total=None, figures="counting")
            yield lambda done, total, rows: bar.update(
                task, completed=done, total=total, figures=f"{done:,} of {total:,} values, {rows:,} rows"
            )
    else:
        yield _Lines().tell


class _Lines:
    def __init__(self) -> None:
        self._next = time.monotonic() + _LINE_EVERY_SECONDS

    def tell(self, done: int, total: int, rows: int) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _LINE_EVERY_SECONDS
            log.info("read: %s of %s values, %s rows", f"{done:,}", f"{total:,}", f"{rows:,}")
