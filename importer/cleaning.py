"""Clean up behind loads that died: :func:`clean`, on which ``importer clean`` stands."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from importer.api import connect
from importer.bucket import repair
from importer.bucket.leftovers import Leftover, find_leftovers, remove_leftover
from importer.journal import JOURNAL, LoadFolder, Past, load_folders
from importer.options import default_state_dir
from importer.server.connection import Connection, Patience, Server
from importer.server.retry import RetryPolicy

__all__ = ["clean"]

log = logging.getLogger(__name__)


def clean(
    bucket: str | None = None,
    *,
    remove: bool = False,
    connection: Connection | None = None,
    state_dir: Path | None = None,
    wait_seconds: float = 10.0,
    say: Callable[[str], None] = log.info,
) -> list[Leftover]:
    """List the buckets that dead loads have left, and remove them if asked.

    Interrupted swaps are repaired first: that may complete a load, or give a bucket its name back. Buckets of
    loads that are alive are listed and left alone. So are those that hold complete data, unless `bucket` names
    their target. With the bucket go the accounts that its load kept on this machine to be resumed.

    Args:
        bucket: only what loads of this bucket have left; None looks at all.
        remove: remove what is found.
        connection: which server; None finds it as :func:`importer.load` does.
        state_dir: where loads of this machine keep their accounts.
        wait_seconds: how long an absent server is waited for.
        say: takes a line for the user about each bucket that was repaired or removed.

    Returns:
        what was found; ``removed`` tells what is gone now.

    Raises:
        ConfigurationError: no server is named and none can be started.
        ServerError: the server refuses, or did not answer in time.
    """
    with Server(connection or connect()) as server:
        server.patience = Patience(RetryPolicy(wait_seconds), log.warning)
        repair(server, bucket, say=say)
        folders = _folders(server, state_dir or default_state_dir(), bucket)
        found = find_leftovers(server, bucket, resumable=lambda mark: mark.load_id in folders)
        if remove:
            named = bucket is not None
            found = [now for leftover in found if (now := _removed(server, leftover, named=named, say=say))]
        kept = {leftover.load_id for leftover in found if not leftover.removed}
        for load_id in folders.keys() - kept:
            _without_bucket(folders[load_id], load_id, remove=remove, say=say)
        return found


def _removed(server: Server, leftover: Leftover, *, named: bool, say: Callable[[str], None]) -> Leftover | None:
    now = remove_leftover(server, leftover, named=named)
    if now is not None and now.removed:
        begun = f" (begun {now.begun})" if now.begun else ""
        say(f"removed {now.bucket!r}, which the load {now.load_id} of {now.target!r}{begun} had left")
    return now


def _folders(server: Server, state_dir: Path, target: str | None) -> dict[str, Path]:
    """The accounts that loads into buckets of this server keep on this machine, by load."""
    plans = ((path, Past.plan_in(path / JOURNAL)) for path in load_folders(state_dir))
    return {
        plan.load_id: path
        for path, plan in plans
        if plan is not None and plan.org_id == server.org_id and target in {None, plan.target}
    }


def _without_bucket(path: Path, load_id: str, *, remove: bool, say: Callable[[str], None]) -> None:
    """The accounts of a load that has no bucket on the server: of no use, unless it is alive."""
    folder = LoadFolder.hold(path)
    if folder is None:
        return
    with folder:
        folder.stays = not remove
    if remove:
        say(f"removed {str(path)!r}, the accounts of the load {load_id}")
    else:
        say(f"{str(path)!r} holds the accounts of the load {load_id}, which has no bucket any more")
