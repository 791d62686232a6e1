"""What dead loads have left on the server as a table, for people."""

from __future__ import annotations

from collections.abc import Sequence

import typer
from rich.console import Console
from rich.table import Table

from importer.bucket.leftovers import Leftover

__all__ = ["show_leftovers"]

_PIPE_WIDTH = 250


def show_leftovers(found: Sequence[Leftover]) -> None:
    """Print a line for each bucket, and what may be done about them."""
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
