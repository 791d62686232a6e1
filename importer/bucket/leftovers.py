"""What dead loads have left on the server: listed, and removed when asked.

Goes in: the server, after :func:`importer.bucket.repair`, so that what a swap left is healed first. Comes out: a
:class:`Leftover` for each bucket that a load made or set aside for itself. Of a load that is alive nothing is
touched; a bucket that holds complete data is removed only where its target was named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal

from importer.bucket import catalogue
from importer.bucket.catalogue import Bucket
from importer.bucket.holding import HeldBucket, is_alive
from importer.bucket.mark import Mark
from importer.bucket.names import STAGING_SUFFIX
from importer.errors import LoadError, NotFoundError
from importer.server.connection import Server

__all__ = ["Leftover", "Resumable", "State", "find_leftovers", "remove_leftover"]

State = Literal["unfinished", "in use", "complete", "set aside", "not marked"]
Resumable = Callable[[Mark], bool]

_WITH_DATA: frozenset[State] = frozenset({"complete", "set aside"})


@dataclass(frozen=True, slots=True)
class Leftover:
    """A bucket that is there because of a load that has not ended well, or not yet.

    Attributes:
        bucket: its name.
        bucket_id: the server's id of it.
        target: the bucket that the load was to fill.
        kind: ``staging`` holds what was loaded, ``lock`` is an empty one of an appending load, ``old`` is the
            bucket that was to be replaced.
        state: ``unfinished``: its load is dead; ``in use``: its load is alive; ``complete`` or ``set aside``: it holds
            complete data that could not be put under the target's name, as another bucket has taken that; ``not
            marked``: its name is in the way of loads, but the importer did not make it.
        load_id: the load; empty where it is not known.
        begun: when the load began, RFC 3339; empty where it is not known.
        host: where the load ran; empty where it is not known.
        process: its process id there; None where it is not known.
        resumable: whether ``--resume`` could still go on with it on this machine.
        removed: whether it is gone now.
    """

    bucket: str
    bucket_id: str
    target: str
    kind: Literal["staging", "lock", "old"]
    state: State
    load_id: str = ""
    begun: str = ""
    host: str = ""
    process: int | None = None
    resumable: bool = False
    removed: bool = False


def find_leftovers(server: Server, target: str | None = None, *, resumable: Resumable) -> list[Leftover]:
    """List what loads have left, those that are still at work included, by target.

    Args:
        server: the connection.
        target: only this bucket's; None lists all.
        resumable: whether a dead load could go on from here.

    Raises:
        ServerError: the server refused or did not answer.
    """
    buckets = server.patiently(lambda: list(catalogue.all_buckets(server)))
    found = [leftover for bucket in buckets for leftover in _leftover(server, bucket, resumable)]
    wanted = [leftover for leftover in found if target in {None, leftover.target}]
    return sorted(wanted, key=lambda leftover: (leftover.target, leftover.begun, leftover.bucket))


def remove_leftover(server: Server, leftover: Leftover, *, named: bool) -> Leftover | None:
    """Remove a bucket if its load is dead.

    Args:
        server: the connection.
        leftover: as listed.
        named: the user named the target; else what holds complete data stays.

    Returns:
        The same as it is now; None if somebody else has removed it meanwhile.

    Raises:
        ServerError: the server refused or did not answer.
    """
    bucket = server.patiently(lambda: catalogue.get(server, leftover.bucket_id))
    now = next(_leftover(server, bucket, lambda _: leftover.resumable), None) if bucket else None
    if bucket is None or now is None:
        return None
    removable = now.state == "unfinished" or (named and now.state in _WITH_DATA)
    if not removable or now.load_id != leftover.load_id:
        return now
    if now.kind == "old":
        server.patiently(lambda: catalogue.delete(server, bucket.id))
        return replace(now, removed=True)
    return replace(now, removed=True) if _removed(server, bucket) else None


def _removed(server: Server, bucket: Bucket) -> bool:
    """Take the bucket over before it goes, so that no load goes on with it at the same moment."""
    if bucket.mark is None:
        return False
    mark = bucket.mark
    with suppress(NotFoundError, LoadError):
        held = server.patiently(lambda: HeldBucket.claim(server, bucket, mark))
        try:
            server.patiently(held.check)
            server.patiently(lambda: catalogue.delete(server, held.id))
        finally:
            held.stop()
        return True
    return False


def _leftover(server: Server, bucket: Bucket, resumable: Resumable) -> Iterator[Leftover]:
    """One, or none for a bucket that no load has left."""
    mark = bucket.mark
    if mark is None:
        if bucket.name.endswith(STAGING_SUFFIX):
            target = bucket.name.removesuffix(STAGING_SUFFIX)
            yield Leftover(bucket.name, bucket.id, target, "staging", "not marked")
    elif mark.role != "live":
        state = _state(server, bucket, mark)
        yield Leftover(
            bucket=bucket.name,
            bucket_id=bucket.id,
            target=mark.target,
            kind=mark.role,
            state=state,
            load_id=mark.load_id,
            begun=mark.since,
            host=mark.owner.host if mark.owner else "",
            process=mark.owner.pid if mark.owner else None,
            resumable=state == "unfinished" and resumable(mark),
        )


def _state(server: Server, bucket: Bucket, mark: Mark) -> State:
    if is_alive(bucket):
        return "in use"
    if mark.role == "old":
        partner_id = mark.partner
        # The swap's sign of life is in the new bucket.
        partner = server.patiently(lambda: catalogue.get(server, partner_id)) if partner_id else None
        return "in use" if partner is not None and is_alive(partner) else "set aside"
    return "complete" if mark.phase == "swapping" else "unfinished"
