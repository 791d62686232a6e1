"""Whether a bucket that exists may be replaced.

Goes in: the bucket under the target's name and the user's ``--if-exists``. Comes out: nothing, or the
refusal that says why and what to do.
"""

from __future__ import annotations

from typing import Literal

from importer.bucket.catalogue import Bucket
from importer.bucket.counting import count_distinct_values, count_values
from importer.errors import BucketExistsError
from importer.server.connection import Server

__all__ = ["IfExists", "check_replaceable"]

IfExists = Literal["auto", "replace", "append", "fail"]


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
    loaded = mark.values
    present = count_values(server, live.id)
    if present > loaded:
        present = count_distinct_values(server, live.id, enough=loaded)
    if present != loaded:
        reason = (
            "somebody has written to it since"
            if present > loaded
            else "points were deleted since, or its retention has removed them"
        )
        # A count that is above what was loaded is not finished: it has proved enough.
        number = f"more than {loaded}" if present > loaded else str(present)
        raise BucketExistsError(
            f"the bucket {live.name!r} holds {number} values where its last load stored {loaded}: {reason}; "
            f"{_ways_out('replace all that it holds')}"
        )


def _ways_out(purpose: str) -> str:
    return f"say --if-exists replace to {purpose}, --if-exists append to add to it, or choose another --bucket"
