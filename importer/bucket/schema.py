"""The fields that a bucket holds already, with their types.

Goes in: a bucket's id. Comes out: the types of each measurement's fields. The server takes a field that has
another type in another shard group, and then Flux reads and counts only a part of it, without an error. So
the question goes to the index, by way of InfluxQL: it names every type, in milliseconds whatever the number of
shard groups. (Flux would have to be asked once for each shard group, and would still see one type only in a
bucket whose shard duration was changed.)
"""

from __future__ import annotations

from typing import Final

from importer.bucket.dbrp import influxql_name
from importer.errors import RequestRefusedError
from importer.records import FieldType
from importer.server.connection import Server

__all__ = ["field_types"]

_TYPES: Final[dict[str, FieldType]] = {
    "float": "float",
    "integer": "integer",
    "unsigned": "unsigned",
    "boolean": "boolean",
    "string": "string",
}


def field_types(server: Server, bucket_id: str) -> dict[tuple[str, str], set[FieldType]]:
    """The types of each field by measurement and field key; more than one is a fault in the bucket.

    Raises:
        ServerError: the server did not answer the question.
    """
    return server.patiently(lambda: _asked_once(server, bucket_id))


def _asked_once(server: Server, bucket_id: str) -> dict[tuple[str, str], set[FieldType]]:
    with influxql_name(server, bucket_id) as (database, policy):
        query = {"db": database, "rp": policy, "q": "SHOW FIELD KEYS"}
        (result,) = server.call("GET", "/query", query=query)["results"]
    if "error" in result:
        raise RequestRefusedError(f"the server does not tell the types of the fields: {result['error']}")
    types: dict[tuple[str, str], set[FieldType]] = {}
    for measurement in result.get("series", ()):
        for field, kind in measurement["values"]:
            types.setdefault((measurement["name"], field), set()).add(_TYPES[kind])
    return types
