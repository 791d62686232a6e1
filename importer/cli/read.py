"""``importer read``: what is in a bucket, as a table, or into a file."""

from __future__ import annotations

import json
import logging
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from importer.cli import connecting
from importer.cli.logs import log_to_stderr
from importer.cli.process import importing
from importer.cli.signals import NOT_WHOLE, NOTHING_WRITTEN, stopped_and_exited
from importer.errors import ImporterError

__all__ = ["EPILOG", "read_command"]

EPILOG = """Example: importer read birds --window 30d --aggregate 1h --fn mean --output birds.csv

Out of a backup: importer read --from-backup backups/20240131T235959Z --output birds.parquet"""

_PART, _OUTPUT = "What to read", "Output"
_ROWS_OF_A_TABLE = 30
_NOTHING = "warning: nothing was found: look at --window, --start, --stop and the filters%s"

log = logging.getLogger("importer")


@connecting.with_server
def read_command(
    bucket: Annotated[str | None, typer.Argument(metavar="BUCKET", help="Its name; of a backup with one bucket, it may be left out.", show_default=False)] = None,
    *,
    from_backup: Annotated[Path | None, typer.Option("--from-backup", metavar="FOLDER", help="Read the rows straight out of a backup (of importer backup, or of influx backup), without a server.", rich_help_panel=_PART)] = None,
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
    state_dir: Annotated[Path | None, typer.Option("--state-dir", metavar="DIR", help="Where a backup's files are unpacked meanwhile; about as large as they are.", rich_help_panel=_PART)] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Warnings and errors only.", rich_help_panel=_OUTPUT)] = False,
    wait: connecting.Wait = 10.0,
    where: connecting.Where,
) -> None:  # fmt: skip
    """Read a bucket, a row per point: all of it, or a part, or windows of it.

    What is read is held against what the server counts; a file is written whole or not at all, in bounded memory.
    """
    log_to_stderr(quiet=quiet, as_json=False)
    with importing():
        from importer.cli.progress import shown_reading  # noqa: PLC0415
        from importer.cli.row_tables import show_rows  # noqa: PLC0415
        from importer.printable import printable  # noqa: PLC0415
        from importer.reading.export import export, planned  # noqa: PLC0415
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
    }
    to_stdout = output in (None, "-")
    chosen = "json" if as_json and to_stdout else file_format
    of_files = not to_stdout or write_mapping is not None or escape_formulas
    if chosen == "table" and of_files:
        raise typer.BadParameter("a table is for looking at: files are csv, parquet, lp or json", param_hint="--format")
    if chosen is None and not of_files and sys.stdout.isatty():
        chosen = "table"
    target = sys.stdout.buffer if output is None or to_stdout else output
    ways: dict[str, Any] = {"escape_formulas": escape_formulas, "write_mapping": write_mapping, "force": force}
    # What is wrong is told before a server is looked for, or started.
    planned(bucket, target, from_backup=from_backup, format=None if chosen == "table" else chosen, **ways, **asked)
    place = {"wait_seconds": wait, "connection": where()} if from_backup is None else {"from_backup": from_backup}
    asked |= place | {"state_dir": state_dir}
    with (
        stopped_and_exited(NOT_WHOLE if to_stdout else NOTHING_WRITTEN) as interrupt,
        shown_reading(quiet=quiet) as progress,
    ):
        asked |= {"progress": progress, "interrupt": interrupt}
        if chosen == "table":
            most = limit or _ROWS_OF_A_TABLE
            frame = read(bucket, limit=most + 1, **asked)
        else:
            written = export(bucket, target, format=chosen, limit=limit, **ways, **asked)
    if chosen == "table":
        show_rows(frame, most, limited=limit is not None, held=lambda: _held(bucket, place))
        return
    for warning in written.warnings:
        log.warning("warning: %s", warning)
    if as_json and not to_stdout:
        typer.echo(json.dumps(asdict(written), indent=2))
        return
    if not written.rows:
        log.warning(_NOTHING, _held(bucket, place))
    if not to_stdout:
        log.info("%s: %s rows, %s values of %s", printable(written.path, None), f"{written.rows:,}", f"{written.values:,}", ", ".join(map(repr, written.measurements)) or "nothing")  # fmt: skip
    if written.load_command:
        log.info("to load it back: %s", printable(written.load_command, None))


def _held(bucket: str | None, place: dict[str, Any]) -> str:
    """From when to when there may be anything, as the end of a sentence."""
    from importer.moments import as_text  # noqa: PLC0415
    from importer.reading.opening import stored_between  # noqa: PLC0415

    try:
        span = stored_between(bucket, **place)
    except ImporterError:
        span = None
    if span is None:
        return ""
    holds = "the bucket holds" if "connection" in place else "the backup's shard groups reach from"
    return f"; {holds} {as_text(span.start_ns)} to {as_text(span.stop_ns - 1)}"
