"""Rows as text in, points as dictionaries out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from importer.mapping.columns import ColumnMapper
from importer.mapping.rows import RowMapper
from importer.mapping.spec import Mapping
from importer.records import Block, PointBatch, Table
from importer.source.table import to_table

TIME: dict[str, Any] = {"column": "t", "format": "unix_ns"}


def table(text: str, mapper: ColumnMapper | RowMapper, number: int = 0) -> Table:
    """A block of the text, whose first line is the header."""
    header, _, rows = text.partition("\n")
    data = rows.encode()
    quoting: Any = "stray" if b'"' in data else "none"
    records = data.count(b"\n")
    columns = tuple(header.split(","))
    block = Block("in.csv", number, len(header) + 1, 2, data, records, quoting, columns)
    return to_table(block, mapper.wanted_columns(columns, "in.csv"))


def column_mapper(*, measurement: Any = "m", time: Any = None, precision: Any = "ns", **parts: Any) -> ColumnMapper:
    raw = {"measurement": measurement, "time": time or TIME, "fields": {"v": {"column": "v", "type": "float"}}} | parts
    return ColumnMapper(Mapping.from_dict(raw), precision=precision)


def row_mapper(function: Callable[[dict[str, str]], Any], precision: Any = "ns") -> RowMapper:
    return RowMapper(function, precision=precision)


def points(batch: PointBatch) -> list[dict[str, Any]]:
    """Each point: its record, measurement, time, tags and fields, as far as they have a value."""
    return [
        {"record": row["record"], "measurement": row["measurement"], "time": row["time"]}
        | {tag.key: row[tag.column] for tag in batch.tags if row[tag.column]}
        | {field.key: row[field.column] for field in batch.fields if row[field.column] is not None}
        for row in batch.frame.iter_rows(named=True)
    ]


def faults(batch: PointBatch) -> list[tuple[int, str, str, str]]:
    return sorted((fault.record, fault.column, fault.error_type, fault.message) for fault in batch.faults)


def adds_up(batch: PointBatch) -> bool:
    """Every record of the block is mapped, skipped or at fault, once."""
    return batch.block.records == batch.rows_mapped + batch.rows_faulty + sum(batch.skipped.values())
