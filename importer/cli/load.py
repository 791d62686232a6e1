"""``importer load``."""

from __future__ import annotations

import errno
import logging
import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console

from importer.api import connect, load
from importer.bucket.shards import parse_duration
from importer.choices import Compression, IfExists, LocalTimePolicy, Precision
from importer.cli import connecting
from importer.cli.exits import EXIT_CODES, exit_code
from importer.cli.logs import log_to_stderr
from importer.cli.progress import shown_progress
from importer.cli.signals import stopped_by_signals
from importer.cli.summary import show_rows, show_summary
from importer.errors import ImporterError
from importer.ledger.report import Report
from importer.mapping.flags import mapping_from_flags, no_flags
from importer.mapping.parts import CsvOptions
from importer.mapping.spec import Mapping
from importer.options import LoadOptions
from importer.server.connection import Connection
from importer.source.bounds import MAX_COLUMNS, MAX_EXPANSION, MAX_RECORD_BYTES
from importer.verification.sample import sample_rows

__all__ = ["EPILOG", "load_command"]

EPILOG = "Exit codes: " + "; ".join(f"{code} {meaning}" for code, meaning in EXIT_CODES.items()) + "."

_MAPPING, _CSV, _BUCKET, _REJECTS, _SPEED, _OUTPUT = (
    "Mapping",
    "CSV",
    "Bucket",
    "Rejects",
    "Speed and state",
    "Output",
)

log = logging.getLogger("importer")


def load_command(
    sources: Annotated[list[str], typer.Argument(metavar="SOURCE...", help="CSV files, globs, or - for standard input.")],
    *,
    bucket: Annotated[str, typer.Option("--bucket", help="Bucket to load into; recreated on each run.", rich_help_panel=_BUCKET)],
    mapping: Annotated[Path | None, typer.Option("--mapping", help="TOML file: which column becomes what.", rich_help_panel=_MAPPING)] = None,
    mapper: Annotated[str | None, typer.Option("--mapper", metavar="MODULE:FUNCTION", help="Your own function: row -> Point, None or [Point, ...].", rich_help_panel=_MAPPING)] = None,
    measurement: Annotated[str | None, typer.Option("--measurement", help="Measurement, where there is no mapping file.", rich_help_panel=_MAPPING)] = None,
    tag: Annotated[list[str] | None, typer.Option("--tag", metavar="COL", help="Column that is a tag, or KEY=COL; may be repeated.", rich_help_panel=_MAPPING)] = None,
    field: Annotated[list[str] | None, typer.Option("--field", metavar="COL[:TYPE]", help="Column that is a field, or KEY=COL[:TYPE]; float, integer, unsigned, boolean, string; may be repeated.", rich_help_panel=_MAPPING)] = None,
    time: Annotated[list[str] | None, typer.Option("--time", metavar="COL", help="Column with the time; repeated, its parts, joined by a space.", rich_help_panel=_MAPPING)] = None,
    time_format: Annotated[str | None, typer.Option("--time-format", metavar="FORMAT", help="rfc3339 (default), unix_s, unix_ms, unix_us, unix_ns, or such as '%Y-%m-%d %H:%M:%S%.f'.", rich_help_panel=_MAPPING)] = None,
    timezone: Annotated[str | None, typer.Option("--timezone", metavar="NAME", help="Such as Europe/Zurich, for times without an offset; default UTC.", rich_help_panel=_MAPPING)] = None,
    ambiguous: Annotated[LocalTimePolicy | None, typer.Option("--ambiguous", help="Local times that occur twice or never; default reject.", rich_help_panel=_MAPPING)] = None,
    row_filter: Annotated[str | None, typer.Option("--filter", metavar="CONDITION", help="SQL condition over the columns, as text; other rows are skipped.", rich_help_panel=_MAPPING)] = None,
    delimiter: Annotated[str | None, typer.Option("--delimiter", metavar="CHAR", help="Between cells: default comma; tab for the tab.", rich_help_panel=_CSV)] = None,
    encoding: Annotated[str | None, typer.Option("--encoding", metavar="NAME", help="Default utf-8; such as latin-1, cp1252, utf-16.", rich_help_panel=_CSV)] = None,
    null: Annotated[list[str] | None, typer.Option("--null", metavar="TEXT", help="Text that means an empty cell; may be repeated.", rich_help_panel=_CSV)] = None,
    decimal: Annotated[Literal[".", ","] | None, typer.Option("--decimal", help="Decimal mark; default a point.", rich_help_panel=_CSV)] = None,
    limit: Annotated[int | None, typer.Option("--limit", metavar="N", min=1, help="Read so many rows only.", rich_help_panel=_CSV)] = None,
    max_record_bytes: Annotated[int, typer.Option("--max-record-bytes", metavar="N", min=1, help="A longer record ends the load: most often a quote in it is never closed.", rich_help_panel=_CSV)] = MAX_RECORD_BYTES,
    max_columns: Annotated[int, typer.Option("--max-columns", metavar="N", min=1, help="A header of more columns ends the load.", rich_help_panel=_CSV)] = MAX_COLUMNS,
    max_expansion: Annotated[int, typer.Option("--max-expansion", metavar="TIMES", min=1, help="A compressed file that swells to more times its size, and beyond 16 MiB, ends the load.", rich_help_panel=_CSV)] = MAX_EXPANSION,
    if_exists: Annotated[IfExists, typer.Option("--if-exists", help="auto replaces a bucket that a load made and that still has as many values; replace any; append writes into it; fail refuses.", rich_help_panel=_BUCKET)] = "auto",
    retention: Annotated[str | None, typer.Option("--retention", metavar="DURATION", help="Such as 90d; 0 for ever; default: as the replaced bucket, else for ever.", rich_help_panel=_BUCKET)] = None,
    shard_duration: Annotated[str | None, typer.Option("--shard-duration", metavar="DURATION", help="Of a shard group; default: as the replaced bucket, else fitted to the data.", rich_help_panel=_BUCKET)] = None,
    max_series: Annotated[int, typer.Option("--max-series", metavar="N", min=1, help="Stop at more series than this.", rich_help_panel=_BUCKET)] = 1_000_000,
    keep_old: Annotated[bool, typer.Option("--keep-old", help="Keep the replaced bucket under another name.", rich_help_panel=_BUCKET)] = False,
    allow_empty: Annotated[bool, typer.Option("--allow-empty", help="Replace a bucket that holds points even if the source gives none.", rich_help_panel=_BUCKET)] = False,
    no_verify: Annotated[bool, typer.Option("--no-verify", help="Do not ask the server whether all has arrived.", rich_help_panel=_BUCKET)] = False,
    rejects: Annotated[Path | None, typer.Option("--rejects", metavar="FILE", help="Where rejected rows go; default BUCKET.rejects.csv.", rich_help_panel=_REJECTS)] = None,
    max_rejects: Annotated[str, typer.Option("--max-rejects", metavar="N|P%", help="How many may be rejected.", rich_help_panel=_REJECTS)] = "0",
    precision: Annotated[Precision, typer.Option("--precision", help="Reject timestamps that are finer.", rich_help_panel=_REJECTS)] = "ns",
    batch_rows: Annotated[int, typer.Option("--batch-rows", metavar="N", min=1, help="Lines per write at the most.", rich_help_panel=_SPEED)] = 50_000,
    workers: Annotated[int, typer.Option("--workers", metavar="N", min=1, max=64, help="Writes under way at once.", rich_help_panel=_SPEED)] = 2,
    compression: Annotated[Compression, typer.Option("--compression", help="Of the writes; auto: none to this machine, gzip elsewhere.", rich_help_panel=_SPEED)] = "auto",
    wait: Annotated[float, typer.Option("--wait", metavar="SECONDS", min=0, help="How long an absent server is waited for.", rich_help_panel=_SPEED)] = 100.0,
    state_dir: Annotated[Path | None, typer.Option("--state-dir", metavar="DIR", help="Where the accounts are kept while the load runs.", rich_help_panel=_SPEED)] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an unfinished load of the same source, mapping and bucket; where there is none, a new one starts.", rich_help_panel=_SPEED)] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Line protocol to standard output; no server is asked.", rich_help_panel=_OUTPUT)] = False,
    report: Annotated[Path | None, typer.Option("--report", metavar="FILE", help="Write the report as JSON.", rich_help_panel=_OUTPUT)] = None,
    sample: Annotated[int, typer.Option("--sample", metavar="N", min=0, help="Print so many of the loaded rows, as Flux gives them back.", rich_help_panel=_OUTPUT)] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", help="Warnings and errors only.", rich_help_panel=_OUTPUT)] = False,
    log_json: Annotated[bool, typer.Option("--log-json", help="Log lines as JSON.", rich_help_panel=_OUTPUT)] = False,
    url: connecting.Url = None,
    org: connecting.Org = None,
    token_file: connecting.TokenFile = None,
    env_file: connecting.EnvFile = None,
    ca_file: connecting.CaFile = None,
    skip_verify: connecting.SkipVerify = False,
    allow_http: connecting.AllowHttp = False,
) -> None:  # fmt: skip
    """Load CSV into a bucket: all of it, checked by the server, or nothing.

    Example: importer load birds.csv --mapping birds.toml --bucket birds
    """
    log_to_stderr(quiet=quiet, as_json=log_json)
    mapped_by = _mapped_by(
        mapping=mapping,
        mapper=mapper,
        flags={
            "measurement": measurement,
            "tags": tag or (),
            "fields": field or (),
            "time": time or (),
            "time_options": _given(format=time_format, timezone=timezone, ambiguous=ambiguous),
            "row_filter": row_filter,
        },
        csv_options=_given(delimiter=delimiter, encoding=encoding, null=tuple(null or ()) or None, decimal=decimal),
    )
    options = LoadOptions(
        bucket=bucket,
        if_exists=if_exists,
        retention_seconds=parse_duration(retention) if retention else None,
        shard_duration_seconds=parse_duration(shard_duration) if shard_duration else None,
        max_series=max_series,
        keep_old=keep_old,
        allow_empty=allow_empty,
        rejects=rejects,
        max_rejects=max_rejects,
        report=report,
        dry_run=dry_run,
        limit=limit,
        max_record_bytes=max_record_bytes,
        max_columns=max_columns,
        max_expansion=max_expansion,
        precision=precision,
        batch_rows=batch_rows,
        workers=workers,
        compression=compression,
        state_dir=state_dir,
        resume=resume,
        verify=not no_verify,
        wait_seconds=wait,
    )

    @cache
    def where() -> Connection:
        return connect(
            url=url,
            org=org,
            token_file=token_file,
            env_file=env_file,
            ca_file=ca_file,
            skip_verify=skip_verify,
            allow_http=allow_http,
        )

    console = _Console(stderr=dry_run)
    with stopped_by_signals() as stopping, shown_progress(quiet=quiet, as_json=log_json) as progress:
        try:
            result = load(
                sources,
                options=options,
                connection=where,
                progress=progress,
                stop=stopping.event,
                **mapped_by,
            )
        except ImporterError as error:
            if error.report is not None:
                _show(error.report, console, quiet=quiet, as_json=log_json)
            log.error("error: %s", error)  # noqa: TRY400 - a trace is for programmers
            if error.resumable:
                log.error("to go on: %s", _resuming(sys.argv[1:]))  # noqa: TRY400
            raise typer.Exit(exit_code(error, stopping.signal_number)) from None
    _show(result, console, quiet=quiet, as_json=log_json)
    if sample and not dry_run:
        try:
            with _output_may_fail():
                show_rows(sample_rows(where(), result, sample), console)
        except ImporterError as error:
            log.warning("the load is done, but its rows cannot be shown: %s", error)


def _resuming(arguments: list[str]) -> str:
    """The command that goes on with the load of these arguments."""
    return shlex.join(["importer", *arguments, *([] if "--resume" in arguments else ["--resume"])])


def _show(result: Report, console: Console, *, quiet: bool, as_json: bool) -> None:
    if quiet or as_json:
        for warning in result.warnings:
            log.warning("warning: %s", warning)
    if not quiet:
        with _output_may_fail():
            show_summary(result, console)


class _Console(Console):
    def on_broken_pipe(self) -> None:
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))  # and do not exit with 1, as rich would


@contextmanager
def _output_may_fail() -> Iterator[None]:
    """What became of the load does not depend on whether somebody reads the summary."""
    try:
        yield
        sys.stdout.flush()
    except OSError as error:
        log.warning("the summary cannot be written: %s", error.strerror)
        # Python would try once more at its end, and exit with an error of its own.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _given(**options: Any) -> dict[str, Any]:
    return {key: value for key, value in options.items() if value is not None}


def _mapped_by(
    *, mapping: Path | None, mapper: str | None, flags: dict[str, Any], csv_options: dict[str, Any]
) -> dict[str, Any]:
    """The arguments of :func:`importer.load` that say how to map."""
    if mapper is not None:
        no_flags({**flags, "mapping": mapping}, "--mapper")
        return {"mapper": mapper, "csv": CsvOptions.from_dict(csv_options)}
    if mapping is not None:
        no_flags(flags, "--mapping")
        return {"mapping": Mapping.from_toml(mapping).reading(csv_options)}
    return {"mapping": mapping_from_flags(**flags, csv_options=csv_options)}
