"""Carry out ``importer load``: connect, load, and show what became of it."""

from __future__ import annotations

import errno
import logging
import os
import shlex
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer
from rich.console import Console

from importer.api import load
from importer.cli.exits import exit_code
from importer.cli.progress import shown_progress
from importer.cli.signals import outcome_stands, stopped_by_signals
from importer.cli.summary import show_rows, show_summary
from importer.errors import ConfigurationError, ImporterError
from importer.inspecting.hints import Hints
from importer.inspecting.naming import bucket_after
from importer.ledger.report import Report
from importer.mapping.flags import mapping_from_flags, no_flags
from importer.mapping.parts import CsvOptions
from importer.mapping.spec import Mapping
from importer.options import LoadOptions
from importer.progress import Progress
from importer.server.connection import Connection
from importer.source.addresses import is_address, shown_address
from importer.verification.sample import sample_rows

__all__ = ["bucket_of", "mapping_arguments", "run_generated", "run_load"]

log = logging.getLogger("importer")


def mapping_arguments(
    *, mapping: Path | None, mapper: str | None, flags: dict[str, Any], csv_options: dict[str, Any]
) -> dict[str, Any]:
    """The arguments of :func:`importer.load` that say how to map.

    Args:
        mapping: the mapping file.
        mapper: the row function's name.
        flags: the mapping by options.
        csv_options: those that were given.

    Raises:
        ConfigurationError: two ways are mixed, or the mapping is wrong.
    """
    if mapper is not None:
        no_flags({**flags, "mapping": mapping}, "--mapper")
        return {"mapper": mapper, "csv": CsvOptions.from_dict(csv_options)}
    if mapping is not None:
        no_flags(flags, "--mapping")
        return {"mapping": Mapping.from_toml(mapping).reading(csv_options)}
    if not all(flags[part] for part in ("measurement", "fields", "time")):
        return {"csv": CsvOptions.from_dict(csv_options), "hints": _hints(flags)}
    return {"mapping": mapping_from_flags(**flags, csv_options=csv_options)}


def _hints(flags: dict[str, Any]) -> Hints | None:
    """What options say of a mapping that is inferred; None: they say nothing."""
    if not any(flags.values()):
        return None
    times = flags["time_options"]
    return Hints.of(
        measurement=flags["measurement"],
        time=flags["time"],
        tags=flags["tags"],
        fields=flags["fields"],
        row_filter=flags["row_filter"],
        time_format=times.get("format"),
        timezone=times.get("timezone"),
        ambiguous=times.get("ambiguous"),
    )


def bucket_of(named: str | None, sources: Sequence[str], mapped_by: dict[str, Any]) -> str:
    """The bucket to load into; where it is not named and the mapping is inferred, the file lends its name.

    Raises:
        ConfigurationError: it must be named.
    """
    if named is not None:
        return named
    if "mapping" in mapped_by or "mapper" in mapped_by:
        raise ConfigurationError("name the bucket to load into: --bucket NAME")
    name = bucket_after(sources)
    log.info("into the bucket %r, named after the file", name)
    return name


def run_load(
    sources: Sequence[str],
    *,
    mapped_by: dict[str, Any],
    options: LoadOptions,
    where: Callable[[], Connection],
    sample: int,
    quiet: bool,
    log_json: bool,
) -> None:
    """Load, and print the summary or the error.

    Args:
        sources: as they were named.
        mapped_by: the arguments of :func:`importer.load` that say how to map.
        options: of the load.
        where: finds the server.
        sample: how many of the loaded rows are printed.
        quiet: print warnings and errors only.
        log_json: log lines are JSON.

    Raises:
        typer.Exit: the load failed; with the code that says how.
    """
    console = _Console(stderr=options.dry_run)

    def loaded(progress: Progress, stop: threading.Event) -> Report:
        return load(list(sources), options=options, connection=where, progress=progress, stop=stop, **mapped_by)

    result = _carried_out(loaded, console, quiet=quiet, log_json=log_json)
    _show(result, console, quiet=quiet, as_json=log_json)
    if sample and not options.dry_run:
        try:
            with _output_may_fail():
                show_rows(sample_rows(where(), result, sample), console)
        except ImporterError as error:
            log.warning("the load is done, but its rows cannot be shown: %s", error)


def run_generated(
    loaded: Callable[[Progress, threading.Event], Report], *, quiet: bool, as_json: bool, log_json: bool
) -> None:
    """Load what is made up, and print the summary, the report as JSON, or the error.

    Args:
        loaded: loads; is given what listens to it, and the event that tells it to stop.
        quiet: print warnings and errors only.
        as_json: print the report instead of the summary.
        log_json: log lines are JSON.

    Raises:
        typer.Exit: the load failed; with the code that says how.
    """
    console = _Console()
    result = _carried_out(loaded, console, quiet=quiet or as_json, log_json=log_json)
    if as_json:
        with _output_may_fail():
            typer.echo(result.model_dump_json(indent=2))
    else:
        _show(result, console, quiet=quiet, as_json=log_json)


def _carried_out(
    loaded: Callable[[Progress, threading.Event], Report], console: Console, *, quiet: bool, log_json: bool
) -> Report:
    """The report of a load that ended well; of another one it is shown, with the error."""
    with stopped_by_signals() as stopping, shown_progress(quiet=quiet, as_json=log_json) as progress:
        try:
            done = loaded(progress, stopping.event)
        except ImporterError as error:
            if error.report is not None:
                _show(error.report, console, quiet=quiet, as_json=log_json)
            log.error("error: %s", error)  # noqa: TRY400 - a trace is for programmers
            if error.resumable:
                log.error("to go on: %s", _resuming(sys.argv[1:]))  # noqa: TRY400
            raise typer.Exit(exit_code(error, stopping.signal_number)) from None
    outcome_stands(0)
    return done


def _resuming(arguments: list[str]) -> str:
    """The command that goes on with the load of these arguments, without the passwords in their URLs."""
    shown = [shown_address(argument) if is_address(argument) else argument for argument in arguments]
    return shlex.join(["importer", *shown, *([] if "--resume" in arguments else ["--resume"])])


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
