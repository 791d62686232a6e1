"""The buckets of the organisation: listed, and deleted by id."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Literal

from importer.api import connect
from importer.bucket import catalogue
from importer.bucket.catalogue import Bucket
from importer.bucket.finding import find_bucket
from importer.bucket.holding import is_alive
from importer.errors import ConfigurationError, LoadInProgressError
from importer.server.connection import Connection, Patience, Server
from importer.server.retry import RetryPolicy

__all__ = ["BucketListing", "delete_bucket", "list_buckets", "listing_of"]

log = logging.getLogger(__name__)

Kind = Literal["bucket", "system", "staging", "lock", "old"]


@dataclass(frozen=True, slots=True)
class BucketListing:
    """A bucket as the server describes it.

    Attributes:
        name: its name.
        id: the server's id: stays through renames.
        retention_seconds: how long points are kept; 0 for ever.
        shard_duration_seconds: of a shard group; None where the server does not say.
        description: the user's own, without the importer's mark.
        kind: ``system`` is the server's own; ``staging``, ``lock`` and ``old`` belong to a load that has not ended.
        target: the bucket that this load fills; empty for other buckets.
        in_use: whether this load is alive.
    """

    name: str
    id: str
    retention_seconds: int
    shard_duration_seconds: int | None
    description: str
    kind: Kind
    target: str = ""
    in_use: bool = False


def list_buckets(*, connection: Connection | None = None, wait_seconds: float = 10.0) -> list[BucketListing]:
    """All buckets of the organisation, by name, the server's own last.

    Args:
        connection: which server; None finds it as :func:`importer.load` does.
        wait_seconds: how long an absent server is waited for.

    Raises:
        ConfigurationError: no server is named and none can be started.
        ServerError: the server refuses, or did not answer in time.
    """
    with Server(connection or connect()) as server:
        server.patience = Patience(RetryPolicy(wait_seconds), log.warning)
        found = [listing_of(bucket) for bucket in server.patiently(lambda: list(catalogue.all_buckets(server)))]
    return sorted(found, key=lambda each: (each.kind == "system", each.name))


def delete_bucket(
    bucket: str | None = None,
    *,
    bucket_id: str | None = None,
    connection: Connection | None = None,
    wait_seconds: float = 10.0,
) -> BucketListing:
    """Delete a bucket and all that it holds. It goes by its id: one that gets its name meanwhile stays.

    Args:
        bucket: its name; or
        bucket_id: its id.
        connection: which server; None finds it as :func:`importer.load` does.
        wait_seconds: how long an absent server is waited for.

    Returns:
        what was deleted.

    Raises:
        ConfigurationError: neither or both are given, or the bucket is the server's own.
        LoadInProgressError: a load is filling it.
        NotFoundError: there is none.
        ServerError: the server refuses, or did not answer in time.
    """
    with Server(connection or connect()) as server:
        server.patience = Patience(RetryPolicy(wait_seconds), log.warning)
        found = find_bucket(server, bucket, bucket_id)
        listing = listing_of(found)
        if listing.kind == "system":
            raise ConfigurationError(f"{found.name!r} is the server's own and cannot be deleted")
        if listing.in_use:
            raise LoadInProgressError(f"a load of {listing.target!r} is at work on {found.name!r}: wait for its end")
        server.patiently(lambda: catalogue.delete(server, found.id))
    return listing


def listing_of(bucket: Bucket) -> BucketListing:
    """A bucket as it is listed."""
    mark = bucket.mark if bucket.mark is not None and bucket.mark.role != "live" else None
    kind: Kind = "system" if bucket.name.startswith("_") else "bucket"
    if mark is not None and mark.role != "live":
        kind = mark.role
    return BucketListing(
        name=bucket.name,
        id=bucket.id,
        retention_seconds=bucket.settings.retention_seconds,
        shard_duration_seconds=bucket.settings.shard_duration_seconds,
        description=bucket.settings.text,
        kind=kind,
        target=mark.target if mark else "",
        in_use=is_alive(bucket),
    )
