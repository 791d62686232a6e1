"""How many values a bucket holds, over the whole time that the server can store.

Goes in: a bucket's id. Comes out: the number of field values: one per measurement, tags, field and time.
"""

from __future__ import annotations

from importer.limits import MAX_TIME_NS, MIN_TIME_NS
from importer.server.connection import Server
from importer.verification import counting

__all__ = ["count_distinct_values", "count_values"]


def count_values(server: Server, bucket_id: str) -> int:
    """The number of values as the server counts them.

    It may be too high (:func:`importer.verification.counting.count_values` says why): a number above the
    expected one is worth :func:`count_distinct_values`.

    Raises:
        ServerError: the server did not answer the question.
    """
    return counting.count_values(server, bucket_id, MIN_TIME_NS, MAX_TIME_NS + 1).total()


def count_distinct_values(server: Server, bucket_id: str, *, enough: int) -> int:
    """The number of values, each time of a series counted once; slower than :func:`count_values`.

    Args:
        server: the connection.
        bucket_id: which bucket.
        enough: counting ends with the first field that brings the sum above this number.

    Raises:
        ServerError: the server did not answer the question.
    """
    total = 0
    for name in counting.count_values(server, bucket_id, MIN_TIME_NS, MAX_TIME_NS + 1):
        total += counting.count_distinct(server, bucket_id, name, MIN_TIME_NS, MAX_TIME_NS + 1)
        if total > enough:
            break
    return total
