"""Parquet and Arrow are looked at, and loaded without a mapping, as the same data in CSV is."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

import importer
from tests.loading import Command, Trial

FILES = {"parquet": "in.parquet", "arrow": "in.feather", "arrow stream": "in.arrows"}


def typed(rows: int = 200) -> pl.DataFrame:
    begin = dt.datetime(2021, 3, 20, 0, 22, 0, 123_457, tzinfo=dt.UTC)
    return pl.DataFrame(
        {
            "seen": [begin + dt.timedelta(milliseconds=n * 61_001) for n in range(rows)],
            "bird": pl.Series([f"b {n % 3}" for n in range(rows)], dtype=pl.Categorical),
            "lat": [None if n % 7 == 0 else n / 3 for n in range(rows)],
            "n": [2**63 - 1 - n for n in range(rows)],
            "u": pl.Series([2**64 - 1 - n for n in range(rows)], dtype=pl.UInt64),
            "adult": [n % 3 == 0 for n in range(rows)],
            "day": [dt.date(2021, 1, 1) + dt.timedelta(days=n) for n in range(rows)],
        }
    )


@pytest.fixture
def files(trial: Trial) -> dict[str, Path]:
    paths = {kind: trial.folder / name for kind, name in FILES.items()}
    frame = typed()
    frame.write_parquet(paths["parquet"], row_group_size=70)
    frame.write_ipc(paths["arrow"], compression="zstd")
    frame.write_ipc_stream(paths["arrow stream"])
    return paths


def test_files_of_typed_columns_are_inspected_and_loaded_without_a_mapping(
    trial: Trial, files: dict[str, Path]
) -> None:
    plain = trial.folder / "in.csv"
    typed().write_csv(plain, datetime_format="%Y-%m-%dT%H:%M:%S%.6fZ")
    digests = set()
    for kind, path in {"csv": plain, **files}.items():
        found = importer.inspect(path)
        assert (found.questions, found.rejects, found.rows) == ((), 0, 200)
        assert {column.name: (column.role, column.type) for column in found.columns} == {
            "seen": ("time", "time"),
            "bird": ("tag", "string"),
            "lat": ("field", "float"),
            "n": ("field", "integer"),
            "u": ("field", "unsigned"),
            "adult": ("field", "boolean"),
            "day": ("field", "time"),
        }
        assert found.time is not None
        assert found.time.first == "2021-03-20T00:22:00.123457Z"
        text = (found.dialect.delimiter, found.dialect.encoding, found.dialect.newline)
        assert (found.dialect.kind, text) == (kind, (",", "utf-8", "\n") if kind == "csv" else (None, None, None))
        report = importer.load(path, options=trial.options(), connection=trial.connection)
        assert (report.status, report.rows_mapped, report.series) == ("verified", 200, found.series)
        digests.add(trial.digest())
    assert len(digests) == 1


def test_a_file_of_typed_columns_is_called_what_it_is(files: dict[str, Path], command: Command) -> None:
    for kind, line in {"parquet": "Parquet", "arrow": "Arrow", "arrow stream": "Arrow stream"}.items():
        assert command("inspect", files[kind]).out.splitlines()[1] == line


def test_names_like_data_in_a_file_that_has_a_schema_are_names(tmp_path: Path) -> None:
    frame = typed().rename({"seen": "1", "lat": "2.5"}).select("1", "2.5")
    frame.write_parquet(tmp_path / "in.parquet")
    found = importer.inspect(tmp_path / "in.parquet")
    assert (found.questions, found.dialect.header) == ((), True)
