"""``importer load``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from importer.choices import Compression, IfExists, LocalTimePolicy, MethodChoice, Precision
from importer.cli import connecting
from importer.cli.exits import EXIT_CODES
from importer.cli.logs import log_to_stderr
from importer.cli.process import importing
from importer.cli.sharing import given
from importer.cli.sources import Reading, with_reading

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


@connecting.with_server
@with_reading
def load_command(
    sources: Annotated[list[str], typer.Argument(metavar="SOURCE...", help="CSV, JSON Lines, Parquet or Arrow: files, globs, URLs (http, https, s3), or - for standard input.")],
    *,
    bucket: Annotated[str | None, typer.Option("--bucket", help="Bucket to load into; recreated on each run. Default, where the mapping is inferred: named after the file.", rich_help_panel=_BUCKET)] = None,
    mapping: Annotated[Path | None, typer.Option("--mapping", help="TOML file: which column becomes what. Without it, and without all of --measurement, --field and --time, what is missing is inferred from the data.", rich_help_panel=_MAPPING)] = None,
    mapper: Annotated[str | None, typer.Option("--mapper", metavar="MODULE:FUNCTION", help="Your own function: row -> Point, None or [Point, ...].", rich_help_panel=_MAPPING)] = None,
    measurement: Annotated[str | None, typer.Option("--measurement", help="Measurement, where there is no mapping file. Default: named after the file where the mapping is inferred.", rich_help_panel=_MAPPING)] = None,
    tag: Annotated[list[str] | None, typer.Option("--tag", metavar="COL", help="Column that is a tag, or KEY=COL; may be repeated.", rich_help_panel=_MAPPING)] = None,
    field: Annotated[list[str] | None, typer.Option("--field", metavar="COL[:TYPE]", help="Column that is a field, or KEY=COL[:TYPE]; float, integer, unsigned, boolean, string; may be repeated.", rich_help_panel=_MAPPING)] = None,
    time: Annotated[list[str] | None, typer.Option("--time", metavar="COL", help="Column with the time; repeated, its parts, joined by a space.", rich_help_panel=_MAPPING)] = None,
    time_format: Annotated[str | None, typer.Option("--time-format", metavar="FORMAT", help="rfc3339, unix_s, unix_ms, unix_us, unix_ns, or such as '%Y-%m-%d %H:%M:%S%.f'. Default: found out where the mapping is inferred, else rfc3339.", rich_help_panel=_MAPPING)] = None,
    timezone: Annotated[str | None, typer.Option("--timezone", metavar="NAME", help="Such as Europe/Zurich, for times without an offset. Default: as the data says where the mapping is inferred, else UTC.", rich_help_panel=_MAPPING)] = None,
    ambiguous: Annotated[LocalTimePolicy | None, typer.Option("--ambiguous", help="Local times that occur twice or never; default reject.", rich_help_panel=_MAPPING)] = None,
    row_filter: Annotated[str | None, typer.Option("--filter", metavar="CONDITION", help="SQL condition over the columns, as text; other rows are skipped.", rich_help_panel=_MAPPING)] = None,
    reading: Reading,
    limit: Annotated[int | None, typer.Option("--limit", metavar="N", min=1, help="Read so many rows only.", rich_help_panel=_CSV)] = None,
    method: Annotated[MethodChoice, typer.Option("--method", help="write sends line protocol; bulk builds the server's storage files here, which is faster and takes an operator token; auto is bulk where it can be, and says why not otherwise.", rich_help_panel=_SPEED)] = "write",
    if_exists: Annotated[IfExists, typer.Option("--if-exists", help="auto replaces a bucket that a load made and that still has as many values; replace any; append writes into it; fail refuses.", rich_help_panel=_BUCKET)] = "auto",
    retention: Annotated[str | None, typer.Option("--retention", metavar="DURATION", help="Such as 90d; 0 for ever; default: as the replaced bucket, else for ever.", rich_help_panel=_BUCKET)] = None,
    shard_duration: Annotated[str | None, typer.Option("--shard-duration", metavar="DURATION", help="Of a shard group; default: as chosen for the replaced bucket, else fitted to the data.", rich_help_panel=_BUCKET)] = None,
    max_series: Annotated[int, typer.Option("--max-series", metavar="N", min=1, help="Stop at more series than this.", rich_help_panel=_BUCKET)] = 1_000_000,
    keep_old: Annotated[bool, typer.Option("--keep-old", help="Keep the replaced bucket under another name.", rich_help_panel=_BUCKET)] = False,
    allow_empty: Annotated[bool, typer.Option("--allow-empty", help="Replace a bucket that holds points even if the source gives none.", rich_help_panel=_BUCKET)] = False,
    no_verify: Annotated[bool, typer.Option("--no-verify", help="Do not ask the server whether all has arrived.", rich_help_panel=_BUCKET)] = False,
    rejects: Annotated[Path | None, typer.Option("--rejects", metavar="FILE", help="Where rejected rows go; default BUCKET.rejects.csv.", rich_help_panel=_REJECTS)] = None,
    max_rejects: Annotated[str, typer.Option("--max-rejects", metavar="N|P%", help="How many may be rejected.", rich_help_panel=_REJECTS)] = "0",
    precision: Annotated[Precision, typer.Option("--precision", help="Reject timestamps that are finer.", rich_help_panel=_REJECTS)] = "ns",
    batch_rows: Annotated[int | None, typer.Option("--batch-rows", metavar="N", min=1, help="Lines per write at the most; default: as the server takes them best, from 50,000 on.", rich_help_panel=_SPEED)] = None,
    workers: Annotated[int | None, typer.Option("--workers", metavar="N", min=1, max=64, help="Writes under way at once; default: as the server takes them best, from 2 on.", rich_help_panel=_SPEED)] = None,
    compression: Annotated[Compression, typer.Option("--compression", help="Of the writes; auto: none to this machine, gzip elsewhere.", rich_help_panel=_SPEED)] = "auto",
    mapper_processes: Annotated[int, typer.Option("--mapper-processes", metavar="N", min=1, max=64, help="Processes that call --mapper's function; more for one that takes long.", rich_help_panel=_SPEED)] = 1,
    build_processes: Annotated[int, typer.Option("--build-processes", metavar="N", min=1, max=64, help="Of --method bulk: processes that build storage files.", rich_help_panel=_SPEED)] = 1,
    cluster: Annotated[str | None, typer.Option("--cluster", metavar="ADDRESS", help="Of --method bulk: scheduler of a Dask cluster, such as tcp://host:8786, whose workers map the rows and build the storage files.", rich_help_panel=_SPEED)] = None,
    wait: Annotated[float, typer.Option("--wait", metavar="SECONDS", min=0, help="How long an absent server is waited for.", rich_help_panel=_SPEED)] = 100.0,
    state_dir: Annotated[Path | None, typer.Option("--state-dir", metavar="DIR", help="Where the accounts are kept while the load runs.", rich_help_panel=_SPEED)] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an unfinished load of the same source, mapping and bucket; where there is none, a new one starts.", rich_help_panel=_SPEED)] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Line protocol to standard output; no server is asked.", rich_help_panel=_OUTPUT)] = False,
    report: Annotated[Path | None, typer.Option("--report", metavar="FILE", help="Write the report as JSON.", rich_help_panel=_OUTPUT)] = None,
    sample: Annotated[int, typer.Option("--sample", metavar="N", min=0, help="Print so many of the loaded rows, as Flux gives them back.", rich_help_panel=_OUTPUT)] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", help="Warnings and errors only.", rich_help_panel=_OUTPUT)] = False,
    log_json: Annotated[bool, typer.Option("--log-json", help="Log lines as JSON.", rich_help_panel=_OUTPUT)] = False,
    where: connecting.Where,
) -> None:  # fmt: skip
    """Load CSV into a bucket: all of it, checked by the server, or nothing.

    Example: importer load birds.csv --mapping birds.toml --bucket birds
    """
    log_to_stderr(quiet=quiet, as_json=log_json)
    with importing():
        from importer.bucket.shards import parse_duration  # noqa: PLC0415
        from importer.cli.running import bucket_of, mapping_arguments, run_load  # noqa: PLC0415
        from importer.options import LoadOptions  # noqa: PLC0415

    mapped_by = mapping_arguments(
        mapping=mapping,
        mapper=mapper,
        flags={
            "measurement": measurement,
            "tags": tag or (),
            "fields": field or (),
            "time": time or (),
            "time_options": given(format=time_format, timezone=timezone, ambiguous=ambiguous),
            "row_filter": row_filter,
        },
        csv_options=reading.csv,
    )
    options = LoadOptions(
        bucket=bucket_of(bucket, sources, mapped_by),
        if_exists=if_exists,
        method=method,
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
        **asdict(reading.bounds),
        precision=precision,
        batch_rows=batch_rows,
        workers=workers,
        compression=compression,
        mapper_processes=mapper_processes,
        build_processes=build_processes,
        cluster=cluster,
        state_dir=state_dir,
        resume=resume,
        verify=not no_verify,
        wait_seconds=wait,
    )
    run_load(sources, mapped_by=mapped_by, options=options, where=where, sample=sample, quiet=quiet, log_json=log_json)
