"""``importer inspect``: what is in a dataset, and how it is best mapped."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from importer.choices import LocalTimePolicy
from importer.cli.logs import log_to_stderr
from importer.cli.process import importing
from importer.cli.sharing import given
from importer.cli.signals import nothing_written_yet
from importer.cli.sources import Reading, with_reading

__all__ = ["EPILOG", "inspect_command"]

EPILOG = "Example: importer inspect birds.csv --write birds.toml --plot birds.png"

_HINTS, _OUTPUT = "What you know better", "Output"


@with_reading
def inspect_command(
    sources: Annotated[list[str], typer.Argument(metavar="SOURCE...", help="Files, globs, URLs, or - for standard input.")],
    *,
    sample: Annotated[int | None, typer.Option("--sample", metavar="N", min=1, help="Look at N rows only, evenly spread where that is possible.")] = None,
    measurement: Annotated[str | None, typer.Option("--measurement", help="Its name; default: the file's.", rich_help_panel=_HINTS)] = None,
    time: Annotated[list[str] | None, typer.Option("--time", metavar="COL", help="Column with the time; repeated, its parts, joined by a space.", rich_help_panel=_HINTS)] = None,
    time_format: Annotated[str | None, typer.Option("--time-format", metavar="FORMAT", help="Of the time, such as '%d/%m/%Y %H:%M' or unix_ms.", rich_help_panel=_HINTS)] = None,
    timezone: Annotated[str | None, typer.Option("--timezone", metavar="NAME", help="Such as Europe/Zurich, for times without an offset.", rich_help_panel=_HINTS)] = None,
    ambiguous: Annotated[LocalTimePolicy | None, typer.Option("--ambiguous", help="Local times that occur twice or never; default reject.", rich_help_panel=_HINTS)] = None,
    tag: Annotated[list[str] | None, typer.Option("--tag", metavar="COL", help="Column that is a tag, or KEY=COL; these are all tags; may be repeated.", rich_help_panel=_HINTS)] = None,
    field: Annotated[list[str] | None, typer.Option("--field", metavar="COL[:TYPE]", help="Column that is a field, or KEY=COL[:TYPE]; these are all fields; may be repeated.", rich_help_panel=_HINTS)] = None,
    row_filter: Annotated[str | None, typer.Option("--filter", metavar="CONDITION", help="SQL condition over the columns, as text; other rows give no point.", rich_help_panel=_HINTS)] = None,
    reading: Reading,
    write: Annotated[Path | None, typer.Option("--write", metavar="FILE.toml", help="Write the proposal as a mapping file with comments, to be edited.", rich_help_panel=_OUTPUT)] = None,
    plot: Annotated[Path | None, typer.Option("--plot", metavar="FILE", help="Draw rows over time and what is in the columns: FILE.png or FILE.svg.", rich_help_panel=_OUTPUT)] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace these files if they are there.", rich_help_panel=_OUTPUT)] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was found as JSON, for programs.", rich_help_panel=_OUTPUT)] = False,
) -> None:  # fmt: skip
    """Look at a dataset: its columns, its time, and a mapping that loads it. Nothing is written to a server.

    Every row is read, unless a sample is asked for. What the data does not decide is asked, not guessed.
    """
    log_to_stderr(quiet=False, as_json=False)
    with importing():
        from importer.charting.inspections import plot as draw  # noqa: PLC0415
        from importer.charting.kinds import check_kind  # noqa: PLC0415
        from importer.cli.inspection_tables import looking, show_inspection, show_next_steps  # noqa: PLC0415
        from importer.inspecting.inspect import inspect  # noqa: PLC0415
        from importer.inspecting.next_steps import next_steps  # noqa: PLC0415
        from importer.mapping_files import write_mapping  # noqa: PLC0415
        from importer.new_files import check_place  # noqa: PLC0415

    for path, what in ((write, "the mapping"), (plot, "the charts")):
        if path is not None:
            check_place(path, what, replace=force)
    if plot is not None:
        check_kind(plot)
    hints = given(
        measurement=measurement,
        time=time or None,
        time_format=time_format,
        timezone=timezone,
        ambiguous=ambiguous,
        tags=tuple(tag or ()) or None,
        fields=tuple(field or ()) or None,
        row_filter=row_filter,
    )
    with nothing_written_yet(), looking() as progress:
        found = inspect(sources, sample=sample, csv=reading.csv, bounds=reading.bounds, progress=progress, **hints)
    written = None
    if write is not None and not found.questions:
        write_mapping(found, write, replace=force)
        written = write
    if plot is not None:
        draw(found, plot, replace=force)
    if as_json:
        typer.echo(found.model_dump_json(indent=2))
    else:
        show_inspection(found)
        show_next_steps(
            next_steps(found, sources, hints=hints, csv=reading.csv, bounds=reading.bounds, written=written), written
        )
    if plot is not None:
        typer.echo(f"charts: {plot}", err=as_json)
    if found.questions and write is not None:
        write_mapping(found, write, replace=force)  # which says what has to be answered
