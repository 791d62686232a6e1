"""Clean up behind loads that died: :func:`clean`, on which ``importer clean`` stands."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from importer.api import connect
from importer.bucket import repair
from importer.bucket.leftovers import Leftover, Resumable, find_leftovers, remove_leftover
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
    their target.

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
        found = find_leftovers(server, bucket, resumable=_resumable(state_dir or default_state_dir()))
        if not remove:
            return found
        left = [remove_leftover(server, leftover, named=bucket is not None) for leftover in found]
        gone = [leftover for leftover in left if leftover is not None]
        for leftover in gone:
            if leftover.removed:
                say(f"removed {leftover.bucket!r}, which {_whose(leftover)} had left")
        return gone


def _whose(leftover: Leftover) -> str:
    return f"the load {leftover.load_id} of {leftover.target!r} (begun {leftover.begun})"


def _resumable(_state_dir: Path) -> Resumable:
    return lambda _mark: False
