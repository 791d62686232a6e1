"""``importer restore``: buckets out of a backup into the server."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from importer.cli import connecting
from importer.cli.logs import log_to_stderr
from importer.cli.process import importing
from importer.cli.signals import stopped_and_exited
from importer.printable import printable

if TYPE_CHECKING:
    from importer.backups.records import RestoredBucket

__all__ = ["EPILOG", "restore_command"]

log = logging.getLogger("importer")

EPILOG = "Example: importer restore backups/20240131T235959Z --bucket birds --as birds-restored"


@connecting.with_server
def restore_command(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A backup of importer backup, or of influx backup.")],
    *,
    bucket: Annotated[
        str | None, typer.Option("--bucket", metavar="NAME", help="Only this one; default: all of the backup.")
    ] = None,
    as_name: Annotated[
        str | None, typer.Option("--as", metavar="NEWNAME", help="The name that it gets; default: the one that it had.")
    ] = None,
    if_exists: Annotated[
        Literal["fail", "replace"],
        typer.Option("--if-exists", help="What becomes of a bucket that has the name; replace deletes it at the end."),
    ] = "fail",
    retention: Annotated[
        str | None,
        typer.Option("--retention", metavar="DURATION", help="Such as 90d, or inf; default: what was backed up."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was restored as JSON, for programs.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print warnings and errors only.")] = False,
    wait: connecting.Wait = 10.0,
    where: connecting.Where,
) -> None:
    """Restore buckets from a backup, and read them back: only what is the same as was saved gets its name.

    All files are checked first. It needs an operator token.
    """
    log_to_stderr(quiet=quiet or as_json, as_json=False)
    with importing():
        from importer.backups.restoring import check_names, restore  # noqa: PLC0415
        from importer.bucket.shards import parse_duration  # noqa: PLC0415

    check_names(folder, bucket, as_name)  # what is wrong with it is told before a server is looked for, or started
    seconds = None if retention is None else parse_duration(retention)
    connection = where()
    with stopped_and_exited("the bucket that was being restored is as it was") as stop:
        restored = restore(
            folder,
            bucket,
            as_name=as_name,
            if_exists=if_exists,
            retention_seconds=seconds,
            connection=connection,
            wait_seconds=wait,
            stop=stop,
        )
    if as_json:
        typer.echo(json.dumps([asdict(each) for each in restored], indent=2, ensure_ascii=False))
    elif not quiet:
        _show(restored)
    for each in restored:
        for warning in each.warnings:
            log.warning("warning: %s: %s", each.bucket, warning)


def _show(restored: Sequence[RestoredBucket]) -> None:
    for each in restored:
        was = "" if each.bucket == each.backed_up_as else f" (was {printable(each.backed_up_as, None)})"
        groups = f"{each.shard_groups} shard group{'' if each.shard_groups == 1 else 's'}"
        typer.echo(f"{each.status}: bucket {printable(each.bucket, None)}{was}, {each.values:,} values in {groups}")
        if each.unchecked:
            typer.echo(
                f"  of {each.unchecked} of them the backup does not say what they held: they were counted, not compared"
            )
