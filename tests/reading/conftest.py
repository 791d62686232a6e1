from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import importer
from importer.bucket import catalogue
from importer.bucket.settings import BucketSettings
from tests.loading import Trial
from tests.points import write

Fill = Callable[..., None]
CENTURY_SECONDS = 36_500 * 86_400


@pytest.fixture
def fill(trial: Trial) -> Fill:
    """Writes lines as they are into the test's bucket, or into one beside it; makes it if need be."""

    def into(*lines: str, ending: str = "", shard_seconds: int = CENTURY_SECONDS) -> None:
        name = trial.bucket + ending
        bucket = catalogue.find(trial.server, name) or catalogue.create(
            trial.server, name, BucketSettings(shard_duration_seconds=shard_seconds), None
        )
        write(trial.server, bucket.id, "\n".join(lines))

    return into


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def read(tmp_path: Path, state: Path) -> Callable[..., pl.DataFrame]:
    """Reads the backup in the test's folder; whatever comes of it, nothing stays unpacked."""

    def of_backup(bucket: str | None = None, **options: Any) -> pl.DataFrame:
        try:
            found: pl.DataFrame = importer.read(bucket, from_backup=tmp_path / "backup", state_dir=state, **options)
        finally:
            assert not state.exists() or not list(state.iterdir())
        return found

    return of_backup
