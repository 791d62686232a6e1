"""Generated files, made once for each shape, number of rows and seed, outside of the project.

Goes in: a shape. Comes out: the paths of its CSV, and of that which ``influx write`` reads.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from benchmarks import datasets, spec, specs
from benchmarks.datasets import Dataset
from importer.server.influxd import cache_folder

__all__ = ["Data", "default_folder", "prepare"]


@dataclass(frozen=True, slots=True)
class Data:
    """A shape of so many rows.

    Attributes:
        dataset: the shape.
        rows: of the file.
        csv: the file.
        for_influx_write: the same as that program can read it; the very same file where it can.
    """

    dataset: Dataset
    rows: int
    csv: Path
    for_influx_write: Path


def default_folder() -> Path:
    """In the user's cache folder, beside the built server."""
    return cache_folder() / "benchmarks"


def prepare(dataset: Dataset, rows: int, seed: int, folder: Path) -> Data:
    """The files of a shape, made if they are not there.

    Args:
        dataset: the shape.
        rows: of the file.
        seed: other values.
        folder: for generated files; made, too.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{dataset.name}-{rows}-{seed}-{_recipe()}"
    csv = folder / f"{stem}.csv"
    if not csv.exists():
        _write(csv, dataset.lines(rows, seed))
    other = csv
    if dataset.spec.nanoseconds is not None:
        other = folder / f"{stem}-ns.csv"
        if not other.exists():
            _write(other, _in_nanoseconds(dataset, dataset.spec.nanoseconds).lines(rows, seed))
    return Data(dataset, rows, csv, other)


def _in_nanoseconds(dataset: Dataset, column: str) -> Dataset:
    def frames(rows: int, seed: int) -> Iterable[pl.DataFrame]:
        for frame in dataset.frames(rows, seed):
            yield frame.with_columns(pl.col(column).str.replace(".", "", literal=True) + "000")  # six digits have nine

    return Dataset(dataset.spec, lambda rows, seed: iter(frames(rows, seed)), dataset.share)


def _write(path: Path, pieces: Iterable[pl.Series]) -> None:
    """Whole or not at all, so that what is there can be used."""
    draft = path.with_name(f"{path.name}.new")
    with draft.open("wb") as file:
        for piece in pieces:
            piece.to_frame().write_csv(file, include_header=False, quote_style="never")
    draft.replace(path)


def _recipe() -> str:
    """Differs where the generator is another one."""
    sources = [Path(module.__file__ or "").read_bytes() for module in (datasets, spec, specs)]
    return hashlib.sha256(b"".join(sources)).hexdigest()[:8]
