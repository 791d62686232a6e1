"""The staging bucket: where a load writes until it is complete, and the lock on its target.

Goes in: a target and settings. Comes out: a held bucket of a name that is fixed for the target. As the
server allows a name only once, of two loads that begin at the same moment one gets it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection

from importer.bucket import catalogue
from importer.bucket.catalogue import Bucket, Make, NameTakenError
from importer.bucket.holding import DEAD_AFTER_SECONDS, HeldBucket, is_alive
from importer.bucket.mark import Mark
from importer.bucket.names import staging_name
from importer.bucket.settings import BucketSettings
from importer.errors import BucketExistsError, LoadInProgressError, NotFoundError
from importer.server.connection import Server

__all__ = ["claim_place", "in_progress", "take_place"]

ATTEMPTS = 5


def take_place(
    server: Server,
    mark: Mark,
    settings: BucketSettings,
    *,
    say: Callable[[str], None],
    dead: Collection[str] = (),
    before_removal: Callable[[], None] = lambda: None,
    make: Make = catalogue.create,
) -> HeldBucket:
    """Get hold of the target's staging bucket; what a dead load left there is removed.

    Args:
        server: the connection.
        mark: for the staging bucket (or the lock), with this process as the owner.
        settings: retention and shard duration of a new staging bucket.
        say: takes a line for the user.
        dead: loads that are known to be dead, however short ago they showed life.
        before_removal: called before what a dead load left is removed; raises if that would be for nothing.
        make: makes the bucket.

    Raises:
        LoadInProgressError: another load of this target is alive; names it.
        BucketExistsError: the name is taken by a bucket that is not the importer's to remove.
        ServerError: the server refused or did not answer.
    """
    name = staging_name(mark.target)
    for _ in range(ATTEMPTS):
        found = server.patiently(lambda: catalogue.find(server, name))
        if found is None:
            try:
                return server.patiently(lambda: HeldBucket.create(server, name, settings, mark, make=make))
            except NameTakenError:
                continue
        left_behind = _left_behind(found, dead)
        before_removal()
        server.patiently(functools.partial(catalogue.delete, server, found.id))
        if left_behind.load_id != mark.load_id:  # its own it is where the answer to its making was lost
            say(
                f"removed what the load {left_behind.load_id} (begun {left_behind.since}) had left unfinished "
                f"for the bucket {mark.target!r}"
            )
    raise LoadInProgressError(f"the bucket {mark.target!r} is wanted by several loads at this moment; try again")


def claim_place(server: Server, target: str, load_id: str) -> HeldBucket | None:
    """Get hold again of the staging bucket (or the lock) of a load that is known to be dead, to go on with it.

    Args:
        server: the connection.
        target: name of the bucket that the load fills.
        load_id: the load.

    Returns:
        None if it is gone, another load's, or about to take the target's name, which a repair sees through.

    Raises:
        ServerError: the server refused or did not answer.
    """
    found = server.patiently(lambda: catalogue.find(server, staging_name(target)))
    if found is None or found.mark is None or found.mark.load_id != load_id:
        return None
    mark = found.mark
    if mark.phase == "swapping":
        in_place = server.patiently(lambda: catalogue.find(server, target))
        if (in_place.id if in_place else None) != mark.partner:
            return None
    try:
        return server.patiently(lambda: HeldBucket.claim(server, found, mark.begun_again()))
    except NotFoundError:
        return None


def in_progress(bucket: Bucket, mark: Mark) -> LoadInProgressError:
    """The refusal that names the load at work on a bucket."""
    owner = mark.owner
    who = f"process {owner.pid} on {owner.host}, " if owner else ""
    left = max(1, round(DEAD_AFTER_SECONDS - bucket.idle_seconds))
    return LoadInProgressError(
        f"the bucket {mark.target!r} is being filled by the load {mark.load_id} ({who}begun {mark.since}, "
        f"last sign of life {max(0, round(bucket.idle_seconds))} s ago); wait for its end, or, if that "
        f"process is gone, try again in {left} s"
    )


def _left_behind(found: Bucket, dead: Collection[str]) -> Mark:
    mark = found.mark
    if mark is None or mark.role not in {"staging", "lock"}:
        raise BucketExistsError(
            f"the bucket {found.name!r} has the name that this load needs for its staging bucket, "
            "and the importer did not make it; rename or delete it"
        )
    if mark.load_id not in dead and is_alive(found):
        raise in_progress(found, mark)
    if mark.phase == "swapping":
        raise BucketExistsError(
            f"{found.name!r} holds the complete data of the load {mark.load_id}, which was interrupted while "
            f"it replaced {mark.target!r}, and another bucket has taken that name; rename or delete that one"
        )
    return mark
