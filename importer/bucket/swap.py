"""The swap: a loaded and verified bucket takes the name of the old one.

Goes in: the held staging bucket, and the old bucket if there is one. Comes out: the new bucket under the
target's name with the old one's text, labels and DBRP mappings; the old one deleted, or kept.

The state of the swap is in the two buckets' descriptions, written in the same request that changes a
name. Every step may be done again, and at every moment one complete copy exists:

    ============  ====================================  ==================================================
    step          under the target's name               elsewhere
    ============  ====================================  ==================================================
    announce      old bucket                            staging, now in phase ``swapping``: it is complete
    set aside     nothing, for some milliseconds        old bucket as ``T.importer-old-<load>``, staging
    put in place  new bucket, in phase ``finishing``    old bucket
    finish        new bucket                            old bucket until labels and mappings are carried;
                                                        then, if it is replaced unasked, it is looked at once
                                                        more, as nobody can write to it by its name now
    close         new bucket, marked with its numbers   nothing, or the old bucket as ``T.old-<time>``
    ============  ====================================  ==================================================
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from importer.bucket import catalogue
from importer.bucket.catalogue import Bucket, NameTakenError
from importer.bucket.dbrp import explicit_mappings, move_mappings
from importer.bucket.holding import HeldBucket
from importer.bucket.mark import Mark
from importer.bucket.names import aside_name, kept_name
from importer.bucket.policy import change_since_load
from importer.errors import AuthorizationError, LoadError, NotFoundError, RequestRefusedError
from importer.server.connection import Server

__all__ = ["Checkpoint", "complete", "retire", "swap"]

Checkpoint = Callable[[str], None]


def swap(
    server: Server,
    held: HeldBucket,
    old: Bucket | None,
    *,
    points: int | None,
    values: int,
    keep_old: bool,
    unasked: bool,
    checkpoint: Checkpoint,
) -> list[str]:
    """Let the staging bucket take the target's name.

    Args:
        server: the connection.
        held: the staging bucket, complete and verified.
        old: the bucket under the target's name; None if there is none.
        points: distinct points that the new bucket holds; None if they were not counted.
        values: field values that it holds.
        keep_old: keep the old bucket under another name.
        unasked: keep it too if it no longer holds what its own load had stored.
        checkpoint: called with each step's name once it is done.

    Returns:
        Warnings of what could not be carried over, and of an old bucket that is kept though not asked for.

    Raises:
        LoadError: the staging bucket was lost to another process, or the name to another bucket.
        ServerError: the server refused a step, or was away for longer than its patience; a repair goes on
            from there.
    """
    announced = replace(
        held.mark,
        phase="swapping",
        points=points,
        values=values,
        partner=old.id if old else None,
        keep_old=keep_old,
        unasked=unasked,
    )
    server.patiently(lambda: announce(server, held, announced))
    checkpoint("announce")
    return complete(server, held, checkpoint)


def complete(server: Server, held: HeldBucket, checkpoint: Checkpoint) -> list[str]:
    """Go on with a swap that was announced, from wherever it stands.

    Args, Returns, Raises: as :func:`swap`.
    """
    server.patiently(lambda: set_aside(server, held))
    checkpoint("set aside")
    server.patiently(lambda: put_in_place(server, held))
    checkpoint("put in place")
    warnings = server.patiently(lambda: carry(server, held))
    checkpoint("carry")
    warnings += retire_partner(server, held)
    checkpoint("retire")
    server.patiently(lambda: close(held))
    checkpoint("close")
    return warnings


def announce(server: Server, held: HeldBucket, mark: Mark) -> None:
    """Say in the staging bucket that it is complete, and all that a repair needs to know."""
    held.describe(replace(mark, mappings=explicit_mappings(server, mark.partner) if mark.partner else ()))


def set_aside(server: Server, held: HeldBucket) -> None:
    """Rename the old bucket, which frees the target's name."""
    mark = held.mark
    old = _partner(server, held)
    if mark.role != "staging" or old is None or old.name != mark.target:
        return
    held.check()
    before = old.mark if old.mark and old.mark.role == "live" else None
    aside = Mark(
        role="old",
        load_id=mark.load_id,
        target=mark.target,
        phase="swapping",
        since=mark.since,
        points=before.points if before else None,
        values=before.values if before else None,
        origin_load_id=before.load_id if before else None,
        fitted_seconds=before.fitted_seconds if before else None,
        partner=held.id,
        keep_old=mark.keep_old,
        unasked=mark.unasked,
    )
    catalogue.update(server, old.id, old.settings.text, aside, aside_name(mark.target, mark.load_id))


def put_in_place(server: Server, held: HeldBucket) -> None:
    """Rename the staging bucket to the target's name, with the old one's text."""
    mark = held.mark
    if mark.role == "live":
        return
    old = _partner(server, held)
    try:
        held.describe(
            replace(mark, role="live", phase="finishing"),
            text=old.settings.text if old else None,
            name=mark.target,
        )
    except NameTakenError as error:
        where = f"; the bucket that it was to replace is {old.name!r}" if old else ""
        raise LoadError(
            f"another bucket took the name {mark.target!r} while the load {mark.load_id} was at work{where}"
        ) from error


def carry(server: Server, held: HeldBucket) -> list[str]:
    """Give the new bucket the labels and DBRP mappings of the old one; returns warnings."""
    old = _partner(server, held)
    warnings = _carry_labels(server, old, held.id) if old else []
    return warnings + move_mappings(server, held.mark.mappings, held.mark.partner, held.id)


def retire_partner(server: Server, held: HeldBucket) -> list[str]:
    """Delete the old bucket, or give it the name under which it is kept; returns warnings."""
    old = server.patiently(lambda: _partner(server, held))
    if old is None:
        return []
    server.patiently(held.check)
    return retire(server, old)


def retire(server: Server, old: Bucket) -> list[str]:
    """Delete a bucket that was set aside, or make it an ordinary one under another name.

    It is kept if that was asked for, and also if it was to be replaced unasked and somebody has changed it
    between the load's last look at it and its renaming.

    Args:
        server: the connection.
        old: a bucket in the role ``old``; any other, such as one kept already, is left alone.

    Returns:
        A warning of a bucket that is kept though not asked for.
    """
    mark = old.mark
    if mark is None or mark.role != "old":
        return []
    change = _change(server, old, mark) if mark.unasked and not mark.keep_old else None
    if not (mark.keep_old or change):
        server.patiently(lambda: catalogue.delete(server, old.id))
        return []
    name = _keep(server, old, mark.target)
    return [f"the bucket that was {mark.target!r} {change}; it is kept as {name!r}"] if change else []


def _change(server: Server, old: Bucket, mark: Mark) -> str | None:
    if mark.values is None:
        return "lost the importer's mark while it was replaced: somebody has changed it"
    return change_since_load(server, old.id, mark.values)


def _keep(server: Server, old: Bucket, target: str) -> str:
    for attempt in itertools.count():
        name = kept_name(target, attempt)
        rename = functools.partial(catalogue.update, server, old.id, old.settings.text, None, name)
        with suppress(NameTakenError):
            server.patiently(rename)
            break
    return name


def close(held: HeldBucket) -> None:
    """Leave in the new bucket's mark what a later load asks for, and nothing else."""
    mark = held.mark
    held.describe(
        Mark(
            role="live",
            load_id=mark.load_id,
            target=mark.target,
            phase="done",
            since=mark.since,
            points=mark.points,
            values=mark.values,
            fitted_seconds=mark.fitted_seconds,
        )
    )


def _partner(server: Server, held: HeldBucket) -> Bucket | None:
    return catalogue.get(server, held.mark.partner) if held.mark.partner else None


def _carry_labels(server: Server, old: Bucket, new_id: str) -> list[str]:
    new = catalogue.get(server, new_id)
    present = new.settings.label_ids if new else ()
    warnings = []
    for label_id in old.settings.label_ids:
        if label_id in present:
            continue
        try:
            server.call("POST", f"{catalogue.PATH}/{new_id}/labels", body={"labelID": label_id})
        except (AuthorizationError, NotFoundError, RequestRefusedError) as error:
            warnings.append(f"the label {label_id} could not be carried over to the new bucket ({error})")
    return warnings
