"""Rows as a table, for people."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import polars as pl
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from importer.printable import printable
from importer.reading.files import time_as_text

__all__ = ["show_rows"]

_PIPE_WIDTH = 110


def show_rows(frame: pl.DataFrame, most: int, *, limited: bool, held: Callable[[], str] = str) -> None:
    """Print rows.

    Args:
        frame: as it was read; more rows than are shown say that there are more.
        most: so many are shown.
        limited: whether that number was asked for.
        held: where there are no rows, says what the bucket holds, as the end of a sentence.
    """
    if not frame.height:
        typer.echo(f"nothing was found: look at --window, --start, --stop and the filters{held()}")
        return
    console = Console()
    if not console.is_terminal:
        console.width = _PIPE_WIDTH
    table = Table()
    # A column in which nothing stands tells nothing.
    shown = time_as_text(frame.head(most))
    kept = [column for column in shown.get_columns() if column.null_count() < len(column)]
    for column in kept:
        justify: Literal["left", "right"] = "right" if column.dtype.is_numeric() else "left"
        table.add_column(_cell(column.name), overflow="fold", justify=justify, no_wrap=column.name == "time")
    for row in zip(*kept, strict=True):
        table.add_row(*(_cell(value) for value in row))
    console.print(table)
    if frame.height > most and not limited:
        typer.echo(f"the first {most} rows; for more: --limit N, or --output FILE for all")


def _cell(value: object) -> Text:
    if value is None:
        return Text()
    return Text(printable(str(value).lower() if isinstance(value, bool) else str(value), None))
