"""The fields that a bucket holds already, with their types.

Goes in: a bucket's id. Comes out: the type of each measurement's fields. A load that appends must keep to
them: a field that has another type in another shard group is accepted by the server, and then lost by Flux.
"""

from __future__ import annotations

from typing import Final

from importer.limits import MAX_TIME_NS, MIN_TIME_NS
from importer.records import FieldType
from importer.server.connection import Server, translated

__all__ = ["field_types"]

# The first value of each series and field, without the values of other fields beside it.
_FIRST: Final = """from(bucketID: bucket_id) |> range(start: time(v: start), stop: time(v: stop))
    |> first() |> keep(columns: ["_measurement", "_field", "_value"])"""
_FLUX_TYPES: Final[dict[str, FieldType]] = {
    "double": "float",
    "long": "integer",
    "unsignedLong": "unsigned",
    "boolean": "boolean",
    "string": "string",
}


def field_types(server: Server, bucket_id: str) -> dict[tuple[str, str], set[FieldType]]:
    """The types of each field by measurement and field key; more than one is a fault in the bucket.

    Raises:
        ServerError: the server did not answer the question.
    """
    params = {"bucket_id": bucket_id, "start": MIN_TIME_NS, "stop": MAX_TIME_NS}
    with translated():
        tables = server.client.query_api().query(_FIRST, params=params)
    types: dict[tuple[str, str], set[FieldType]] = {}
    for table in tables:
        kind = next(column.data_type for column in table.columns if column.label == "_value")
        for record in table.records:
            types.setdefault((record["_measurement"], record["_field"]), set()).add(_FLUX_TYPES[kind])
    return types
