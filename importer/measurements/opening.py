"""The bucket that a writer writes to.

Goes in: its name. Comes out: the bucket, and the types that its fields have.
"""

from __future__ import annotations

import functools
import logging

from importer.bucket import catalogue
from importer.bucket.catalogue import Bucket, NameTakenError
from importer.bucket.names import check_target
from importer.bucket.schema import field_types
from importer.bucket.settings import BucketSettings
from importer.errors import AuthorizationError, NotFoundError
from importer.mapping.careful import Types
from importer.server.connection import Server

__all__ = ["opened_bucket", "types_in"]

log = logging.getLogger(__name__)


def opened_bucket(server: Server, name: str, *, create: bool) -> Bucket:
    """The bucket; one that a load has filled is no longer taken for what that load made.

    Args:
        server: the connection, with patience.
        name: the bucket's.
        create: make it if there is none.

    Raises:
        ConfigurationError: no bucket can have this name.
        NotFoundError: there is none, and it is not to be made.
        ServerError: the server refused or did not answer.
    """
    check_target(name)
    found = server.patiently(lambda: catalogue.find(server, name))
    if found is None and create:
        try:
            return server.patiently(lambda: catalogue.create(server, name, BucketSettings(), None))
        except NameTakenError:  # by another program, at this moment
            found = server.patiently(lambda: catalogue.find(server, name))
    if found is None:
        raise NotFoundError(
            f"there is no bucket {name!r}, or the token may not read it: make it first, or let the writer make it "
            "(create=True)",
            status=404,
        )
    if found.mark is not None and (found.mark.role, found.mark.phase) == ("live", "done"):
        server.patiently(functools.partial(catalogue.update, server, found.id, found.settings.text, None))
    return found


def types_in(server: Server, bucket_id: str) -> Types:
    """The types that fields have already; a field that has several decides itself as it is written.

    Raises:
        ServerError: the server did not answer the question.
    """
    try:
        known = field_types(server, bucket_id)
    except AuthorizationError:
        log.info("the token may not read the types of the fields: the server will judge them one by one")
        return {}
    return {name: next(iter(kinds)) for name, kinds in known.items() if len(kinds) == 1}
