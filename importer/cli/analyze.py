"""``importer analyze``: figures of what a bucket holds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from importer.cli import connecting
from importer.cli.logs import log_to_stderr
from importer.cli.process import importing
from importer.cli.signals import nothing_written_yet

__all__ = ["EPILOG", "analyze_command"]

EPILOG = "Example: importer analyze birds --by individual --html birds.html"

_WHAT, _OUTPUT = "What", "Output"


@connecting.with_server
def analyze_command(
    bucket: Annotated[str, typer.Argument(metavar="BUCKET", help="The bucket's name.")],
    *,
    window: Annotated[
        str | None,
        typer.Option("--window", metavar="LENGTH", help="Only the last 30d, 12h, 15m.", rich_help_panel=_WHAT),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option("--start", metavar="TIME", help="From when, such as 2024-05-01 or -30d.", rich_help_panel=_WHAT),
    ] = None,
    stop: Annotated[
        str | None, typer.Option("--stop", metavar="TIME", help="Until when, not included.", rich_help_panel=_WHAT)
    ] = None,
    measurement: Annotated[
        list[str] | None,
        typer.Option("--measurement", metavar="NAME", help="Only this one; may be repeated.", rich_help_panel=_WHAT),
    ] = None,
    field: Annotated[
        list[str] | None,
        typer.Option("--field", metavar="KEY", help="Only this one; may be repeated.", rich_help_panel=_WHAT),
    ] = None,
    tag: Annotated[
        list[str] | None,
        typer.Option(
            "--tag",
            metavar="KEY=VALUE",
            help="Only series with it; may be repeated, values of one key are alternatives; KEY= for none.",
            rich_help_panel=_WHAT,
        ),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option("--by", metavar="KEY", help="Figures for each value of this tag, too.", rich_help_panel=_WHAT),
    ] = None,
    gap_factor: Annotated[
        float,
        typer.Option("--gap-factor", metavar="N", help="More than N median intervals: a gap.", rich_help_panel=_WHAT),
    ] = 3.0,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write a page with charts, too.", rich_help_panel=_OUTPUT),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace the page if it is there.", rich_help_panel=_OUTPUT)
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the figures as JSON, for programs.", rich_help_panel=_OUTPUT)
    ] = False,
    wait: connecting.Wait = 10.0,
    where: connecting.Where,
) -> None:  # fmt: skip
    """Show what a bucket holds, field by field: how many values, how large, from when to when, how regular.

    The server computes all figures. Several series may have the field; gaps are looked for within each of them.
    """
    log_to_stderr(quiet=False, as_json=False)
    with importing():
        from importer.analysis.analyze import analyze  # noqa: PLC0415
        from importer.analysis.page import CHART_WINDOWS, write_html  # noqa: PLC0415
        from importer.analysis.scope import read_tags  # noqa: PLC0415
        from importer.cli.analysis_tables import asking, show_analysis  # noqa: PLC0415
        from importer.new_files import check_place  # noqa: PLC0415
        from importer.reading.window import time_range  # noqa: PLC0415

    tags = read_tags(tag or ())
    time_range(window, start, stop)  # what is wrong is told before a server is looked for, or started
    if html is not None:
        check_place(html, "the page", replace=force)
    connection = where()
    with nothing_written_yet(), asking() as progress:
        found = analyze(
            bucket,
            window=window,
            start=start,
            stop=stop,
            measurements=measurement or (),
            fields=field or (),
            tags=tags,
            by=by,
            gap_factor=gap_factor,
            windows=CHART_WINDOWS if html is not None else 0,
            connection=connection,
            wait_seconds=wait,
            progress=progress,
        )
    if html is not None:
        write_html(found, html, replace=force)
    if as_json:
        typer.echo(found.model_dump_json(indent=2))
    else:
        show_analysis(found)
    if html is not None:
        typer.echo(f"the page is in {html}", err=as_json)
