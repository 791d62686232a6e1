"""Three ways to bring more points than memory holds into the order of storage files: ``python -m benchmarks.sorting``.

Goes in: points of Movebank's shape, in blocks as a load takes them. Comes out: a table, for docs/bulk.md, of what it
took to have them by series and time: the importer's sorted runs, DuckDB, and polars streaming. Each way is a process of
its own; they take turns.
"""

from __future__ import annotations

import argparse
import json
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any, Final

import duckdb
import polars as pl

from benchmarks.datasets import BIRDS, DATASETS
from benchmarks.measure import LAUNCHER, ROOT
from importer.bulk.gathering import gathered, portions, sorted_out
from importer.bulk.keys import SeriesKeys
from importer.bulk.runs import RunPart, Runs
from importer.ledger.windows import Windows
from importer.records import FieldColumn

__all__ = ["WAYS", "main"]

SHARD_GROUP_DAYS: Final = 90
BLOCK_ROWS: Final = 19_000
"""Of a block of Movebank's shape, in a load."""
FIELDS: Final = {
    "location-long": "float",
    "location-lat": "float",
    "event-id": "string",
    "manually-marked-outlier": "string",
    "individual-taxon-canonical-name": "string",
    "tag-local-identifier": "string",
    "individual-local-identifier": "string",
}
SEED: Final = 20_260_101


def prepare(folder: Path, rows: int) -> None:
    """Write the points as runs, and as a Parquet file for each block."""
    keys = SeriesKeys.of([f"migration,individual={bird}" for bird in range(BIRDS)], ["migration"] * BIRDS)
    columns = tuple(FieldColumn(name, kind, name, name) for name, kind in FIELDS.items())  # type: ignore[arg-type]
    runs = Runs(folder / "runs", Windows(SHARD_GROUP_DAYS * 86_400 * 10**9))
    blocks = folder / "blocks"
    blocks.mkdir()
    numbers: dict[str, int] = {}
    number = 0
    for frame in DATASETS["movebank"].frames(rows, SEED):
        for piece in frame.iter_slices(BLOCK_ROWS):
            points = _points(piece, numbers).sort("series", "time")  # as the ledger has it, whatever comes then
            runs.append(number, points, columns)
            points.write_parquet(blocks / f"{number:09}.parquet", compression="lz4")
            number += 1
    with (folder / "runs.pickle").open("wb") as file:
        pickle.dump(({group: runs.parts(group) for group in runs.shard_groups}, keys), file)


def _points(piece: pl.DataFrame, numbers: dict[str, int]) -> pl.DataFrame:
    for bird in piece["individual-local-identifier"].unique(maintain_order=True):
        numbers.setdefault(bird, len(numbers))
    return piece.select(
        pl.col("individual-local-identifier").replace_strict(numbers, return_dtype=pl.UInt32).alias("series"),
        pl.col("timestamp").str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="ns").cast(pl.Int64).alias("time"),
        *(pl.col(name).cast(pl.Float64 if kind == "float" else pl.String) for name, kind in FIELDS.items()),
    )


def not_at_all(folder: Path) -> int:
    """What starting takes."""
    groups, _ = _prepared(folder)
    return sum(part.rows for parts in groups.values() for part in parts)


def by_runs(folder: Path) -> int:
    """Shard group by shard group, as the bulk way reads what it then encodes."""
    groups, keys = _prepared(folder)
    rows = 0
    for parts in groups.values():
        with sorted_out(parts, keys, portions(parts, keys), folder / "portions") as places:
            rows += sum(gathered(place, keys).height for place in places if place)
    return rows


def _prepared(folder: Path) -> tuple[dict[int, list[RunPart]], SeriesKeys]:
    with (folder / "runs.pickle").open("rb") as file:
        groups, keys = pickle.load(file)  # noqa: S301 - written just before
    return groups, keys


def by_duckdb(folder: Path) -> int:
    """``ORDER BY``, with little memory, spilling to the disk."""
    with duckdb.connect() as database:
        database.execute("SET memory_limit = '256MB'")
        database.execute("SET threads = 2")
        database.execute("SET preserve_insertion_order = false")
        database.execute("SET temp_directory = $1", [str(folder / "spilled")])
        blocks, out = str(folder / "blocks" / "*.parquet"), str(folder / "duckdb.parquet")
        asked = "COPY (SELECT * FROM read_parquet($1) ORDER BY series, time) TO $2 (FORMAT parquet, COMPRESSION lz4)"
        ((rows,),) = database.execute(asked, [blocks, out]).fetchall()
    return int(rows)


def by_polars(folder: Path) -> int:
    """The streaming engine, from files to a file."""
    out = folder / "polars.parquet"
    pl.scan_parquet(folder / "blocks" / "*.parquet").sort("series", "time").sink_parquet(out, compression="lz4")
    return int(pl.scan_parquet(out).select(pl.len()).collect().item())


WAYS: Final[dict[str, tuple[str, Callable[[Path], int]]]] = {
    "nothing": ("(starting Python and its libraries, in each)", not_at_all),
    "runs": ("runs, read and sorted by shard group", by_runs),
    "duckdb": ("DuckDB, `ORDER BY` with a limit of 256 MB, spilling", by_duckdb),
    "polars": ("polars, streaming `sort` into a file", by_polars),
}


def main(words: Sequence[str] | None = None) -> None:
    """Measure the ways, and print the table.

    Args:
        words: the options; None takes those of the command line.

    Raises:
        RuntimeError: a way failed, lost points, or left them in another order.
    """
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.sorting", description="Sort points by series and time in three ways, side by side."
    )
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--runs", type=int, default=3, help="rounds, of which the median counts")
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)  # of the processes that are measured
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(words)
    if options.way is not None:
        sys.stdout.write(str(WAYS[options.way][1](options.folder)))
        return
    with tempfile.TemporaryDirectory(prefix="importer-sorting-") as name:
        folder = Path(name)
        prepare(folder, options.rows)
        rounds = [{way: _measured(way, folder, options.rows) for way in WAYS} for _ in range(options.runs)]
    lines = [f"{options.rows:,} points, {options.runs} rounds: median (least to most)", ""]
    lines += ["| | seconds | CPU | peak memory |", "| --- | --: | --: | --: |"]
    for way, (title, _) in WAYS.items():
        costs = [each[way] for each in rounds]
        seconds, cpu = (_figure([each[key] for each in costs]) for key in ("wall_seconds", "cpu_seconds"))
        peak = median(each["peak_bytes"] for each in costs) / 1e6
        lines.append(f"| {title} | {seconds} | {cpu} | {peak:,.0f} MB |")
    sys.stdout.write("\n".join(lines) + "\n")


def _measured(way: str, folder: Path, rows: int) -> dict[str, Any]:
    into = folder / "cost.json"
    command = [sys.executable, "-m", "benchmarks.sorting", "--way", way, "--folder", str(folder)]
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(LAUNCHER), str(into), *command],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    cost: dict[str, Any] = json.loads(into.read_text(encoding="utf-8"))
    if cost["code"] or done.stdout.strip() != str(rows):
        raise RuntimeError(f"{way}: {rows:,} points were to be sorted: {done.stdout.strip()} {done.stderr.strip()}")
    for path in folder.glob("*.parquet"):
        keys = pl.read_parquet(path, columns=["series", "time"])
        if not keys.equals(keys.sort("series", "time")):
            raise RuntimeError(f"{way}: the points are in another order")
        path.unlink()
    return cost


def _figure(values: Sequence[float]) -> str:
    return f"{median(values):.1f} s ({min(values):.1f} to {max(values):.1f})"


if __name__ == "__main__":
    main()
