"""Portions of a shard group: none is too large, whatever the points' times are, and none of the points is missing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from importer.bulk.gathering import gathered, portions, sorted_out
from importer.bulk.keys import SeriesKeys
from importer.bulk.runs import Runs
from importer.ledger.windows import Windows
from importer.records import FieldColumn

FIELDS = (FieldColumn("v", "float", "v", "v"),)
KEYS = SeriesKeys.of(["m,k=b", "m,k=a", "m,k=c"], ["m", "m", "m"])
MOST_ROWS = 1_000
BURST = np.arange(5_000, dtype=np.int64) * 7 + 1


@pytest.mark.parametrize(
    "times",
    [
        pytest.param(np.concatenate([[0], BURST, [3_000 * 86_400 * 10**9]]), id="a burst, and two points far from it"),
        pytest.param(np.arange(6_000, dtype=np.int64) * 10**12, id="spread evenly"),
        pytest.param(np.concatenate([BURST, BURST + 10**17]), id="two bursts"),
    ],
)
def test_no_portion_is_too_large_and_each_point_is_in_one(tmp_path: Path, times: np.ndarray) -> None:  # type: ignore[type-arg]
    runs = Runs(tmp_path / "runs", Windows(36_500 * 86_400 * 10**9))
    series = np.concatenate([np.full(times.size, 0), np.full(300, 1), np.full(300, 2)])
    all_times = np.concatenate([times, np.arange(300), np.arange(300)])
    points = pl.DataFrame(
        {"series": series, "time": all_times, "v": np.arange(series.size, dtype=np.float64)},
        schema={"series": pl.UInt32, "time": pl.Int64, "v": pl.Float64},
    )
    for block, part in enumerate(points.sample(fraction=1, shuffle=True, seed=1).iter_slices(1_500)):
        runs.append(block, part.sort("series", "time"), FIELDS)
    (group,) = runs.shard_groups
    parts = runs.parts(group)
    cut = portions(parts, KEYS, MOST_ROWS * sum(part.size for part in parts) // points.height)
    assert len(cut) >= 5
    with sorted_out(parts, KEYS, cut, tmp_path / "portions") as places:
        found = [gathered(place, KEYS) for place in places if place]
    assert max(frame.height for frame in found) <= MOST_ROWS
    whole = pl.concat(found)
    wanted = points.with_columns(pl.Series("series", KEYS.ranks[series])).sort("series", "time")
    assert whole.select("series", "time", "f0").rows() == wanted.rows()
    assert not (tmp_path / "portions").exists()
