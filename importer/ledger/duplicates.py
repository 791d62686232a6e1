"""Points with the same key (series and time): counted exactly, sorted out by kind, merged.

Goes in: the :class:`~importer.ledger.spool.Spool`. Comes out: :class:`Duplicates`, and the merged points
of keys that stand in several blocks.

DuckDB looks for the keys, because it compares whole keys (a hash of 64 bits would not be exact) and
spills to disk under a memory limit of its own; polars' group-by would need all keys in memory.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from importer.errors import SpoolError
from importer.ledger.expectation import Expectation
from importer.ledger.key_ranges import Series
from importer.ledger.merging import CHUNK_ROWS, KEY, merged, whole_keys
from importer.ledger.spool import MEMORY_LIMIT, Spool
from importer.records import FieldColumn

if TYPE_CHECKING:
    import duckdb

__all__ = ["DuplicateExample", "Duplicates", "KeyAccounts", "find_duplicates", "merged_points", "tag_hint"]

MOST_EXAMPLES = 10
MOST_TAG_VALUES = 10_000
FOUND = "duplicates.parquet"

FEW_ROWS = 2_000_000
FEW_ROWS_MEMORY = "48MB"
"""Enough for the keys of so many rows on one thread (three million were tried); given more, DuckDB takes more."""

ROWS_AT_ONCE = 15_000_000

FEW_SERIES = 10_000
"""So many are named to DuckDB; of more of them it looks at all points."""


@dataclass(frozen=True, slots=True)
class DuplicateExample:
    """A value that another one took the place of.

    Attributes:
        series: series key, as line protocol.
        time_ns: timestamp.
        field: field key.
        lost: the earlier value.
        kept: the later value.
    """

    series: str
    time_ns: int
    field: str
    lost: str
    kept: str


@dataclass(slots=True)
class Duplicates:
    """What was found.

    Attributes:
        kinds: points by kind: ``identical``, ``merged`` (no value lost), ``overwritten`` (a value lost).
        examples: the first overwritten values, by series and time.
        tag_hint: a field that tells the colliding points apart and takes few values.
        rewritten: merged points of keys that stood in several blocks.
    """

    kinds: Counter[str] = field(default_factory=Counter)
    examples: list[DuplicateExample] = field(default_factory=list)
    tag_hint: str | None = None
    rewritten: int = 0

    @property
    def total(self) -> int:
        """Points that share a key with an earlier one."""
        return self.kinds.total()


@dataclass(slots=True)
class KeyAccounts:
    """What is known of keys that occur more than once.

    Attributes:
        found: points by kind, and examples.
        differing: how often the values of each field, by its column, were lost.
    """

    found: Duplicates = field(default_factory=Duplicates)
    differing: Counter[str] = field(default_factory=Counter)

    def add(self, points: pl.DataFrame, fields: tuple[FieldColumn, ...], keys: Sequence[str]) -> pl.DataFrame:
        """Account for all points of some keys.

        Args:
            points: sorted by ``series`` and ``time``, those of a key in input order.
            fields: the fields.
            keys: series keys by their numbers.

        Returns:
            the points that are not the first of their key; of each field, whether its value fell on one.
        """
        steps = _steps(points, fields)
        _classify(steps, fields, self.found, self.differing)
        _add_examples(steps, fields, self.found, keys)
        return _fallen_on(steps, fields)

    def merge(self, other: KeyAccounts) -> None:
        """Add what is known of other keys."""
        self.found.kinds.update(other.found.kinds)
        self.found.examples = _first([*self.found.examples, *other.found.examples], MOST_EXAMPLES)
        self.differing.update(other.differing)


def find_duplicates(
    spool: Spool,
    expectation: Expectation,
    keys: Sequence[str],
    measurements: Sequence[str],
    rewrite: Callable[[pl.DataFrame, tuple[FieldColumn, ...]], None],
) -> Duplicates:
    """Find the keys that occur more than once.

    Args:
        spool: all acknowledged points.
        expectation: values that fell on another one are taken back from it.
        keys: series keys by their numbers.
        measurements: measurement of each series.
        rewrite: writes merged points (``series``, ``time``, fields); called for keys that stand in several
            blocks, because the order of the writers decided which of their points came last.

    Raises:
        SpoolError: the disk is full.
    """
    accounts = KeyAccounts()
    found = accounts.found
    suspects = spool.ranges.suspects()
    if suspects is not None and not len(suspects):
        return found
    import duckdb  # noqa: PLC0415 - most loads end before this, and are spared its time and its 30 MB

    fields = spool.fields
    try:
        with spool.database() as database:
            if not _collect(database, spool, fields, suspects):
                return found
            for chunk in whole_keys(spool.folder / FOUND):
                expectation.subtract(accounts.add(chunk, fields, keys), fields, measurements)
                points = _merged_across_blocks(chunk, fields)
                if points.height:
                    rewrite(points, fields)
                    found.rewritten += points.height

            def distinct(item: FieldColumn, most: int) -> int:
                return int(
                    database.execute(
                        "SELECT count(*) FROM "  # noqa: S608 - a name of our own
                        f"(SELECT DISTINCT {item.column} FROM read_parquet($1, union_by_name = true) LIMIT $2)",
                        [spool.files, most + 1],
                    ).fetchall()[0][0]
                )

            found.tag_hint = tag_hint(fields, accounts.differing, spool.rows, distinct)
    except duckdb.Error as error:
        raise SpoolError(f"the duplicates could not be counted: {error}") from error
    return found


def merged_points(spool: Spool) -> Iterator[tuple[pl.DataFrame, tuple[FieldColumn, ...]]]:
    """The merged points of keys that stand in several blocks, once more; for after :func:`find_duplicates`."""
    if not (spool.folder / FOUND).exists():
        return
    for chunk in whole_keys(spool.folder / FOUND):
        points = _merged_across_blocks(chunk, spool.fields)
        if points.height:
            yield points, spool.fields


def _collect(
    database: duckdb.DuckDBPyConnection, spool: Spool, fields: tuple[FieldColumn, ...], suspects: Series | None
) -> bool:
    """Write the points of all keys that occur more than once, in the order of key and input."""
    if spool.rows <= FEW_ROWS:
        database.execute(f"SET memory_limit = '{FEW_ROWS_MEMORY}'; SET threads = 1")
    # The keys alone first: to know more of each of them would take twice the memory, and most occur once. Of many
    # rows a part of the keys at a time, as even spilling to disk takes memory that grows with their number.
    database.execute("CREATE TEMP TABLE repeated_key (series UINTEGER, time BIGINT)")
    parts = 1 + spool.rows // ROWS_AT_ONCE
    few = [] if suspects is None or len(suspects) > FEW_SERIES else suspects.tolist()
    for part in range(parts):
        database.execute(
            """
            INSERT INTO repeated_key
            SELECT series, time FROM read_parquet($1)
            WHERE ($2 = 1 OR hash(series, time) % $2 = $3)
            AND (len($4) = 0 OR series IN (SELECT unnest($4::UINTEGER[])))
            GROUP BY series, time HAVING count(*) > 1
            """,
            [spool.files, parts, part, few],
        )
    database.execute(f"SET memory_limit = '{MEMORY_LIMIT}'")
    if not database.execute("SELECT count(*) FROM repeated_key").fetchall()[0][0]:
        return False
    database.execute(
        """
        CREATE TEMP TABLE repeated AS
        SELECT series, time, min(position >> 32) <> max(position >> 32) AS across
        FROM read_parquet($1) JOIN repeated_key USING (series, time) GROUP BY series, time
        """,
        [spool.files],
    )
    columns = ", ".join(["series", "time", "position", "across", *(item.column for item in fields)])
    target = str(spool.folder / FOUND).replace("'", "''")
    database.execute(
        f"COPY (SELECT {columns} FROM read_parquet($1, union_by_name = true) JOIN repeated USING (series, time) "  # noqa: S608 - names of our own
        f"ORDER BY series, time, position) TO '{target}' (FORMAT parquet, ROW_GROUP_SIZE {CHUNK_ROWS})",
        [spool.files],
    )
    return True


def _steps(chunk: pl.DataFrame, fields: tuple[FieldColumn, ...]) -> pl.DataFrame:
    """Each point that is not the first of its key, and in ``was:…`` what its key held before it."""
    held = [pl.col(item.column).forward_fill().shift(1).over(KEY).alias(f"was:{item.column}") for item in fields]
    return chunk.with_columns(pl.int_range(pl.len()).over(KEY).alias("nth"), *held).filter(pl.col("nth") > 0)


def _lost(item: FieldColumn) -> pl.Expr:
    return (pl.col(item.column) != pl.col(f"was:{item.column}")).fill_null(value=False)


def _classify(steps: pl.DataFrame, fields: tuple[FieldColumn, ...], found: Duplicates, differing: Counter[str]) -> None:
    overwritten = pl.any_horizontal(_lost(item) for item in fields)
    same = pl.all_horizontal(pl.col(item.column).eq_missing(pl.col(f"was:{item.column}")) for item in fields)
    kind = (
        pl.when(overwritten)
        .then(pl.lit("overwritten"))
        .when(same)
        .then(pl.lit("identical"))
        .otherwise(pl.lit("merged"))
    )
    for name, count in steps.select(kind.alias("kind")).group_by("kind").len().iter_rows():
        found.kinds[name] += count
    losses = steps.select(_lost(item).sum().alias(item.column) for item in fields)
    for item in fields:
        differing[item.column] += losses[item.column].item()


def _add_examples(steps: pl.DataFrame, fields: tuple[FieldColumn, ...], found: Duplicates, keys: Sequence[str]) -> None:
    room = MOST_EXAMPLES - len(found.examples)
    if room <= 0:
        return
    examples = []
    for item in fields:
        lost = steps.filter(_lost(item)).head(room)
        for series, time, was, now in lost.select("series", "time", f"was:{item.column}", item.column).iter_rows():
            examples.append(DuplicateExample(keys[series], time, item.key, str(was), str(now)))
    found.examples += _first(examples, room)


def _first(examples: Sequence[DuplicateExample], room: int) -> list[DuplicateExample]:
    return heapq.nsmallest(room, examples, key=lambda lost: (lost.series, lost.time_ns, lost.field))


def _fallen_on(steps: pl.DataFrame, fields: tuple[FieldColumn, ...]) -> pl.DataFrame:
    """Where a value fell on one that was there (Boolean columns)."""
    return steps.select(
        "series",
        "time",
        *(
            (pl.col(item.column).is_not_null() & pl.col(f"was:{item.column}").is_not_null()).alias(item.column)
            for item in fields
        ),
    )


def _merged_across_blocks(chunk: pl.DataFrame, fields: tuple[FieldColumn, ...]) -> pl.DataFrame:
    """The merged points of keys that stand in several blocks."""
    return merged(chunk.filter("across"), fields)


def tag_hint(
    fields: Sequence[FieldColumn], differing: Counter[str], rows: int, distinct: Callable[[FieldColumn, int], int]
) -> str | None:
    """The field that differs most often between colliding points and takes few values.

    Args:
        fields: the fields.
        differing: how often the values of each, by its column, were lost.
        rows: of the load.
        distinct: counts a field's values, up to one more than it is told.
    """
    suitable = [item for item in fields if item.type in ("string", "integer", "unsigned") and differing[item.column]]
    most = min(MOST_TAG_VALUES, max(2, rows // 20))
    for item in sorted(suitable, key=lambda item: (-differing[item.column], item.key)):
        if distinct(item, most) <= most:
            return item.origin or item.key
    return None
