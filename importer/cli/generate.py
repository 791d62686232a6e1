"""``importer generate``: made-up data, as a file or in a bucket."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from importer.choices import IfExists, Precision
from importer.cli import connecting
from importer.cli.logs import log_to_stderr
from importer.cli.process import importing
from importer.cli.signals import NOT_WHOLE, NOTHING_WRITTEN, stopped_and_exited
from importer.errors import ConfigurationError

__all__ = ["EPILOG", "generate_command"]

EPILOG = "Example: importer generate telemetry --points 100000 --bucket telemetry"

_BUCKET = "Into a bucket"
_OF_A_FILE = {"output", "output_format", "precision"}


@connecting.with_server
def generate_command(
    context: typer.Context,
    shape: Annotated[str, typer.Argument(metavar="SHAPE", help="m1 (random tags and numbers) or telemetry (three devices).")],
    *,
    points: Annotated[int, typer.Option("--points", metavar="N", help="How many points.")] = 1_000,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Another one gives other data; the same gives the same bytes on every machine.")] = 1,
    start: Annotated[str | None, typer.Option("--start", metavar="TIME", help="Of the earliest point: 2024-01-01T00:00:00Z, or now; default: fixed, by the shape.")] = None,
    end: Annotated[str | None, typer.Option("--end", metavar="TIME", help="Of the latest point, instead of --start.")] = None,
    duplicates: Annotated[int, typer.Option("--duplicates", metavar="N", help="So many points have the tags and the time of the one before them.")] = 0,
    output_format: Annotated[Literal["csv", "lp"], typer.Option("--format", help="CSV or line protocol.")] = "csv",
    precision: Annotated[Precision, typer.Option("--precision", help="Of the times in line protocol.")] = "ns",
    output: Annotated[str | None, typer.Option("--output", "-o", metavar="FILE|-", help="Where to; default: standard output.")] = None,
    write_mapping: Annotated[Path | None, typer.Option("--write-mapping", metavar="FILE", help="Write the mapping file for the CSV, too.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Files that are there already may be replaced.")] = False,
    batch_size: Annotated[int | None, typer.Option("--batch-size", metavar="N", help="Points made or written at once, at the most: any number.")] = None,
    bucket: Annotated[str | None, typer.Option("--bucket", metavar="NAME", help="Load the points into this bucket: all of them, checked by the server, or none.", rich_help_panel=_BUCKET)] = None,
    if_exists: Annotated[IfExists, typer.Option("--if-exists", help="What becomes of a bucket that exists, as in importer load.", rich_help_panel=_BUCKET)] = "auto",
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an unfinished load of the same points.", rich_help_panel=_BUCKET)] = False,
    report: Annotated[Path | None, typer.Option("--report", metavar="FILE", help="Write the load's report as JSON.", rich_help_panel=_BUCKET)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the load's report as JSON instead of the summary.", rich_help_panel=_BUCKET)] = False,
    wait: Annotated[float, typer.Option("--wait", metavar="SECONDS", min=0, help="How long an absent server is waited for.", rich_help_panel=_BUCKET)] = 100.0,
    state_dir: Annotated[Path | None, typer.Option("--state-dir", metavar="DIR", help="Where the accounts are kept while the load runs.", rich_help_panel=_BUCKET)] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Warnings and errors only.")] = False,
    where: connecting.Where,
) -> None:  # fmt: skip
    """Make data up in a well-known shape, from a seed: as CSV, as line protocol, or straight into a bucket."""
    log_to_stderr(quiet=quiet, as_json=False)
    _refuse_what_has_no_effect(context, into_bucket=bucket is not None)
    if overwrite and output in (None, "-") and write_mapping is None:
        raise ConfigurationError("--overwrite: no file is written that it could be about; leave it out")
    with importing():
        from importer.cli.running import run_generated  # noqa: PLC0415
        from importer.generating.making import generate, load_generated  # noqa: PLC0415
        from importer.options import LoadOptions  # noqa: PLC0415

    made: dict[str, Any] = {
        "points": points,
        "seed": seed,
        "start": start,
        "end": end,
        "duplicates": duplicates,
        "batch_size": batch_size,
        "mapping_file": write_mapping,
        "overwrite": overwrite,
    }
    if bucket is None:
        with stopped_and_exited(NOT_WHOLE if output in (None, "-") else NOTHING_WRITTEN) as stop:
            generate(shape, **made, output=output or "-", format=output_format, precision=precision, stop=stop)
        return
    options = LoadOptions(
        bucket=bucket, if_exists=if_exists, resume=resume, report=report, wait_seconds=wait, state_dir=state_dir
    )
    run_generated(
        lambda progress, stop: load_generated(
            shape, **made, options=options, connection=where, progress=progress, stop=stop
        ),
        quiet=quiet,
        as_json=as_json,
        log_json=False,
    )


def _refuse_what_has_no_effect(context: typer.Context, *, into_bucket: bool) -> None:
    """Options that say how a file is written go with none that say how a bucket is loaded."""
    for option in context.command.params:
        source = context.get_parameter_source(option.name or "")
        if source is None or source.name != "COMMANDLINE":
            continue
        if into_bucket and option.name in _OF_A_FILE:
            raise ConfigurationError(f"{option.opts[0]} is of a file, not of a bucket: leave it or --bucket out")
        if not into_bucket and getattr(option, "rich_help_panel", None) in (_BUCKET, connecting.PANEL):
            raise ConfigurationError(f"{option.opts[0]} is of a load: name the --bucket, too, or leave it out")
