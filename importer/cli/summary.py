"""The ledger as a table, for people."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from importer.ledger.report import BuildingReport, Report, WritingReport
from importer.printable import printable

__all__ = ["show_rows", "show_summary"]


def show_summary(report: Report, console: Console) -> None:
    """Print the ledger, the fields and the warnings.

    Args:
        report: of the load.
        console: where to.
    """
    if report.rows_read or not report.error:
        console.print(_ledger(report))
    if report.fields and not report.error:
        console.print(_fields(report))
    if report.building and not report.error:
        console.print(f"building: {_building(report.building)}", highlight=False, soft_wrap=True)
    if report.writing and not report.error:
        console.print(f"writing: {_writing(report.writing)}", highlight=False, soft_wrap=True)
    for warning in report.warnings:
        console.print(f"[yellow]warning:[/yellow] {_plain(warning)}", highlight=False, soft_wrap=True)
    if report.rejects_file:
        console.print(f"rejects: {_plain(report.rejects_file)}", highlight=False, soft_wrap=True)


def _ledger(report: Report) -> Table:
    where = f": bucket {_plain(report.bucket)}" if report.bucket else ""
    table = Table(title=f"{report.status}{where}", show_header=False, title_justify="left")
    table.add_column()
    table.add_column(justify="right")
    table.add_row("rows read", f"{report.rows_read:,}")
    table.add_row("  mapped", f"{report.rows_mapped:,}")
    table.add_row("  rejected", f"{report.rejected:,}")
    for reason, count in report.skipped.items() or (("", 0),):
        table.add_row(f"  skipped{f': {reason}' if reason else ''}", f"{count:,}")
    table.add_section()
    table.add_row("points emitted", f"{report.points_emitted:,}")
    if report.bucket:
        table.add_row("  written, distinct", f"{report.points_written:,}")
        table.add_row("  duplicates", f"{report.duplicates:,}")
        for kind, count in report.duplicate_kinds.items():
            if count:
                table.add_row(f"    {kind}", f"{count:,}")
        table.add_row("  rejected by the server", f"{report.points_rejected:,}")
    table.add_section()
    table.add_row("series", f"{report.series:,}")
    if report.time_range:
        table.add_row("first", report.time_range.start)
        table.add_row("last", report.time_range.stop)
    table.add_row("seconds", f"{report.elapsed_seconds:,.1f}")
    table.add_row("rows per second", f"{report.rows_per_second:,.0f}")
    if report.retries:
        table.add_row("tries repeated", f"{report.retries:,}")
    return table


def _fields(report: Report) -> Table:
    table = Table(title="values on the server", title_justify="left")
    for name in ("measurement", "field", "type"):
        table.add_column(name)
    table.add_column("expected", justify="right")
    table.add_column("stored", justify="right")
    for field in report.fields:
        stored = "not asked" if field.stored is None else f"{field.stored:,}"
        style = "red" if field.stored not in (None, field.expected) else ""
        table.add_row(
            _plain(field.measurement), _plain(field.field), field.type, f"{field.expected:,}", stored, style=style
        )
    return table


def _writing(how: WritingReport) -> str:
    def chosen(*, is_fixed: bool) -> str:
        return "as asked for" if is_fixed else "adaptive"

    is_same = how.workers_fixed == how.batch_rows_fixed
    parts = [
        f"{how.workers:,} writer{'s' if how.workers > 1 else ''}"
        + ("" if is_same else f" ({chosen(is_fixed=how.workers_fixed)})"),
        f"up to {how.batch_rows:,} lines a request ({chosen(is_fixed=how.batch_rows_fixed)})",
        "no compression" if how.compression == "none" else how.compression,
        *(f"{kind}: {count:,} times" for kind, count in how.setbacks.items()),
    ]
    return ", ".join(parts)


def _building(how: BuildingReport) -> str:
    parts = [
        f"{how.files:,} storage files of {how.file_bytes / 1e6:,.1f} MB in {how.shards:,} shard groups",
        f"{how.workers:,} at once",
        "no compression" if how.compression == "none" else how.compression,
    ]
    return ", ".join(parts)


def _plain(text: str) -> str:
    return printable(text, None).replace("[", r"\[")


def show_rows(rows: list[dict[str, Any]], console: Console) -> None:
    """Print rows that Flux gave back, side by side, because points have many fields."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    table = Table(title="rows that Flux gave back", title_justify="left", show_header=False)
    table.add_column()
    for _ in rows:
        table.add_column(overflow="fold")
    for name in names:
        table.add_row(_plain(name), *(_plain("" if row.get(name) is None else str(row[name])) for row in rows))
    console.print(table)
