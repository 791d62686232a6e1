"""Made-up points as CSV or line protocol.

Goes in: :class:`~importer.generating.points.Request`. Comes out: bytes, a block of points at a time; or a stream of CSV
that is made as it is read.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Final

import polars as pl

from importer.choices import Precision
from importer.encoding.line_protocol import body
from importer.errors import ConfigurationError
from importer.generating.points import POINTS_AT_ONCE, Made, Request
from importer.mapping.timestamps import PRECISION_NS
from importer.records import FieldType

__all__ = ["CsvStream", "csv_pieces", "line_protocol_pieces"]

_SUFFIXES: Final[dict[FieldType, str]] = {"integer": "i"}


def csv_pieces(request: Request, at_once: int = POINTS_AT_ONCE) -> Iterator[bytes]:
    """The CSV, its header first."""
    for number, made in enumerate(request.blocks(at_once)):
        if not number:
            yield (",".join(made.frame.columns) + "\n").encode()
        yield body(made.frame.select(pl.concat_str(pl.all(), separator=",").alias("line")).to_series())


def line_protocol_pieces(
    request: Request, precision: Precision = "ns", at_once: int = POINTS_AT_ONCE
) -> Iterator[bytes]:
    """The points as line protocol, in the order of the CSV.

    Raises:
        ConfigurationError: the times are finer than the precision.
    """
    shape, unit_ns = request.shape, PRECISION_NS[precision]
    if shape.unit_ns % unit_ns:
        raise ConfigurationError(f"the times of {shape.name} are finer than 1 {precision}: choose a finer precision")
    return (body(_lines(request, made, shape.unit_ns // unit_ns)) for made in request.blocks(at_once))


def _lines(request: Request, made: Made, units: int) -> pl.Series:
    """No name and no value of a shape has a sign that would have to be escaped."""
    shape = request.shape
    tags = sorted(set(made.frame.columns) - {shape.time, *shape.fields})
    parts: list[pl.Expr | pl.Series] = [pl.lit(shape.measurement)]
    for key in tags:
        parts += [pl.lit(f",{key}="), pl.col(key)]
    for place, (key, field) in enumerate(shape.fields.items()):
        parts += [pl.lit(f"{',' if place else ' '}{key}="), pl.col(key), pl.lit(_SUFFIXES.get(field.type, ""))]
    parts += [pl.lit(" "), pl.Series("at", made.times * units).cast(pl.String)]
    return made.frame.select(pl.concat_str(parts).alias("line")).to_series()


class CsvStream(io.RawIOBase):
    """The CSV of a request, made while it is read."""

    def __init__(self, request: Request) -> None:
        super().__init__()
        self._pieces = csv_pieces(request)
        self._left = memoryview(b"")

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fill a buffer as far as the next block of points does; 0 at the end."""
        if not self._left:
            self._left = memoryview(next(self._pieces, b""))
        size = min(len(buffer), len(self._left))
        buffer[:size] = self._left[:size]
        self._left = self._left[size:]
        return size
