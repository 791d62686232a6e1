"""``importer``: the commands, and the one place where errors become exit codes."""

from __future__ import annotations

import errno
import importlib
import logging
import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer
import typer.main

from importer.cli.exits import exit_code
from importer.cli.named_commands import named_commands
from importer.cli.process import importing
from importer.cli.signals import Interrupted, outcome_stands
from importer.errors import ImporterError

if TYPE_CHECKING:
    from typer._click import Command

__all__ = ["HELPS", "app", "every_command", "run"]

HELPS = {
    "inspect": "Look at a dataset: its columns, its time, and a mapping that loads it. Nothing is written to a server.",
    "load": "Load CSV into a bucket: all of it, checked by the server, or nothing.",
    "clean": "List the buckets that dead loads have left on the server, and remove them if asked.",
    "generate": "Make data up in a well-known shape, from a seed: as CSV, as line protocol, or straight into a bucket.",
    "analyze": "Show what a bucket holds, field by field: how many values, how large, from when to when, how regular.",
    "read": "Read a bucket, a row per point: all of it, or a part, or windows of it.",
    "backup": "Copy buckets into a folder, from which importer restore and influx restore bring them back.",
    "restore": "Restore buckets from a backup, and read them back: only what is the same as was saved gets its name.",
    "buckets": "Create buckets from a file; list, show and delete them.",
    "serve": "Serve the HTTP API, and a page to import files with, for clients and browsers on this machine.",
    "bench": "Measure a running service: how fast it answers, and how many clients it bears.",
    "server": "Start, stop or look at a local InfluxDB, which 'importer load' uses when it is given no other.",
}
"""Each command is in the file of its name; what the list of commands says of it is how its own help begins."""

_MEANS_SOMETHING_ALONE = {"clean", "serve"}


def _defined(name: str) -> Command:
    with importing():
        module = importlib.import_module(f"importer.cli.{name}")
    group = getattr(module, "app", None)
    if group is None:
        group = typer.Typer(add_completion=False)
        is_helped = name not in _MEANS_SOMETHING_ALONE
        group.command(name, epilog=module.EPILOG, no_args_is_help=is_helped)(getattr(module, f"{name}_command"))
    return typer.main.get_command(group)


app = typer.Typer(
    cls=named_commands(HELPS, _defined),
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


def every_command() -> dict[str, Command]:
    """All commands as they are defined, by their names."""
    return {name: _defined(name) for name in HELPS}


def run() -> None:
    """Run the command line; exits with the code that its help names."""
    try:
        code = _carried_out()
    except Interrupted as interrupted:
        log.error("error: %s", interrupted.said)  # noqa: TRY400 - a trace is for programmers
        code = 128 + (Interrupted.heard or 0)
    outcome_stands(code)
    sys.exit(code)


def _carried_out() -> int:
    """Carry the command out, and say what went wrong; comes out: the exit code."""
    try:
        try:
            app()
        finally:
            is_full = not _is_written()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(bool(ended.code))
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except Exception as error:
        if Interrupted.heard:
            raise Interrupted from error
        if isinstance(error, ImporterError):
            log.error("error: %s", error)  # noqa: TRY400 - a trace is for programmers
            return exit_code(error)
        if isinstance(error, OSError) and (is_full or (error.errno == errno.ENOSPC and error.filename is None)):
            log.error("error: cannot write the output: %s", error.strerror or error)  # noqa: TRY400
            return 1
        raise
    return 0


def _is_written() -> bool:
    """Whether standard output takes what is left to be written to it; if not, it is let go of."""
    try:
        sys.stdout.flush()
    except OSError:
        # Python would try once more at its end, and exit with a code of its own.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return False
    return True


def _version(*, given: bool) -> None:
    if given:
        import importlib.metadata  # noqa: PLC0415 - seldom wanted

        typer.echo(f"importer {importlib.metadata.version('importer')}")
        raise typer.Exit
