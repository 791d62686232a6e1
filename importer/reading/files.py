"""Rows to a file's text or bytes: CSV, Parquet, line protocol, JSON.

Goes in: parts, and the columns of all of them. Comes out: what is written to an open binary file, part by part.
"""

from __future__ import annotations

import json
from typing import Any, BinaryIO, Final, Literal, Protocol

import polars as pl

from importer.encoding.line_protocol import LineEncoder, body
from importer.encoding.series import SeriesIndex
from importer.errors import ConfigurationError, ImporterError
from importer.reading.columns import MEASUREMENT, TIME, Columns
from importer.reading.points import Part
from importer.records import Block, PointBatch
from importer.streams import write_all

__all__ = ["ENDINGS", "FORMATS", "FileFormat", "Writer", "escaped_formulas", "time_as_text", "writer"]

FileFormat = Literal["csv", "parquet", "lp", "json"]
FORMATS: Final[tuple[FileFormat, ...]] = ("csv", "parquet", "lp", "json")
ENDINGS: Final[dict[str, FileFormat]] = {
    ".csv": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".lp": "lp",
    ".line": "lp",
    ".json": "json",
}
"""What a file's name says of its format."""

# What spreadsheets take for the beginning of a formula.
_FORMULA = r"^[=+\-@\t\r]"


class Writer(Protocol):
    """Writes one file."""

    def write(self, part: Part) -> None:
        """Write a part's rows."""

    def end(self) -> None:
        """Write what stands at the end; the file stays open."""


def writer(kind: FileFormat, file: BinaryIO, columns: Columns, *, escape_formulas: bool = False) -> Writer:
    """What writes a file of this format.

    Args:
        kind: the format.
        file: is written to.
        columns: of all parts.
        escape_formulas: put an apostrophe before texts that a spreadsheet would take for a formula (CSV).

    Raises:
        ConfigurationError: the format has no formulas to escape.
    """
    if escape_formulas and kind != "csv":
        raise ConfigurationError(f"only CSV is opened by spreadsheets that obey formulas: leave that out for {kind}")
    if kind == "csv":
        return _Csv(file, columns, escape_formulas=escape_formulas)
    if kind == "parquet":
        return _Parquet(file, columns)
    return _Lines(file) if kind == "lp" else _Json(file, columns)


def time_as_text(frame: pl.DataFrame) -> pl.DataFrame:
    """The same frame with its times as RFC 3339, with as many digits as each needs."""
    return frame.with_columns(frame[TIME].dt.to_string("%Y-%m-%dT%H:%M:%S%.fZ"))


def escaped_formulas(texts: pl.Series) -> pl.Series:
    """An apostrophe before what a spreadsheet would take for a formula."""
    risky = texts.str.contains(_FORMULA)
    return texts if not risky.any() else texts.zip_with(~risky, "'" + texts).alias(texts.name)


class _Csv:
    """A header, then a line per row; a missing value is nothing, an empty text is ``""``."""

    def __init__(self, file: BinaryIO, columns: Columns, *, escape_formulas: bool) -> None:
        self._file, self._columns, self._escapes = file, columns, escape_formulas
        self.has_escaped = False
        names = pl.Series(columns.names)
        header = self._escaped(names) if escape_formulas else names
        self._names = header.to_list()
        # Of a frame whose names are numbers, so that no two can clash once they are escaped.
        row = pl.DataFrame({str(number): [name] for number, name in enumerate(self._names)})
        write_all(file, _csv(row))

    def write(self, part: Part) -> None:
        frame = time_as_text(self._columns.shaped(part))
        if self._escapes:
            frame = pl.DataFrame(
                [self._escaped(each) if each.dtype == pl.String else each for each in frame.get_columns()]
            )
        write_all(self._file, _csv(frame))

    def end(self) -> None:
        pass

    def _escaped(self, texts: pl.Series) -> pl.Series:
        made = escaped_formulas(texts)
        self.has_escaped |= made is not texts
        return made


def _csv(frame: pl.DataFrame) -> bytes:
    return frame.write_csv(include_header=False).encode()


class _Parquet:
    """One row group a part."""

    def __init__(self, file: BinaryIO, columns: Columns) -> None:
        import pyarrow.parquet as pq  # noqa: PLC0415 - heavy

        self._columns = columns
        self._schema: Any = columns.empty.to_arrow().schema
        self._writer: Any = pq.ParquetWriter(file, self._schema, compression="zstd")

    def write(self, part: Part) -> None:
        self._writer.write_table(self._columns.shaped(part).to_arrow().cast(self._schema))

    def end(self) -> None:
        self._writer.close()


class _Lines:
    """Line protocol, in nanoseconds, as a load would write it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, part: Part) -> None:
        layout, height = part.layout, part.frame.height
        frame = part.frame.with_columns(
            pl.Series([layout.measurement]).new_from_index(0, height).alias("measurement"),
            pl.int_range(0, height, dtype=pl.UInt32, eager=True).alias("record"),
        )
        block = Block(layout.measurement, 0, 0, 1, b"", height, "none", ())
        lines = LineEncoder(SeriesIndex(height))(
            PointBatch(block, frame, layout.tags, layout.fields, (), {}, height, 0)
        )
        if lines.faults:
            raise ImporterError(
                f"a point of {layout.measurement!r} cannot be written as line protocol: {lines.faults[0].message}; "
                "take CSV or Parquet"
            )
        write_all(self._file, body(lines.frame["line"]))

    def end(self) -> None:
        pass


class _Json:
    """A list of objects, one a line."""

    def __init__(self, file: BinaryIO, columns: Columns) -> None:
        self._file, self._columns = file, columns
        self._before = b"["

    def write(self, part: Part) -> None:
        for row in time_as_text(self._columns.shaped(part)).iter_rows(named=True):
            given = {name: value for name, value in row.items() if value is not None or name in (TIME, MEASUREMENT)}
            write_all(self._file, self._before + b"\n" + json.dumps(given, ensure_ascii=False).encode())
            self._before = b","

    def end(self) -> None:
        write_all(self._file, b"[]\n" if self._before == b"[" else b"\n]\n")
