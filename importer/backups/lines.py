"""Points that were read from a bucket, as line protocol that writes them again.

Goes in: pieces of series as they come. Comes out: the lines, in parts that can be sent by themselves; and whether they
say all that was read, because not all that a server may hold can be written in line protocol.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl

from importer.backups.values import Fields
from importer.bucket.influxql import Piece
from importer.encoding.line_protocol import LineEncoder, body
from importer.encoding.series import SeriesIndex
from importer.limits import key_trouble
from importer.mapping.values import DTYPES
from importer.records import Block, FieldColumn, PointBatch, TagColumn

__all__ = ["LinesWriter"]

ROWS_AT_ONCE = 20_000
BYTES_AT_ONCE = 8 << 20


class LinesWriter:
    """Writes points as lines, some megabytes at a time.

    Args:
        write: takes a part.

    Attributes:
        is_faithful: False if something cannot be written as it is stored: the lines are of no use then.
    """

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self.is_faithful = True
        self._write = write
        self._fields: Fields = ()
        self._empty()

    def _empty(self) -> None:
        self._pieces: list[Piece] = []
        self._rows = self._bytes = 0

    def take(self, fields: Fields, piece: Piece) -> None:
        """Some points of one series; the fields are those of its rows."""
        if fields != self._fields:
            self.flush()
            self._fields = fields
        self._pieces.append(piece)
        self._rows += len(piece.rows)
        self._bytes += piece.size_bytes
        if self._rows >= ROWS_AT_ONCE or self._bytes >= BYTES_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Write what has been taken."""
        pieces, fields = self._pieces, self._fields
        self._empty()
        keys = sorted({key for piece in pieces for key, value in piece.tags.items() if value})
        self.is_faithful = self.is_faithful and not (
            any(piece.not_utf8 for piece in pieces)
            or any(key_trouble("tag", key) for key in keys)
            or any(key_trouble("field", key) for key, _ in fields)
        )
        if not pieces or not self.is_faithful:
            return
        tags = tuple(TagColumn(key, f"tag:{key}", key) for key in keys)
        columns = tuple(FieldColumn(key, kind, f"field:{key}", key) for key, kind in fields)
        frame = _frame(pieces, tags, columns)
        block = Block("", 0, 0, 1, b"", frame.height, "none", ())
        lines = LineEncoder(SeriesIndex(frame.height))(PointBatch(block, frame, tags, columns, (), {}, frame.height, 0))
        self.is_faithful = not lines.faults
        self._write(body(lines.frame["line"]))


def _frame(pieces: list[Piece], tags: tuple[TagColumn, ...], fields: tuple[FieldColumn, ...]) -> pl.DataFrame:
    """Points as a mapper gives them."""
    times, *columns = zip(*(row for piece in pieces for row in piece.rows), strict=True)

    def repeated(values: list[str | None]) -> list[str | None]:
        return [value for value, piece in zip(values, pieces, strict=True) for _ in piece.rows]

    return pl.DataFrame(
        [
            pl.Series("measurement", repeated([piece.measurement for piece in pieces]), dtype=pl.String),
            pl.Series("time", times, dtype=pl.Int64),
            pl.int_range(0, len(times), dtype=pl.UInt32, eager=True).alias("record"),
            *(
                pl.Series(tag.column, repeated([piece.tags.get(tag.key) or None for piece in pieces]), dtype=pl.String)
                for tag in tags
            ),
            *(_typed(field, values) for field, values in zip(fields, columns, strict=True)),
        ]
    )


def _typed(field: FieldColumn, values: tuple[Any, ...]) -> pl.Series:
    if field.type == "float":  # JSON has whole numbers of any size among them
        values = tuple(None if value is None else float(value) for value in values)
    return pl.Series(field.column, values, dtype=DTYPES[field.type])
