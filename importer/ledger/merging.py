"""Points in the order of their keys, and what the points of one key come to.

Goes in: files with ``series``, ``time``, ``position`` and the fields' columns, sorted by these three, or the
:class:`~importer.ledger.spool.Spool`. Comes out: chunks that never cut a key in two, and the merged points.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from importer.errors import SpoolError
from importer.records import FieldColumn

if TYPE_CHECKING:
    from importer.ledger.spool import Spool

__all__ = ["CHUNK_ROWS", "KEY", "merged", "merged_within", "whole_keys"]

CHUNK_ROWS = 100_000
KEY = ["series", "time"]


def whole_keys(path: Path) -> Iterator[pl.DataFrame]:
    """Chunks of the sorted points, never cutting a key in two."""
    total = pl.scan_parquet(path, glob=False).select(pl.len()).collect().item()
    held = pl.DataFrame()
    for offset in range(0, total, CHUNK_ROWS):
        chunk = pl.scan_parquet(path, glob=False).slice(offset, CHUNK_ROWS).collect()
        chunk = pl.concat([held, chunk]) if held.height else chunk
        last = chunk.tail(1)
        is_last = (chunk["series"] == last["series"].item()) & (chunk["time"] == last["time"].item())
        held = chunk.filter(is_last)
        yield chunk.filter(~is_last)
    yield held


def merged(chunk: pl.DataFrame, fields: tuple[FieldColumn, ...]) -> pl.DataFrame:
    """Per key the last value of each field, as the server holds it.

    Args:
        chunk: points in the order of their keys, and in input order within a key.
        fields: the fields.
    """
    return chunk.group_by(KEY, maintain_order=True).agg(pl.col(item.column).drop_nulls().last() for item in fields)


def merged_within(spool: Spool, start_ns: int, stop_ns: int) -> Iterator[pl.DataFrame]:
    """The merged points of a stretch of time: ``series``, ``time`` and the fields' columns, some at a time.

    Args:
        spool: the points.
        start_ns: first timestamp.
        stop_ns: first timestamp behind it.

    Raises:
        SpoolError: the disk is full.
    """
    import duckdb  # noqa: PLC0415 - most loads have nothing to ask it

    path = spool.folder / "within.parquet"
    columns = ", ".join([*KEY, "position", *(item.column for item in spool.fields)])
    target = str(path).replace("'", "''")
    try:
        with spool.database() as database:
            database.execute(
                f"COPY (SELECT {columns} FROM read_parquet($1, union_by_name = true) "  # noqa: S608 - names of our own
                f"WHERE time >= $2 AND time < $3 ORDER BY series, time, position) "
                f"TO '{target}' (FORMAT parquet, ROW_GROUP_SIZE {CHUNK_ROWS})",
                [spool.files, start_ns, stop_ns],
            )
        for chunk in whole_keys(path):
            if chunk.height:
                yield merged(chunk, spool.fields)
    except duckdb.Error as error:
        raise SpoolError(f"the points could not be read again: {error}") from error
    finally:
        path.unlink(missing_ok=True)
