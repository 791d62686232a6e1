"""Whether a bucket that exists may be replaced.

Goes in: the bucket under the target's name and the user's ``--if-exists``. Comes out: nothing, or the
refusal that says why and what to do; and for a bucket that a load had filled, what has changed in it since.
"""

from __future__ import annotations

from importer.bucket.catalogue import Bucket
from importer.bucket.counting import count_distinct_values, count_values
from importer.bucket.schema import field_types
from importer.choices import IfExists
from importer.errors import BucketExistsError
from importer.server.connection import Server

__all__ = ["change_since_load", "check_replaceable"]

_WRITTEN_TO = "somebody has written to it since"


def check_replaceable(server: Server, live: Bucket | None, if_exists: IfExists) -> None:
    """Refuse to replace what the user has not asked to replace.

    Unasked (``auto``) only a bucket is replaced that the importer made and nobody wrote to since: its
    mark says how many values it holds, and it still holds that many.

    Args:
        server: the connection.
        live: the bucket under the target's name; None if there is none.
        if_exists: the user's choice.

    Raises:
        BucketExistsError: it may not be replaced.
        ServerError: the server did not answer the question.
    """
    if live is None or if_exists in {"replace", "append"}:
        return
    if if_exists == "fail":
        raise BucketExistsError(f"the bucket {live.name!r} exists; {_ways_out('replace it')}")
    mark = live.mark
    if mark is None or (mark.role, mark.target) != ("live", live.name) or mark.values is None:
        raise BucketExistsError(
            f"the bucket {live.name!r} exists and no load of the importer made it as it is, so it is not "
            f"replaced unasked; {_ways_out('replace all that it holds')}"
        )
    change = change_since_load(server, live.id, mark.values)
    if change:
        raise BucketExistsError(f"the bucket {live.name!r} {change}; {_ways_out('replace all that it holds')}")


def change_since_load(server: Server, bucket_id: str, loaded: int) -> str | None:
    """What somebody else has done to a bucket's values, if anything.

    Args:
        server: the connection.
        bucket_id: which bucket.
        loaded: the number of values that its load stored.

    Returns:
        The end of a sentence that begins with the bucket; None if it holds what its load stored.

    Raises:
        ServerError: the server did not answer the question.
    """
    # A count leaves out values of another type in another shard group; no load stores several of a field.
    for (measurement, field), types in field_types(server, bucket_id).items():
        if len(types) > 1:
            return f"has several types of {measurement}.{field} ({', '.join(sorted(types))}): {_WRITTEN_TO}"
    present = count_values(server, bucket_id)
    if present > loaded:
        present = count_distinct_values(server, bucket_id, enough=loaded)
    if present > loaded:
        # Such a count is not finished: it has proved enough.
        return f"holds more than {loaded} values where its last load stored {loaded}: {_WRITTEN_TO}"
    if present < loaded:
        return (
            f"holds {present} values where its last load stored {loaded}: "
            "points were deleted since, or its retention has removed them"
        )
    return None


def _ways_out(purpose: str) -> str:
    return f"say --if-exists replace to {purpose}, --if-exists append to add to it, or choose another --bucket"
