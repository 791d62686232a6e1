import csv
import re
import subprocess
import sys
import tomllib
from collections import Counter, defaultdict
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "sample_data"
BIRD, TIME = "individual-local-identifier", "timestamp"

Rows = list[dict[str, str]]


def generate(*options: str) -> bytes:
    command = [sys.executable, str(FOLDER / "generate_bird_migration.py"), "--output", "-", *options]
    return subprocess.run(command, check=True, capture_output=True).stdout


@pytest.fixture(scope="module")
def rows() -> Rows:
    with (FOLDER / "bird_migration.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def counts_of_readme() -> dict[str, int]:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    return {what: int(count) for what, count in re.findall(r"^\| ([^|]+) \| (\d+) \|", text, re.MULTILINE)}


def test_generator_reproduces_the_committed_file_byte_for_byte(tmp_path: Path) -> None:
    output = tmp_path / "again.csv"
    generate("--output", str(output))
    assert output.read_bytes() == (FOLDER / "bird_migration.csv").read_bytes()


def test_another_seed_gives_other_tracks() -> None:
    assert generate("--rows", "100", "--seed", "1") != generate("--rows", "100", "--seed", "2")


@pytest.mark.parametrize(("row_count", "birds"), [(30, 14), (1_001, 13), (50_000, 40)])
def test_rows_and_birds_are_as_many_as_asked_for(row_count: int, birds: int) -> None:
    text = generate("--rows", str(row_count), "--birds", str(birds)).decode()
    made = list(csv.DictReader(text.splitlines()))
    assert len(made) == row_count
    assert len({row[BIRD] for row in made}) == birds


def test_bird_is_never_at_two_places_at_once() -> None:
    made = list(csv.DictReader(generate("--rows", "100000").decode().splitlines()))
    by_key = defaultdict(set)
    for row in made:
        by_key[row[BIRD], row[TIME]].add(row["event-id"])
    assert all(len(events) == 1 for events in by_key.values())


def test_columns_are_those_of_the_mapping_and_of_the_readme(rows: Rows) -> None:
    mapping = tomllib.loads((FOLDER / "bird_migration.toml").read_text(encoding="utf-8"))
    used = {entry["column"] for entry in [mapping["time"], *mapping["tags"].values(), *mapping["fields"].values()]}
    assert used <= set(rows[0])
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert [name for name in rows[0] if f"`{name}`" not in readme] == []


def test_readme_counts_are_true(rows: Rows) -> None:
    birds_at = defaultdict(set)
    for row in rows:
        birds_at[row[TIME]].add(row[BIRD])
    points = {(row[BIRD], row[TIME]) for row in rows}
    assert counts_of_readme() == {
        "rows": len(rows),
        "birds": len({row[BIRD] for row in rows}),
        "rows that are an exact copy of an earlier one": sum(
            times - 1 for times in Counter(tuple(row.values()) for row in rows).values()
        ),
        "distinct points (bird and timestamp)": len(points),
        "timestamps shared by several birds": sum(len(birds) > 1 for birds in birds_at.values()),
        "distinct timestamps": len(birds_at),
        "rows marked as outliers": sum(row["manually-marked-outlier"] == "true" for row in rows),
        "rows with an empty outlier flag": sum(not row["manually-marked-outlier"] for row in rows),
        "rows with an empty height": sum(not row["height-above-ellipsoid"] for row in rows),
    }


def test_readme_names_what_a_constant_tag_loses(rows: Rows) -> None:
    points = {(row[BIRD], row[TIME]) for row in rows}
    lost = len(points) - len({row[TIME] for row in rows})
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert f"{lost} points fewer" in readme
    most = max(Counter(time for _, time in points).values())
    assert f"up to {most} birds at one instant" in readme


def test_at_least_twelve_birds_are_followed_for_a_year(rows: Rows) -> None:
    months = defaultdict(set)
    for row in rows:
        months[row[BIRD]].add(row[TIME][:7])
    assert len(months) >= 12
    assert {len(of_bird) for of_bird in months.values()} == {12}


def test_every_bird_winters_far_south_and_returns(rows: Rows) -> None:
    by_bird = defaultdict(list)
    for row in rows:
        if row["manually-marked-outlier"] != "true":
            by_bird[row[BIRD]].append((row[TIME], float(row["location-lat"])))
    for track in by_bird.values():
        latitudes = [latitude for _, latitude in sorted(track)]
        assert min(latitudes) < 25
        assert latitudes[0] > 45
        assert abs(latitudes[0] - latitudes[-1]) < 2


def test_size_of_the_file_is_one_to_two_megabytes() -> None:
    assert 1_000_000 <= (FOLDER / "bird_migration.csv").stat().st_size <= 2_000_000
