"""DBRP mappings: the database names by which InfluxQL reaches a bucket.

Goes in: bucket ids and the explicit mappings that the old bucket had. Comes out: the same mappings for the
new bucket, and a warning for each that could not be carried. A mapping names its bucket by id and cannot be
given another, so it is deleted and made again; the swap's mark remembers it meanwhile. For the importer's own
questions: a database name that leads to one bucket for certain.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from importer.bucket.mark import DatabaseMapping
from importer.errors import AuthorizationError, NotFoundError, RequestRefusedError, ServerError
from importer.server.connection import Server

__all__ = ["explicit_mappings", "influxql_name", "leads_to", "move_mappings"]

log = logging.getLogger(__name__)

PATH = "/api/v2/dbrps"


def explicit_mappings(server: Server, bucket_id: str) -> tuple[DatabaseMapping, ...]:
    """The mappings that somebody made for this bucket; the server's own follow its name by themselves."""
    return tuple(
        DatabaseMapping(entry["database"], entry["retention_policy"], entry["default"])
        for entry in _entries(server, {"bucketID": bucket_id})
        if not entry["virtual"] and not _is_for_a_question(entry, bucket_id)
    )


@contextmanager
def influxql_name(server: Server, bucket_id: str) -> Iterator[tuple[str, str]]:
    """A database and retention policy by which InfluxQL reaches this very bucket.

    The server itself maps a bucket's name, but an explicit mapping of that name goes before it, and the
    buckets ``birds`` and ``birds/autogen`` share one. A bucket that has no name of its own gets one for the
    time of the question, which no other question uses: each removes its own.

    Raises:
        ServerError: the server refused or did not answer.
    """
    own = f"{_prefix(bucket_id)}-{secrets.token_hex(6)}"
    entry = server.patiently(lambda: _leading_to(server, bucket_id, own))
    try:
        yield entry["database"], entry["retention_policy"]
    finally:
        if entry["database"] == own:
            try:
                server.patiently(lambda: _delete(server, entry["id"]))
            except ServerError as error:  # what was asked is known all the same
                log.warning(
                    "warning: the database name %s, made for a question, could not be removed (%s): remove the DBRP "
                    "mapping %s, such as by influx v1 dbrp delete",
                    entry["database"],
                    error,
                    entry["id"],
                )


def leads_to(server: Server, bucket_id: str, database: str, policy: str) -> bool:
    """Whether a database and retention policy lead to this bucket, and to no other."""
    namesakes = _entries(server, {"db": database, "rp": policy})
    return {entry["bucketID"] for entry in namesakes} == {bucket_id}


def _leading_to(server: Server, bucket_id: str, own: str) -> dict[str, Any]:
    """A mapping that leads to this bucket and to no other; made under a name of its own, where there is none."""
    for entry in _entries(server, {"bucketID": bucket_id}):
        database, policy = entry["database"], entry["retention_policy"]
        is_lasting = not _is_for_a_question(entry, bucket_id)
        if database == own or (is_lasting and leads_to(server, bucket_id, database, policy)):
            return entry
    return _create(server, DatabaseMapping(own, "autogen", default=True), bucket_id)


def move_mappings(server: Server, mappings: Iterable[DatabaseMapping], old_id: str | None, new_id: str) -> list[str]:
    """Make each mapping name the new bucket. Done again, it does nothing.

    Args:
        server: the connection.
        mappings: those of the old bucket.
        old_id: the old bucket; None or gone is fine.
        new_id: the new bucket.

    Returns:
        A warning for each mapping that does not name the new bucket.
    """
    warnings = []
    for mapping in mappings:
        try:
            _move(server, mapping, old_id, new_id)
        except (AuthorizationError, RequestRefusedError) as error:
            warnings.append(
                f"the DBRP mapping {mapping.database}/{mapping.retention_policy} could not be carried over "
                f"({error}); create it for the new bucket, else InfluxQL clients do not find the data"
            )
    return warnings


def _move(server: Server, mapping: DatabaseMapping, old_id: str | None, new_id: str) -> None:
    found = [
        entry
        for entry in _entries(server, {"db": mapping.database, "rp": mapping.retention_policy})
        if not entry["virtual"]
    ]
    if any(entry["bucketID"] == new_id for entry in found):
        return
    for entry in found:
        if entry["bucketID"] == old_id:
            _delete(server, entry["id"])
    _create(server, mapping, new_id)


def _prefix(bucket_id: str) -> str:
    return f"importer-{bucket_id}"


def _is_for_a_question(entry: dict[str, Any], bucket_id: str) -> bool:
    """Whether it will be removed soon, by whoever made it; or was left behind."""
    return str(entry["database"]).startswith(_prefix(bucket_id))


def _create(server: Server, mapping: DatabaseMapping, bucket_id: str) -> dict[str, Any]:
    body = {
        "orgID": server.org_id,
        "bucketID": bucket_id,
        "database": mapping.database,
        "retention_policy": mapping.retention_policy,
        "default": mapping.default,
    }
    created: dict[str, Any] = server.call("POST", PATH, body=body)
    return created


def _entries(server: Server, query: dict[str, str]) -> list[dict[str, Any]]:
    answer = server.call("GET", PATH, query={"orgID": server.org_id, **query})
    return list(answer["content"] or ())


def _delete(server: Server, mapping_id: str) -> None:
    try:
        server.call("DELETE", f"{PATH}/{mapping_id}", query={"orgID": server.org_id})
    except NotFoundError:
        return
