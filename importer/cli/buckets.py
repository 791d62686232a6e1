"""``importer buckets``: buckets from a file, listed, shown and deleted."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from importer.cli import connecting
from importer.cli.logs import log_to_stderr
from importer.cli.process import importing
from importer.errors import ConfigurationError

__all__ = ["app"]

app = typer.Typer(
    name="buckets",
    add_completion=False,
    no_args_is_help=True,
    help="Create buckets from a file; list, show and delete them.",
)

_JSON_HELP = "Print it as JSON, for programs."

AsJson = Annotated[bool, typer.Option("--json", help=_JSON_HELP)]
BucketId = Annotated[str | None, typer.Option("--id", metavar="ID", help="The bucket's id, instead of its name.")]


@app.command("apply", epilog="Example: importer buckets apply buckets.toml --dry-run", no_args_is_help=True)
@connecting.with_server
def apply_command(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="JSON or TOML: a list of buckets, each with name, description, retention and shard_duration.",
        ),
    ],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and create nothing.")] = False,
    as_json: AsJson = False,
    wait: connecting.Wait = 10.0,
    where: connecting.Where,
) -> None:
    """Create the buckets of a file that are missing. What is there already stays as it is; differences are shown.

    The whole file is checked before anything is created.
    """
    log_to_stderr(quiet=False, as_json=False)
    with importing():
        from importer.cli.bucket_tables import show_plan  # noqa: PLC0415
        from importer.provisioning.applying import apply_buckets  # noqa: PLC0415
        from importer.provisioning.wanted import read_wanted  # noqa: PLC0415

    read_wanted(file)  # what is wrong with it is told before a server is looked for, or started
    connection = where()
    plan = apply_buckets(file, dry_run=dry_run, connection=connection, wait_seconds=wait)
    if as_json:
        _print_json([asdict(planned) for planned in plan])
    else:
        show_plan(plan, dry_run=dry_run)


@app.command("list", epilog="Example: importer buckets list --json")
@connecting.with_server
def list_command(
    *,
    as_json: AsJson = False,
    wait: connecting.Wait = 10.0,
    where: connecting.Where,
) -> None:
    """List the buckets: name, id, retention, length of a shard group, description; those of unfinished loads, too."""
    log_to_stderr(quiet=False, as_json=False)
    with importing():
        from importer.cli.bucket_tables import show_list  # noqa: PLC0415
        from importer.provisioning.listing import list_buckets  # noqa: PLC0415

    connection = where()
    found = list_buckets(connection=connection, wait_seconds=wait)
    if as_json:
        _print_json([asdict(listing) for listing in found])
    else:
        show_list(found)


@app.command("show", epilog="Example: importer buckets show birds", no_args_is_help=True)
@connecting.with_server
def show_command(
    bucket: Annotated[str | None, typer.Argument(metavar="BUCKET", help="Its name.")] = None,
    *,
    bucket_id: BucketId = None,
    rows: Annotated[
        bool | None,
        typer.Option(
            "--rows/--no-rows",
            help="Count the rows, for which the server reads the whole bucket; default: up to 2 million values.",
        ),
    ] = None,
    as_json: AsJson = False,
    wait: connecting.Wait = 10.0,
    where: connecting.Where,
) -> None:
    """Show what a bucket holds: rows, values, series, time span, fields with their types, tags."""
    log_to_stderr(quiet=False, as_json=False)
    with importing():
        from importer.cli.bucket_tables import show_details  # noqa: PLC0415
        from importer.provisioning.details import show_bucket  # noqa: PLC0415

    connection = where()
    details = show_bucket(bucket, bucket_id=bucket_id, count_rows=rows, connection=connection, wait_seconds=wait)
    if as_json:
        _print_json(asdict(details))
    else:
        show_details(details)


@app.command("delete", epilog="Example: importer buckets delete birds --yes", no_args_is_help=True)
@connecting.with_server
def delete_command(
    bucket: Annotated[str | None, typer.Argument(metavar="BUCKET", help="Its name.")] = None,
    *,
    bucket_id: BucketId = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: AsJson = False,
    wait: connecting.Wait = 10.0,
    where: connecting.Where,
) -> None:
    """Delete a bucket with all that it holds, which is shown first. Without a terminal to ask, --yes is needed."""
    log_to_stderr(quiet=False, as_json=False)
    if not yes and not sys.stdin.isatty():
        raise ConfigurationError("there is no terminal to ask at whether the bucket is to be deleted: say --yes")
    with importing():
        from importer.cli.bucket_tables import lost  # noqa: PLC0415
        from importer.provisioning.details import show_bucket  # noqa: PLC0415
        from importer.provisioning.listing import delete_bucket  # noqa: PLC0415

    connection = where()
    if not yes:
        details = show_bucket(bucket, bucket_id=bucket_id, count_rows=False, connection=connection, wait_seconds=wait)
        bucket, bucket_id = None, details.bucket.id
        typer.echo(f"{lost(details)} will be lost.", err=True)
        if not typer.confirm(f"Delete the bucket {details.bucket.name!r}?", err=True):
            typer.echo("nothing was deleted", err=True)
            raise typer.Exit(1)
    deleted = delete_bucket(bucket, bucket_id=bucket_id, connection=connection, wait_seconds=wait)
    if as_json:
        _print_json(asdict(deleted))
    else:
        typer.echo(f"deleted the bucket {deleted.name!r} ({deleted.id})")


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))
