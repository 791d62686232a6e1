"""``importer server``: the local InfluxDB, for people who have no other."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from importer.cli.process import importing

__all__ = ["app"]

EXIT_NOT_RUNNING = 3

app = typer.Typer(
    name="server",
    add_completion=False,
    no_args_is_help=True,
    help="Start, stop or look at a local InfluxDB, which 'importer load' uses when it is given no other.",
)


@app.command(epilog="Example: importer server start")
def start() -> None:
    """Start the local InfluxDB; find or build it first, if need be. One that is running is left alone.

    It listens on 127.0.0.1 only, on port 8086 if that is free, and goes on running until it is stopped.
    """
    with importing():
        from importer.server import local  # noqa: PLC0415
        from importer.server.onboarding import credentials_path  # noqa: PLC0415

    server = local.start(say=_say)
    typer.echo(f"InfluxDB {server.version} is running at {server.url} (process {server.pid})")
    typer.echo(f"organisation: {server.org}")
    typer.echo(f"data: {server.folder}")
    typer.echo(f"user, password and token: in {credentials_path(server.folder)}")


@app.command(epilog="Example: importer server stop")
def stop() -> None:
    """Stop the local InfluxDB; its data is kept."""
    with importing():
        from importer.server import local  # noqa: PLC0415

    typer.echo("InfluxDB is stopped; its data is kept" if local.stop() else "InfluxDB was not running")


@app.command(epilog="Example: importer server status --json")
def status(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON, for programs.")] = False,
) -> None:
    """Say whether the local InfluxDB is running: exit 0 if it is, 3 if it is not."""
    with importing():
        from importer.server import local  # noqa: PLC0415

    now = local.status()
    if as_json:
        known = asdict(now.server) if now.server else {}
        answer = {"running": now.server is not None, "problem": now.problem, **known, "folder": now.folder}
        typer.echo(json.dumps(answer, indent=2, default=str))
    elif now.server:
        typer.echo(f"InfluxDB {now.server.version} is running at {now.server.url} (process {now.server.pid})")
        typer.echo(f"data: {now.folder}")
    else:
        typer.echo(now.problem or "InfluxDB is not running; start it with: importer server start")
        typer.echo(f"data: {now.folder}")
    if now.server is None:
        raise typer.Exit(EXIT_NOT_RUNNING)


def _say(line: str) -> None:
    typer.echo(line, err=True)
