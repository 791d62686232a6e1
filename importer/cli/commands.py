"""``importer``: the commands, and the one place where errors become exit codes."""

from __future__ import annotations

import logging
import sys
from typing import Annotated

import typer

from importer.cli import analyze, backup, buckets, clean, generate, inspect, load, read, restore, server
from importer.cli.exits import exit_code
from importer.errors import ImporterError

__all__ = ["app", "run"]

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={
        "help_option_names": ["-h", "--help"],
        # typer would import pydantic to make a truth value of the --help that is not given here, but to a command.
        "default_map": {"help": False},
    },
    help="Load CSV into InfluxDB 2, every row accounted for.",
)
app.command("inspect", epilog=inspect.EPILOG, no_args_is_help=True)(inspect.inspect_command)
app.command("load", epilog=load.EPILOG, no_args_is_help=True)(load.load_command)
app.command("clean", epilog=clean.EPILOG)(clean.clean_command)
app.command("generate", epilog=generate.EPILOG, no_args_is_help=True)(generate.generate_command)
app.command("analyze", epilog=analyze.EPILOG, no_args_is_help=True)(analyze.analyze_command)
app.command("read", epilog=read.EPILOG, no_args_is_help=True)(read.read_command)
app.command("backup", epilog=backup.EPILOG, no_args_is_help=True)(backup.backup_command)
app.command("restore", epilog=restore.EPILOG, no_args_is_help=True)(restore.restore_command)
app.add_typer(buckets.app, name="buckets")
app.add_typer(server.app, name="server")

log = logging.getLogger("importer")


@app.callback()
def options(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            is_eager=True,
            help="Print the version.",
            callback=lambda given: _version(given=given),
        ),
    ] = False,
) -> None:
    """Load CSV into InfluxDB 2, every row accounted for."""


def run() -> None:
    """Run the command line; exits with the code that its help names."""
    try:
        app()
    except ImporterError as error:
        log.error("error: %s", error)  # noqa: TRY400 - a trace is for programmers
        sys.exit(exit_code(error))
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)


def _version(*, given: bool) -> None:
    if given:
        import importlib.metadata  # noqa: PLC0415 - seldom wanted

        typer.echo(f"importer {importlib.metadata.version('importer')}")
        raise typer.Exit
