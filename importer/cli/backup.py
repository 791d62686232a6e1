"""``importer backup``: buckets out of the server into a folder."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from importer.cli import connecting
from importer.cli.logs import log_to_stderr
from importer.cli.process import importing
from importer.cli.signals import stopped_and_exited
from importer.printable import printable

if TYPE_CHECKING:
    from importer.backups.records import Backup

__all__ = ["EPILOG", "backup_command"]

log = logging.getLogger("importer")

EPILOG = "Example: importer backup birds --to backups --keep 7"


@connecting.with_server
def backup_command(
    buckets: Annotated[
        list[str] | None,
        typer.Argument(metavar="[BUCKET]...", help="Names; without any, all but the server's own.", show_default=False),
    ] = None,
    *,
    to: Annotated[
        Path,
        typer.Option("--to", metavar="FOLDER", help="A new folder; with --keep, the folder of all backups."),
    ],
    keep: Annotated[
        int | None,
        typer.Option(
            "--keep",
            metavar="N",
            min=1,
            help="Make the backup in a folder of its own in FOLDER, named after the time; keep the last N.",
        ),
    ] = None,
    metadata: Annotated[
        bool,
        typer.Option(
            "--metadata",
            help="Save users, tokens and dashboards, too: whoever reads the folder has the tokens.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was saved as JSON, for programs.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print warnings and errors only.")] = False,
    wait: connecting.Wait = 10.0,
    where: connecting.Where,
) -> None:
    """Copy buckets into a folder, from which importer restore and influx restore bring them back.

    The folder is there whole or not at all. It needs an operator token.
    """
    log_to_stderr(quiet=quiet or as_json, as_json=False)
    with importing():
        from importer.backups.saving import backup  # noqa: PLC0415

    connection = where()
    with stopped_and_exited("nothing was saved") as stop:
        made = backup(
            buckets,
            to=to,
            keep=keep,
            metadata=metadata,
            connection=connection,
            wait_seconds=wait,
            stop=stop,
        )
    if as_json:
        typer.echo(json.dumps(asdict(made), indent=2, ensure_ascii=False, default=str))
    elif not quiet:
        _show(made)
    _warn(made)


def _show(made: Backup) -> None:
    for saved in made.buckets:
        groups = f"{saved.shard_groups} shard group{'' if saved.shard_groups == 1 else 's'}"
        typer.echo(
            f"saved {printable(saved.bucket, None)}: {saved.values:,} values in {groups}, {_size(saved.size_bytes)}"
        )
    for path in made.removed:
        typer.echo(f"removed the old backup {printable(str(path), None)}")
    typer.echo(f"backup: {printable(str(made.folder), None)} ({_size(made.size_bytes)})")


def _size(size_bytes: int) -> str:
    megabytes = size_bytes / 1e6
    return f"{megabytes:,.1f} MB" if megabytes >= 0.1 else "less than 0.1 MB"  # noqa: PLR2004


def _warn(made: Backup) -> None:
    for saved in made.buckets:
        if written := saved.unchecked - saved.revived - saved.unseen:
            log.warning(
                "warning: %s: %d shard group(s) were written to all the while they were saved: they are whole as of "
                "some moment meanwhile, but a restore can only count them",
                saved.bucket,
                written,
            )
        if saved.unseen:
            log.warning(
                "warning: %s: %d shard group(s) begin before the first timestamp there can be, and the server answers "
                "no question for them: their files are saved, but what is in them was not counted",
                saved.bucket,
                saved.unseen,
            )
        if saved.revived:
            log.warning(
                "warning: %s: %d shard group(s) hold deleted points that the server has not removed from its files "
                "yet: a restore brings them back",
                saved.bucket,
                saved.revived,
            )
