"""What follows a bucket's id, and so does not follow its name to the bucket that replaces it.

Goes in: the id of the bucket about to be replaced. Comes out: warnings for the user.
"""

from __future__ import annotations

from typing import Any

from importer.errors import TerminalServerError
from importer.server.connection import Server

__all__ = ["warnings_for_replacement"]

NOT_LOOKED_AT = (
    "this token may not list authorizations: tokens and replications that are limited to the replaced "
    "bucket, and labels that this token cannot see, were not looked for and do not follow to the new one"
)


def warnings_for_replacement(server: Server, old_id: str) -> list[str]:
    """Name the tokens and replications that will stand idle once this bucket is replaced.

    Never fails for want of a permission: a token that may not look makes a warning of its own.

    Args:
        server: the connection.
        old_id: id of the bucket that is replaced.

    Returns:
        Warnings; no token is ever in them, only descriptions and ids.

    Raises:
        TransientServerError: the server did not answer.
    """
    try:
        authorizations = server.call("GET", "/api/v2/authorizations")["authorizations"] or []
    except TerminalServerError:
        authorizations = []
    if not authorizations:
        # Without the permission the server answers with empty lists; with it a token sees at least itself.
        return [NOT_LOOKED_AT]
    warnings = [
        f"the token {_described(authorization)} is limited to the replaced bucket's id and has no access to "
        "the new one; make a new token"
        for authorization in authorizations
        if _is_limited_to(authorization, old_id)
    ]
    return warnings + _replication_warnings(server, old_id)


def _replication_warnings(server: Server, old_id: str) -> list[str]:
    query = {"orgID": server.org_id, "localBucketID": old_id}
    try:
        replications = server.call("GET", "/api/v2/replications", query=query)["replications"] or []
    except TerminalServerError as error:
        return [f"could not look for replications of the replaced bucket ({error})"]
    return [
        f"the replication {replication['name']!r} ({replication['id']}) follows the replaced bucket's id and "
        "does not copy the new one; create it again"
        for replication in replications
    ]


def _is_limited_to(authorization: dict[str, Any], bucket_id: str) -> bool:
    return any(
        permission["resource"].get("type") == "buckets" and permission["resource"].get("id") == bucket_id
        for permission in authorization.get("permissions") or ()
    )


def _described(authorization: dict[str, Any]) -> str:
    description = authorization.get("description")
    return f"{description!r} ({authorization['id']})" if description else str(authorization["id"])
