"""The options of every command that reads sources: how their text is written, and what is too much."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import typer

from importer.cli.sharing import given, sharing
from importer.source.bounds import (
    DOWNLOAD_TIMEOUT_SECONDS,
    MAX_COLUMNS,
    MAX_DOWNLOAD_BYTES,
    MAX_DOWNLOAD_SECONDS,
    MAX_EXPANSION,
    MAX_RECORD_BYTES,
    Bounds,
)

__all__ = ["Reading", "with_reading"]

_PANEL = "CSV"


@dataclass(frozen=True, slots=True)
class Reading:
    """What was said of the sources.

    Attributes:
        csv: how the text is written, as far as it was given.
        bounds: what is too much.
    """

    csv: dict[str, Any]
    bounds: Bounds


def _read(
    *,
    delimiter: Annotated[str | None, typer.Option("--delimiter", metavar="CHAR", help="Between cells; tab for the tab. Default: found out where the mapping is inferred, else a comma.", rich_help_panel=_PANEL)] = None,
    encoding: Annotated[str | None, typer.Option("--encoding", metavar="NAME", help="Such as latin-1, cp1252, utf-16. Default: found out where the mapping is inferred, else utf-8.", rich_help_panel=_PANEL)] = None,
    null: Annotated[list[str] | None, typer.Option("--null", metavar="TEXT", help="Text that means an empty cell; may be repeated. Where the mapping is inferred, others are found out.", rich_help_panel=_PANEL)] = None,
    decimal: Annotated[Literal[".", ","] | None, typer.Option("--decimal", help="Decimal mark. Default: found out where the mapping is inferred, else a point.", rich_help_panel=_PANEL)] = None,
    header: Annotated[list[str] | None, typer.Option("--header", metavar="LINE", help="Line to put before each source's own: a header, or annotations; may be repeated.", rich_help_panel=_PANEL)] = None,
    skip_header: Annotated[int | None, typer.Option("--skip-header", metavar="N", min=0, help="Leave out the first N lines of each source.", rich_help_panel=_PANEL)] = None,
    skip_rows: Annotated[int | None, typer.Option("--skip-rows", metavar="N", min=0, help="Leave out N rows behind the header, such as one of units.", rich_help_panel=_PANEL)] = None,
    max_record_bytes: Annotated[int, typer.Option("--max-record-bytes", metavar="N", min=1, help="A longer record is an error: most often a quote in it is never closed.", rich_help_panel=_PANEL)] = MAX_RECORD_BYTES,
    max_columns: Annotated[int, typer.Option("--max-columns", metavar="N", min=1, help="A header of more columns is an error.", rich_help_panel=_PANEL)] = MAX_COLUMNS,
    max_expansion: Annotated[int, typer.Option("--max-expansion", metavar="TIMES", min=1, help="A compressed file that swells to more times its size, and beyond 16 MiB, is an error.", rich_help_panel=_PANEL)] = MAX_EXPANSION,
    max_download_bytes: Annotated[int, typer.Option("--max-download-bytes", metavar="N", min=1, help="A source by URL, or one kept in a file, that has more is an error.", rich_help_panel=_PANEL)] = MAX_DOWNLOAD_BYTES,
    download_timeout: Annotated[float, typer.Option("--download-timeout", metavar="SECONDS", min=0.1, help="How long a download may stand still before its connection is tried anew.", rich_help_panel=_PANEL)] = DOWNLOAD_TIMEOUT_SECONDS,
    max_download_seconds: Annotated[float, typer.Option("--max-download-seconds", metavar="SECONDS", min=0.1, help="A source by URL that is waited for longer, all in all, is an error.", rich_help_panel=_PANEL)] = MAX_DOWNLOAD_SECONDS,
) -> Reading:  # fmt: skip
    csv = given(
        delimiter=delimiter,
        encoding=encoding,
        null=tuple(null or ()) or None,
        decimal=decimal,
        header=tuple(header or ()) or None,
        skip_header=skip_header,
        skip_rows=skip_rows,
    )
    bounds = Bounds(
        max_record_bytes, max_columns, max_expansion, max_download_bytes, download_timeout, max_download_seconds
    )
    return Reading(csv, bounds)


with_reading = sharing(_read, "reading")
"""Give a command these options; its parameter ``reading`` is handed what they say."""
