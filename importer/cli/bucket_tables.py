"""Buckets as tables, for people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from importer.printable import printable

if TYPE_CHECKING:
    from importer.provisioning.applying import PlannedBucket
    from importer.provisioning.details import BucketDetails
    from importer.provisioning.listing import BucketListing

__all__ = ["lost", "show_details", "show_list", "show_plan"]

_PIPE_WIDTH = 250
_SIGNS = {"create": "+ create ", "exists": "= exists ", "differs": "~ differs"}


def show_plan(plan: Sequence[PlannedBucket], *, dry_run: bool) -> None:
    """Print what becomes of each bucket of a file, and how many there are of each kind."""
    width = max(len(planned.name) for planned in plan)
    for planned in plan:
        told = f"{_SIGNS[planned.action]} {planned.name:<{width}}  {'; '.join(_told(planned))}"
        typer.echo(told.rstrip() + ("  (left as it is)" if planned.action == "differs" else ""))
    count = {action: sum(planned.action == action for planned in plan) for action in _SIGNS}
    typer.echo(f"Plan: {count['create']} to create, {count['exists']} unchanged, {count['differs']} differs.")
    if not dry_run:
        typer.echo(f"Created {sum(planned.created for planned in plan)}.")


def _told(planned: PlannedBucket) -> Iterable[str]:
    if planned.action != "create":
        return planned.differences
    shards = planned.shard_duration_seconds
    return [
        f"retention {_duration(planned.retention_seconds or 0)}",
        *([f"shard groups {_duration(shards)}"] if shards is not None else []),
        *([repr(planned.description)] if planned.description else []),
    ]


def _duration(seconds: int | None) -> str:
    from importer.bucket.shards import format_duration  # noqa: PLC0415 - it is here by now, and else not needed

    return "" if seconds is None else format_duration(seconds)


def _cell(text: str) -> Text:
    """Names and descriptions are anybody's: neither markup nor what a terminal obeys."""
    return Text(printable(text, None))


def _console() -> Console:
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _PIPE_WIDTH  # one bucket a line
    return console


def show_list(found: Sequence[BucketListing]) -> None:
    """Print a line for each bucket."""
    table = Table(box=None, pad_edge=False)
    for name in ("name", "id", "retention", "shard groups", "description"):
        table.add_column(name, overflow="fold")
    for listing in found:
        description = " ".join(filter(None, (listing.description, _of_a_load(listing))))
        durations = (_duration(listing.retention_seconds), _duration(listing.shard_duration_seconds))
        table.add_row(*map(_cell, (listing.name, listing.id, *durations, description)))
    _console().print(table)


def _of_a_load(listing: BucketListing) -> str:
    if listing.kind in {"bucket", "system"}:
        return ""
    alive = "at work" if listing.in_use else "not at work any more; see importer clean"
    return f"({listing.kind} of a load of {listing.target}, {alive})"


def show_details(details: BucketDetails) -> None:
    """Print what a bucket holds."""
    listing, console = details.bucket, _console()
    table = Table(box=None, pad_edge=False, show_header=False)
    facts = {
        "bucket": listing.name,
        "id": listing.id,
        "description": listing.description or _of_a_load(listing),
        "retention": _duration(listing.retention_seconds),
        "shard groups": _duration(listing.shard_duration_seconds),
        "rows": "not counted (--rows counts them)" if details.rows is None else f"{details.rows:,}",
        "values": f"{details.values:,}",
        "series": f"{details.series:,}",
        "first": details.first or "",
        "last": details.last or "",
    }
    for name, fact in facts.items():
        if fact:
            table.add_row(name, _cell(fact))
    console.print(table)
    parts = [("field", f.measurement, f.field, " and ".join(f.types), f.values) for f in details.fields]
    parts += [("tag", t.measurement, t.tag, "", t.values) for t in details.tags]
    if parts:
        columns = Table(box=None, pad_edge=False)
        for name in ("measurement", "", "name", "type"):
            columns.add_column(name, overflow="fold")
        columns.add_column("values", justify="right")
        for kind, measurement, name, types, values in sorted(parts, key=lambda part: (part[1], part[0], part[2])):
            columns.add_row(_cell(measurement), kind, _cell(name), types, f"{values:,}")
        console.print()
        console.print(columns)


def lost(details: BucketDetails) -> str:
    """What goes with a bucket, in words."""
    span = f", from {details.first} to {details.last}" if details.first else ""
    return f"{details.values:,} values in {details.series:,} series{span}"
