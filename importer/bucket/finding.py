"""The bucket that somebody means.

Goes in: a name or an id. Comes out: the bucket, or an error with the names that may have been meant.
"""

from __future__ import annotations

from importer.bucket import catalogue
from importer.bucket.catalogue import Bucket
from importer.bucket.names import STAGING_SUFFIX
from importer.errors import ConfigurationError, NotFoundError
from importer.mapping.header import nearest
from importer.server.connection import Server

__all__ = ["find_bucket"]

MOST_LISTED = 12


def find_bucket(server: Server, name: str | None, bucket_id: str | None = None) -> Bucket:
    """The bucket of a name or of an id; asked for as long as the server's patience lasts.

    Raises:
        ConfigurationError: neither or both are given.
        NotFoundError: there is none; names the nearest.
    """
    if (name is None) == (bucket_id is None):
        raise ConfigurationError("name one bucket, either by its name or by its id")
    if name is None:
        found = server.patiently(lambda: catalogue.get(server, str(bucket_id))) if _is_id(str(bucket_id)) else None
        if found is None:
            raise NotFoundError(f"there is no bucket of the id {bucket_id!r}", status=404)
        return found
    found = server.patiently(lambda: catalogue.find(server, name))
    if found is None:
        known = sorted(bucket.name for bucket in server.patiently(lambda: list(catalogue.all_buckets(server))))
        raise NotFoundError(f"there is no bucket {name!r}; {_meant(name, known)}", status=404)
    return found


def _is_id(text: str) -> bool:
    return len(text) == 16 and all(sign in "0123456789abcdef" for sign in text)  # noqa: PLR2004 - as all its ids are


def _meant(name: str, known: list[str]) -> str:
    of_users = [each for each in known if not each.startswith("_") and not each.endswith(STAGING_SUFFIX)]
    near = nearest(name, of_users) or nearest(name, known)
    if near:
        return f"did you mean {' or '.join(map(repr, near))}?"
    if not of_users:
        return "there is none that this token may read"
    more = f", … ({len(of_users)} in all)" if len(of_users) > MOST_LISTED else ""
    return f"there are: {', '.join(map(repr, of_users[:MOST_LISTED]))}{more}"
