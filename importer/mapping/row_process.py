"""What a process does that maps rows: it calls a person's row function on the rows of a block.

See :mod:`importer.mapping.processes` for the other end.
"""

from __future__ import annotations

from collections.abc import Sequence

from importer.choices import Precision
from importer.mapping.rows import RowMapper, load_function
from importer.records import FieldType, PointBatch, Table

__all__ = ["mapped"]

Types = Sequence[tuple[str, str, FieldType]]


def mapped(name: str, precision: Precision, table: Table, types: Types) -> tuple[PointBatch, Types]:
    """Map a block's rows.

    Args:
        name: of the function, ``package.module:function``.
        precision: finer timestamps are faults.
        table: the rows.
        types: that are decided so far.

    Returns:
        The points, and the types that they decide.

    Raises:
        MappingError: the function cannot be imported, or gave something that is no ``Point``.
    """
    mapper = RowMapper(load_function(name), precision=precision)
    mapper.decide(types)
    return mapper(table), mapper.decided[len(types) :]
