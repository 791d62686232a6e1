"""``importer clean``: what dead loads have left behind."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from importer.cli import connecting
from importer.cli.logs import log_to_stderr
from importer.cli.process import importing

__all__ = ["EPILOG", "clean_command"]

EPILOG = "Example: importer clean --remove --bucket birds"


@connecting.with_server
def clean_command(
    *,
    bucket: Annotated[
        str | None, typer.Option("--bucket", metavar="TARGET", help="Only what loads into this bucket have left.")
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Remove it; a load that is alive keeps its own.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the table as JSON, for programs.")] = False,
    wait: connecting.Wait = 10.0,
    state_dir: Annotated[
        Path | None, typer.Option("--state-dir", metavar="DIR", help="Where loads keep their accounts.")
    ] = None,
    where: connecting.Where,
) -> None:
    """List the buckets that dead loads have left on the server, and remove them if asked.

    Interrupted swaps are repaired first. A bucket that holds complete data goes only if --bucket names its target.
    """
    log_to_stderr(quiet=False, as_json=False)
    with importing():
        from importer.cleaning import clean  # noqa: PLC0415
        from importer.cli.leftover_tables import show_leftovers  # noqa: PLC0415

    connection = where()
    found = clean(bucket, remove=remove, connection=connection, state_dir=state_dir, wait_seconds=wait)
    if as_json:
        typer.echo(json.dumps([asdict(leftover) for leftover in found], indent=2))
    elif not found:
        typer.echo("nothing to clean: no load has left a bucket behind")
    else:
        show_leftovers(found)
