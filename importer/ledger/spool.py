"""The acknowledged points of a load, kept on disk until its duplicates are known.

One Parquet file per block, written after the server has acknowledged it: series number, time, position in
the input, and the values. It grows with the input, on disk; memory does not.
"""

from __future__ import annotations

import glob
import io
import shutil
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from importer.errors import SpoolError
from importer.ledger.key_ranges import KeyRanges
from importer.records import FieldColumn, FieldType

if TYPE_CHECKING:
    import duckdb

__all__ = ["Spool"]

MEMORY_LIMIT = "128MB"

Spooled = tuple[int, int]
"""Length (bytes) and CRC-32 of a block's file."""


class Spool:
    """A folder of files; whoever made the folder removes it.

    Args:
        folder: made if it is not there.

    Attributes:
        folder: the folder.
        fields: the fields seen so far; ``column`` is the name in the files, ``f0``, ``f1``, …
        rows: points kept.
        ranges: in which times each series has points.

    Raises:
        SpoolError: it cannot be written.
    """

    suffix = "parquet"

    def __init__(self, folder: Path) -> None:
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise SpoolError(
                f"cannot keep the accounts in {str(folder)!r}: {error.strerror}; name another folder by --state-dir"
            ) from error
        self.folder = folder
        self.rows = 0
        self.ranges = KeyRanges()
        self._spans: dict[int, tuple[int, int]] = {}
        self._database: duckdb.DuckDBPyConnection | None = None
        self._columns: dict[tuple[str, FieldType], FieldColumn] = {}

    @property
    def fields(self) -> tuple[FieldColumn, ...]:
        """The fields seen so far, by the columns of the files."""
        return tuple(self._columns.values())

    @property
    def files(self) -> str:
        """A glob of the files; the folder's own name stands for itself."""
        return f"{glob.escape(str(self.folder))}/block-*.parquet"

    def database(self) -> duckdb.DuckDBPyConnection:
        """A DuckDB for questions about the files; it spills into the folder rather than take much memory."""
        import duckdb  # noqa: PLC0415 - most loads have nothing to ask it

        database = self._database = duckdb.connect()
        database.execute(f"SET memory_limit = '{MEMORY_LIMIT}'")
        database.execute("SET threads = 2")
        database.execute("SET preserve_insertion_order = false")
        database.execute("SET temp_directory = $1", [str(self.folder / "duckdb")])
        return database

    def break_off(self) -> None:
        """End the question that is under way, from any thread: it raises ``duckdb.InterruptException``."""
        if self._database is not None:
            self._database.interrupt()

    def append(self, block: int, points: pl.DataFrame, fields: Sequence[FieldColumn]) -> Spooled | None:
        """Keep a block's points.

        Args:
            block: its number.
            points: ``series``, ``time`` and the fields' columns, sorted by key, points of a key in input order.
            fields: the fields.

        Returns:
            What tells later whether the file is whole; None for no points.

        Raises:
            SpoolError: it cannot be written.
        """
        if points.is_empty():
            return None
        kept = points.select(
            "series",
            "time",
            (pl.int_range(points.height, dtype=pl.Int64) + (block << 32)).alias("position"),
            *(pl.col(field.column).alias(self._column(field)) for field in fields),
        )
        data = self._encoded(block, kept)
        try:
            self._file(block).write_bytes(data)
        except OSError as error:
            raise SpoolError(
                f"cannot keep the accounts in {str(self.folder)!r}: {error.strerror}; "
                "make room, or name another folder by --state-dir"
            ) from error
        self._note(block, points)
        return len(data), zlib.crc32(data)

    def columns_since(self, number: int) -> list[tuple[str, FieldType, str]]:
        """Key, type and origin of each column of the files from this number on."""
        return [(field.key, field.type, field.origin) for field in self.fields[number:]]

    def restore(self, columns: Iterable[tuple[str, FieldType, str]], blocks: Mapping[int, Spooled | None]) -> set[int]:
        """Go on with the files of an earlier run.

        They are not forced to the disk while the load runs, so that a power cut may have cost some.

        Args:
            columns: key, type and origin, as :meth:`columns_since` gave them.
            blocks: what :meth:`append` gave for each block; files of others are removed.

        Returns:
            The blocks whose file is not whole.
        """
        for key, kind, origin in columns:
            self._column(FieldColumn(key, kind, "", origin))
        lost = {block for block, spooled in blocks.items() if spooled and not _is_whole(self._file(block), spooled)}
        kept = {self._file(block) for block, spooled in blocks.items() if spooled and block not in lost}
        shutil.rmtree(self.folder / "duckdb", ignore_errors=True)  # what was spilled
        for path in self.folder.glob(f"*.{self.suffix}"):
            if path not in kept:
                path.unlink()
        return lost

    def points(self, block: int) -> pl.DataFrame:
        """A block's points of an earlier run, counted from now on: ``series``, ``time`` and the fields' columns."""
        points = self._decoded(block)
        self._note(block, points)
        return points

    def files_within(self, start_ns: int, stop_ns: int) -> list[str]:
        """The files that have points from one time to before another one."""
        spans = sorted(self._spans.items())
        return [str(self._file(block)) for block, (low, high) in spans if low < stop_ns and high >= start_ns]

    def _encoded(self, block: int, points: pl.DataFrame) -> memoryview:  # noqa: ARG002 - for others
        file = io.BytesIO()
        points.write_parquet(file, compression="lz4", statistics=False)
        return file.getbuffer()

    def _decoded(self, block: int) -> pl.DataFrame:
        return pl.read_parquet(self._file(block), glob=False)

    def _note(self, block: int, points: pl.DataFrame) -> None:
        series, times = points["series"].to_numpy(), points["time"].to_numpy()
        self.rows += points.height
        self.ranges.add(series, times)
        self._spans[block] = int(times.min()), int(times.max())

    def _file(self, block: int) -> Path:
        return self.folder / f"block-{block:09}.{self.suffix}"

    def _column(self, field: FieldColumn) -> str:
        known = self._columns.get((field.key, field.type))
        if known is None:
            known = FieldColumn(field.key, field.type, f"f{len(self._columns)}", field.origin)
            self._columns[field.key, field.type] = known
        return known.column


def _is_whole(path: Path, spooled: Spooled) -> bool:
    try:
        data = path.read_bytes()
    except OSError:
        return False
    return (len(data), zlib.crc32(data)) == spooled
