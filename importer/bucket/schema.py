"""The fields that a bucket holds already, with their types.

Goes in: a bucket's id. Comes out: the types of each measurement's fields. The server takes a field that has
another type in another shard group, and then Flux reads and counts only a part of it, without an error. So
the question goes to the index, by way of InfluxQL: it names every type, in milliseconds whatever the number of
shard groups. (Flux would have to be asked once for each shard group, and would still see one type only in a
bucket whose shard duration was changed.)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from importer.bucket.influxql import Piece, asked
from importer.records import FieldType
from importer.server.connection import Server

__all__ = ["FIELD_KEYS", "field_types", "types_in"]

FIELD_KEYS = "SHOW FIELD KEYS"

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
    with asked(server, bucket_id) as asking:
        return types_in(asking.rows(FIELD_KEYS))


def types_in(answer: Iterable[Piece]) -> dict[tuple[str, str], set[FieldType]]:
    """The same, out of what the server answers to :data:`FIELD_KEYS`."""
    types: dict[tuple[str, str], set[FieldType]] = {}
    for piece in answer:
        for field, kind in piece.rows:
            types.setdefault((piece.measurement, field), set()).add(_TYPES[kind])
    return types
