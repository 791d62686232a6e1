"""Shard groups that are larger than what is kept in memory at once: cut by series and by time, into several files."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from importer.bulk import building, gathering, shard
from importer.bulk.gathering import Portion, portions
from importer.tsm import Reader, layout, writer
from tests.bulk.generated import ALL_TYPES, DAY_NS, START_NS, text_of
from tests.bulk.test_differential import repeated_rows
from tests.bulk.two_ways import TwoWays
from tests.loading import Trial

WIDE = {"mapping": ALL_TYPES, "shard_duration_seconds": 3_650 * 86_400}


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[Portion]:
    """The portions that shard groups are cut into, which are small."""
    found: list[Portion] = []

    def small(*arguments: Any) -> list[Portion]:
        cut = portions(*arguments, 20_000)
        found.extend(cut)
        return cut

    monkeypatch.setattr(shard, "portions", small)
    return found


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[list[Path]]:
    """The storage files of each archive that is sent."""
    found: list[list[Path]] = []
    send = building.send_shard

    def kept(wire: Any, number: int, archive: Path, *rest: Any) -> None:
        with tarfile.open(archive) as tar:
            tar.extractall(tmp_path / f"{number}", filter="data")
        found.append(sorted((tmp_path / f"{number}").glob("*.tsm")))
        send(wire, number, archive, *rest)

    monkeypatch.setattr(building, "send_shard", kept)
    return found


def of_series(counts: dict[str, int]) -> Iterator[list[object]]:
    """Rows in the order of time, the series mixed."""
    for n in range(max(counts.values())):
        for k, count in counts.items():
            if n < count:
                at = START_NS + n * DAY_NS // 40 + (n * 7_919 % 1_000)
                yield ["m", at, k, None, n / 3, n if n % 3 else None, n, n % 2 == 0, f"text {n % 50}"]


def test_a_shard_group_of_many_series_is_cut_by_series(
    ways: TwoWays, trial: Trial, seen: list[Portion], files: list[list[Path]]
) -> None:
    source = trial.csv(text_of(of_series({f"k{n}": 20 + n for n in range(60)})))
    report = ways.load(source, block_bytes=30_000, **WIDE)
    assert report.building is not None
    assert report.building.files == len(files[0]) == 1
    assert len(seen) > 5
    assert all(portion.is_of_all_time for portion in seen)
    ways.hold_the_same()


def test_series_of_very_many_points_are_cut_in_time_into_files_of_their_own(
    ways: TwoWays, trial: Trial, seen: list[Portion], files: list[list[Path]]
) -> None:
    source = trial.csv(text_of(of_series({"a": 30, "b": 3_000, "c": 30, "d": 2_000, "e": 3})))
    report = ways.load(source, block_bytes=30_000, **WIDE)
    assert report.building is not None
    assert report.building.files == len(files[0]) > 5
    assert not all(portion.is_of_all_time for portion in seen)
    assert any(portion.is_of_all_time for portion in seen)
    last: dict[bytes, int] = {}
    for path in files[0]:  # what a key has in one file lies behind what it has in those before
        with Reader(path) as reader:
            for key in reader.indexed_keys():
                times, _ = reader.points(key)
                assert times[0] > last.get(key.key, times[0] - 1)
                last[key.key] = int(times[-1])
    assert ways.hold_the_same() > 20_000
    trial.influxd.restart()
    ways.hold_the_same()


def test_files_that_are_full_are_followed_by_others(
    ways: TwoWays, trial: Trial, monkeypatch: pytest.MonkeyPatch, seen: list[Portion], files: list[list[Path]]
) -> None:
    monkeypatch.setattr(writer, "FULL_BYTES", 20_000)
    source = trial.csv(text_of(of_series({f"k{n}": 100 + n for n in range(40)})))
    report = ways.load(source, block_bytes=30_000, **WIDE)
    assert report.building is not None
    assert 2 < report.building.files == len(files[0]) < len(seen)
    assert [path.name for path in files[0]][:2] == ["000000001-000000001.tsm", "000000001-000000002.tsm"]
    ways.hold_the_same()
    assert layout.FULL_BYTES == 2 << 30


@pytest.mark.parametrize("duration", [DAY_NS, 3_650 * DAY_NS], ids=["many shard groups", "one shard group"])
def test_keys_that_occur_again_are_merged_whatever_the_portions_are(
    ways: TwoWays, trial: Trial, seen: list[Portion], duration: int
) -> None:
    more = {"mapping": ALL_TYPES, "shard_duration_seconds": duration // 10**9, "block_bytes": 10_000}
    report = ways.load(trial.csv(text_of(repeated_rows())), **more)
    assert report.duplicates > 1_000
    assert len(seen) > 10
    ways.hold_the_same()


def test_all_points_of_one_time_are_one_portion(ways: TwoWays, trial: Trial, seen: list[Portion]) -> None:
    rows = [["m", START_NS, "a", None, n / 3, n, n, None, f"x{n}"] for n in range(2_000)]
    report = ways.load(trial.csv(text_of(rows)), block_bytes=20_000, **WIDE)
    assert (report.points_written, report.duplicates) == (1, 1_999)
    assert len(seen) == 1
    ways.hold_the_same()


def test_what_is_kept_in_memory_at_once_has_a_bound() -> None:
    assert gathering.PORTION_BYTES <= 64 << 20
