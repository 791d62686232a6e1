"""``importer clean``: what dead loads have left behind."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from importer.cli import connecting
from importer.cli.logs import log_to_stderr
from importer.cli.signals import ended_at_once

if TYPE_CHECKING:
    from importer.bucket.leftovers import Leftover

__all__ = ["EPILOG", "clean_command"]

EPILOG = "Example: importer clean --remove --bucket birds"

_PIPE_WIDTH = 250


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
    with ended_at_once():
        from importer.cleaning import clean  # noqa: PLC0415

    connection = where()
    found = clean(bucket, remove=remove, connection=connection, state_dir=state_dir, wait_seconds=wait)
    if as_json:
        typer.echo(json.dumps([asdict(leftover) for leftover in found], indent=2))
    elif not found:
        typer.echo("nothing to clean: no load has left a bucket behind")
    else:
        _show(found)


def _show(found: Sequence[Leftover]) -> None:
    console = Console()
    if not console.is_terminal:
        console.width = _PIPE_WIDTH  # one bucket a line
    table = Table(title="buckets that loads have left", title_justify="left")
    for name in ("bucket", "kind", "target", "load", "begun", "host", "state", "resumable"):
        table.add_column(name, overflow="fold")
    for leftover in found:
        cells = (leftover.bucket, leftover.kind, leftover.target, leftover.load_id, leftover.begun, leftover.host)
        resumable = "yes" if leftover.resumable else "no"
        table.add_row(*(cell.replace("[", r"\[") for cell in (*cells, _state(leftover))), resumable)
    console.print(table)
    left = [leftover for leftover in found if not leftover.removed]
    if any(leftover.state == "unfinished" for leftover in left):
        typer.echo("to remove what is unfinished: importer clean --remove")
    for leftover in left:
        if leftover.state in {"complete", "set aside"}:
            typer.echo(
                f"{leftover.bucket!r} holds complete data: rename it, or remove it with "
                f"--remove --bucket {leftover.target}"
            )
        if leftover.state == "not marked":
            typer.echo(
                f"loads into {leftover.target!r} need the name {leftover.bucket!r}: rename or delete that bucket"
            )


def _state(leftover: Leftover) -> str:
    if leftover.removed:
        return "removed"
    if leftover.state == "in use" and leftover.process is not None:
        return f"in use by process {leftover.process} on {leftover.host}"
    return leftover.state
