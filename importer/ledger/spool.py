"""The acknowledged points of a load, kept on disk until its duplicates are known.

One Parquet file per block, written after the server has acknowledged it: series number, time, position in
the input, and the values. It grows with the input, on disk; memory does not.
"""

from __future__ import annotations

import fcntl
import glob
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import duckdb
import polars as pl

from importer.errors import SpoolError
from importer.records import FieldColumn, FieldType

__all__ = ["Spool"]

MEMORY_LIMIT = "128MB"

PREFIX, LOCK = "spool-", "lock"


class Spool:
    """A folder of its own below the state folder, removed at the end; what killed loads left there goes, too.

    Args:
        state_dir: where the folder is made.

    Attributes:
        folder: the folder.
        fields: the fields seen so far; ``column`` is the name in the files, ``f0``, ``f1``, …
        rows: points kept.

    Raises:
        SpoolError: it cannot be written.
    """

    def __init__(self, state_dir: Path) -> None:
        try:
            state_dir.mkdir(parents=True, exist_ok=True)
            _remove_leftovers(state_dir)
            self.folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=state_dir))
            self._lock = _locked(self.folder / LOCK)
        except OSError as error:
            raise SpoolError(
                f"cannot keep the accounts in {str(state_dir)!r}: {error.strerror}; name another folder by --state-dir"
            ) from error
        self.rows = 0
        self._columns: dict[tuple[str, FieldType], FieldColumn] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)

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
        database = duckdb.connect()
        database.execute(f"SET memory_limit = '{MEMORY_LIMIT}'")
        database.execute("SET threads = 2")
        database.execute("SET preserve_insertion_order = false")
        database.execute("SET temp_directory = $1", [str(self.folder / "duckdb")])
        return database

    def append(self, block: int, points: pl.DataFrame, fields: Sequence[FieldColumn]) -> None:
        """Keep a block's points.

        Args:
            block: its number.
            points: ``series``, ``time`` and the fields' columns, sorted by key, points of a key in input order.
            fields: the fields.
        """
        if points.is_empty():
            return
        kept = points.select(
            "series",
            "time",
            (pl.int_range(points.height, dtype=pl.Int64) + (block << 32)).alias("position"),
            *(pl.col(field.column).alias(self._column(field)) for field in fields),
        )
        try:
            kept.write_parquet(self.folder / f"block-{block:09}.parquet", compression="lz4", statistics=True)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise SpoolError(
                f"cannot keep the accounts in {str(self.folder)!r}: {error}; "
                "make room, or name another folder by --state-dir"
            ) from error
        self.rows += kept.height

    def _column(self, field: FieldColumn) -> str:
        known = self._columns.get((field.key, field.type))
        if known is None:
            known = FieldColumn(field.key, field.type, f"f{len(self._columns)}", field.origin)
            self._columns[field.key, field.type] = known
        return known.column


def _locked(path: Path) -> int | None:
    """A descriptor that holds the lock; None if another process does. The system lets go of it when its holder dies."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _remove_leftovers(state_dir: Path) -> None:
    for folder in state_dir.glob(PREFIX + "*"):
        if not (folder / LOCK).exists():
            continue  # just being made
        lock = _locked(folder / LOCK)
        if lock is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)
