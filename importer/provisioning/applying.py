"""Make the buckets that a file asks for: :func:`apply_buckets`, on which ``importer buckets apply`` stands."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from importer.api import connect
from importer.bucket import catalogue
from importer.bucket.catalogue import Bucket, NameTakenError
from importer.bucket.settings import BucketSettings
from importer.bucket.shards import format_duration
from importer.errors import ServerError
from importer.provisioning.wanted import WantedBucket, read_wanted
from importer.server.connection import Connection, Patience, Server
from importer.server.retry import RetryPolicy

__all__ = ["PlannedBucket", "apply_buckets"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PlannedBucket:
    """What becomes of a bucket that a file asks for.

    Attributes:
        name: its name.
        action: ``create``: there is none yet; ``exists``: it is as the file has it; ``differs``: it is not, and is left
            as it is.
        differences: what differs, in words.
        retention_seconds: as asked for, 0 for ever; None where the file says nothing.
        shard_duration_seconds: as asked for; None where the file says nothing.
        description: as asked for; None where the file says nothing.
        created: whether it was made just now.
        id: of the bucket; None where there is none.
    """

    name: str
    action: Literal["create", "exists", "differs"]
    differences: tuple[str, ...] = ()
    retention_seconds: int | None = None
    shard_duration_seconds: int | None = None
    description: str | None = None
    created: bool = False
    id: str | None = None


def apply_buckets(
    path: str | Path,
    *,
    dry_run: bool = False,
    connection: Connection | None = None,
    wait_seconds: float = 10.0,
) -> list[PlannedBucket]:
    """Create the buckets of a file that are not there yet; those that are there stay as they are.

    The whole file is checked before anything is made.

    Args:
        path: of a JSON or TOML file (:mod:`importer.provisioning.wanted`).
        dry_run: make nothing, but say what would be made.
        connection: which server; None finds it as :func:`importer.load` does.
        wait_seconds: how long an absent server is waited for.

    Returns:
        what becomes of each bucket, in the file's order.

    Raises:
        ConfigurationError: the file is wrong, or no server is named and none can be started.
        ServerError: the server refuses, or did not answer in time; says what was made until then.
    """
    wanted = read_wanted(Path(path))
    with Server(connection or connect()) as server:
        server.patience = Patience(RetryPolicy(wait_seconds), log.warning)
        there = {bucket.name: bucket for bucket in server.patiently(lambda: list(catalogue.all_buckets(server)))}
        plan = [_planned(each, there.get(each.name)) for each in wanted]
        return plan if dry_run else _carried_out(server, plan)


def _carried_out(server: Server, plan: list[PlannedBucket]) -> list[PlannedBucket]:
    done: list[PlannedBucket] = []
    for each in plan:
        try:
            done.append(_made(server, each) if each.action == "create" else each)
        except ServerError as error:
            made = [one.name for one in done if one.created]
            told = f"created until then: {', '.join(map(repr, made))}" if made else "nothing was created"
            failure = ServerError(f"cannot create the bucket {each.name!r}: {error}; {told}", status=error.status)
            raise failure from error
    return done


def _made(server: Server, planned: PlannedBucket) -> PlannedBucket:
    settings = BucketSettings(planned.retention_seconds or 0, planned.shard_duration_seconds, planned.description or "")
    try:
        made = server.patiently(partial(catalogue.create, server, planned.name, settings, None))
    except NameTakenError:
        # By somebody else, or by us where the answer was lost: either way it is there now.
        found = server.patiently(partial(catalogue.find, server, planned.name))
        if found is None:
            raise
        return _planned(_as_wanted(planned), found)
    return _done(planned, made)


def _as_wanted(planned: PlannedBucket) -> WantedBucket:
    return WantedBucket(planned.name, planned.description, planned.retention_seconds, planned.shard_duration_seconds)


def _done(planned: PlannedBucket, made: Bucket) -> PlannedBucket:
    return PlannedBucket(
        planned.name,
        "create",
        (),
        planned.retention_seconds,
        planned.shard_duration_seconds,
        planned.description,
        created=True,
        id=made.id,
    )


def _planned(wanted: WantedBucket, found: Bucket | None) -> PlannedBucket:
    differences = tuple(_differences(wanted, found)) if found else ()
    return PlannedBucket(
        wanted.name,
        "create" if found is None else "differs" if differences else "exists",
        differences,
        wanted.retention_seconds,
        wanted.shard_duration_seconds,
        wanted.description,
        id=found.id if found else None,
    )


def _differences(wanted: WantedBucket, found: Bucket) -> Iterator[str]:
    """Only what the file says is compared."""
    there = found.settings
    if wanted.retention_seconds not in {None, there.retention_seconds}:
        yield _durations("retention", wanted.retention_seconds, there.retention_seconds)
    if wanted.shard_duration_seconds not in {None, there.shard_duration_seconds}:
        yield _durations("shard groups", wanted.shard_duration_seconds, there.shard_duration_seconds)
    if wanted.description not in {None, there.text}:
        yield f"description {wanted.description!r} wanted, {there.text!r} there"


def _durations(what: str, wanted: int | None, there: int | None) -> str:
    return f"{what} {format_duration(wanted or 0)} wanted, {format_duration(there or 0)} there"
