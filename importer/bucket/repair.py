"""Going on with swaps that were interrupted: run at the beginning of every command.

Goes in: the server. Comes out: buckets as if nothing had happened, and a line for each that was healed.
A load that is alive is left alone; healing twice does no more than healing once.

    =========================================  ==========================================================
    what the crash left                        what is done
    =========================================  ==========================================================
    staging complete, old bucket in its place  the swap had not begun: the staging bucket is removed
    staging complete, target's name free       the swap is completed
    new bucket in place, ``finishing``         it is finished: labels, mappings, the old bucket
    old bucket set aside, no new one           it gets its name, text and mark back
    =========================================  ==========================================================
"""

from __future__ import annotations

from collections.abc import Callable

from importer.bucket import catalogue
from importer.bucket.catalogue import Bucket, NameTakenError
from importer.bucket.holding import HeldBucket, is_alive
from importer.bucket.mark import Mark
from importer.bucket.swap import complete, retire
from importer.errors import LoadError, NotFoundError
from importer.server.connection import Server

__all__ = ["repair"]

Say = Callable[[str], None]


def repair(server: Server, target: str | None = None, *, say: Say) -> None:
    """Heal what interrupted swaps have left.

    Args:
        server: the connection.
        target: only this bucket's; None looks at all.
        say: takes a line for the user about each bucket that was healed, or could not be.

    Raises:
        ServerError: the server refused, or did not answer; what was begun can be repaired again.
    """
    for bucket in _marked(server, target):
        mark = bucket.mark
        if mark is None or is_alive(bucket):
            continue
        if mark.role == "live" and mark.phase == "finishing":
            _go_on(server, bucket, mark, say)
        elif mark.role == "staging" and mark.phase == "swapping":
            _heal_staging(server, bucket, mark, say)
    # Only now: what is still set aside has no bucket that is about to take its place.
    for bucket in _marked(server, target):
        if bucket.mark is not None and bucket.mark.role == "old":
            _heal_aside(server, bucket, bucket.mark, say)


def _marked(server: Server, target: str | None) -> list[Bucket]:
    return [
        bucket
        for bucket in catalogue.all_buckets(server)
        if bucket.mark is not None and target in {None, bucket.mark.target}
    ]


def _heal_staging(server: Server, staging: Bucket, mark: Mark, say: Say) -> None:
    in_place = catalogue.find(server, mark.target)
    if in_place is None:
        _go_on(server, staging, mark, say)
        return
    partner = catalogue.get(server, mark.partner) if mark.partner else None
    if partner is None or partner.id == in_place.id:
        catalogue.delete(server, staging.id)
        say(
            f"the load {mark.load_id} was interrupted before it replaced {mark.target!r}: "
            "that bucket is as it was, what was staged is removed"
        )
        return
    say(
        f"another bucket took the name {mark.target!r} while the load {mark.load_id} replaced it: the new "
        f"data are in {staging.name!r}, the old in {partner.name!r}; rename or delete {mark.target!r}"
    )


def _go_on(server: Server, bucket: Bucket, mark: Mark, say: Say) -> None:
    try:
        held = HeldBucket.claim(server, bucket, mark)
    except NotFoundError:
        return  # another command was faster
    try:
        warnings = complete(server, held, lambda _step: None)
    except LoadError as error:
        if not held.lost.is_set():
            say(str(error))
        return  # lost: another command is at it
    finally:
        held.stop()
    say(f"completed the load {mark.load_id} of {mark.target!r}, which was interrupted in its last steps")
    for warning in warnings:
        say(warning)


def _heal_aside(server: Server, old: Bucket, mark: Mark, say: Say) -> None:
    partner = catalogue.get(server, mark.partner) if mark.partner else None
    if partner is not None and is_alive(partner):
        return
    in_place = catalogue.find(server, mark.target)
    if in_place is not None and partner is not None and in_place.id == partner.id:
        retire(server, old, keep=mark.keep_old)
        say(f"finished the replacement of {mark.target!r} by the load {mark.load_id}")
        return
    if partner is not None and _is_staged(partner):
        return
    if in_place is not None:
        say(
            f"{old.name!r} holds what was in {mark.target!r} before the load {mark.load_id}, but another "
            "bucket has that name now; rename or delete one of them"
        )
        return
    try:
        catalogue.update(server, old.id, old.settings.text, _mark_of_before(mark), mark.target)
    except (NameTakenError, NotFoundError):
        return  # another command was faster
    say(f"gave {mark.target!r} its name back: the bucket that was to replace it is gone")


def _is_staged(partner: Bucket) -> bool:
    return partner.mark is not None and partner.mark.phase == "swapping"


def _mark_of_before(mark: Mark) -> Mark | None:
    if mark.origin_load_id is None:
        return None
    return Mark(
        role="live",
        load_id=mark.origin_load_id,
        target=mark.target,
        phase="done",
        points=mark.points,
        values=mark.values,
    )
