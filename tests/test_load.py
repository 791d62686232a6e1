from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from importer import RejectBudget, RejectBudgetError, Report
from importer.ledger.ledger import SHOWN_REJECTS
from tests import constant_tag
from tests.loading import BIRDS, ROOT, SAMPLE, SAMPLE_MAPPING, START, Trial, birds_csv

BATS = ROOT.parent / "shared" / "data" / "movebank_bats.csv"
BATS_MAPPING: dict[str, Any] = {
    "measurement": "migration",
    "time": {"column": "timestamp", "format": "%Y-%m-%d %H:%M:%S%.f"},
    "tags": {"individual": {"column": "individual-local-identifier"}},
    "fields": {
        "event-id": {"column": "event-id", "type": "integer"},
        "lon": {"column": "location-long", "type": "float"},
        "lat": {"column": "location-lat", "type": "float"},
        "tag-local-identifier": {"column": "tag-local-identifier", "type": "string"},
        "manually-marked-outlier": {"column": "manually-marked-outlier", "type": "boolean", "default": False},
    },
}

TAGGABLE = set(constant_tag.TEXTS) - {"event-id"}


def existing(path: Path) -> Path:
    if not path.exists():
        pytest.skip(f"the real export is not here: {path}")
    return path


def assert_adds_up(report: Report) -> None:
    assert report.rows_read == report.rows_mapped + report.rejected + sum(report.skipped.values())
    assert report.points_emitted == report.points_written + report.duplicates + report.points_rejected
    assert report.duplicates == sum(report.duplicate_kinds.values())
    assert [field.stored for field in report.fields] == [field.expected for field in report.fields]


def without_time(report: Report) -> dict[str, Any]:
    return report.model_dump(exclude={"load_id", "elapsed_seconds", "rows_per_second", "phases", "shard_group"})


def test_sample_is_loaded_whole_and_every_field_is_stored(trial: Trial) -> None:
    report = trial.load(SAMPLE, mapping=SAMPLE_MAPPING)
    assert report.status == "verified"
    with SAMPLE.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert report.rows_read == report.rows_mapped == len(rows)
    keys = {(row["individual-local-identifier"], row["timestamp"]) for row in rows}
    assert report.points_written == len(keys)
    assert {field.field: field.stored for field in report.fields}["lat"] == len(keys)
    with_height = {
        (row["individual-local-identifier"], row["timestamp"]) for row in rows if row["height-above-ellipsoid"]
    }
    assert {field.field: field.stored for field in report.fields}["height"] == len(with_height)
    assert_adds_up(report)


def test_loading_twice_gives_the_same_report_and_the_same_data(trial: Trial) -> None:
    first = trial.load(SAMPLE, mapping=SAMPLE_MAPPING)
    digest = trial.digest()
    second = trial.load(SAMPLE, mapping=SAMPLE_MAPPING)
    assert without_time(second) == without_time(first)
    assert second.load_id != first.load_id
    assert trial.digest() == digest
    assert trial.buckets == {""}


def test_values_that_flux_gives_back_are_those_of_the_file(trial: Trial) -> None:
    trial.load(trial.csv("t,bird,lat,n\n1600000000,Tüpfli \\ 1,47.125,-7\n1600000060,,-0.1,9007199254740993\n"))
    found = {(row["bird"], row["_field"], row["_time"]): row["_value"] for row in trial.rows().iter_rows(named=True)}
    assert found == {
        ("Tüpfli \\ 1", "lat", "2020-09-13T12:26:40Z"): "47.125",
        ("Tüpfli \\ 1", "n", "2020-09-13T12:26:40Z"): "-7",
        (None, "lat", "2020-09-13T12:27:40Z"): "-0.1",
        (None, "n", "2020-09-13T12:27:40Z"): "9007199254740993",
    }


def test_real_export_of_bats_is_loaded_whole(trial: Trial) -> None:
    report = trial.load(existing(BATS), mapping=BATS_MAPPING)
    assert (report.status, report.rows_read, report.rejected) == ("verified", 1740, 0)
    assert report.series == 17
    assert_adds_up(report)
    with BATS.open(newline="", encoding="utf-8") as file:
        keys = {(row["individual-local-identifier"], row["timestamp"]) for row in csv.DictReader(file)}
    assert report.points_written == len(keys)


def collisions_of_constant_tag(
    path: Path,
) -> tuple[list[dict[str, str]], Counter[str], list[tuple[dict[str, str], dict[str, str]]]]:
    """By plain Python: what each key holds in the end, points on an earlier one by kind, pairs that lose a value."""
    held: dict[str, dict[str, str]] = {}
    kinds: Counter[str] = Counter()
    pairs = []
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            now = {name: row[name] for name in constant_tag.TEXTS if row[name]}  # an empty text is no field
            now |= {"lon": str(float(row["location-long"])), "lat": str(float(row["location-lat"]))}
            before = held.get(row["timestamp"])
            if before is not None:
                lost = any(before.get(name, value) != value for name, value in now.items())
                kinds["overwritten" if lost else "identical" if now == before else "merged"] += 1
                if lost:
                    pairs.append((before, now))
            held[row["timestamp"]] = (before or {}) | now
    return list(held.values()), kinds, pairs


@pytest.mark.parametrize("path", [SAMPLE, BATS], ids=["sample", "bats"])
def test_duplicates_of_a_constant_tag_are_shown_exactly(trial: Trial, path: Path) -> None:
    held, kinds, pairs = collisions_of_constant_tag(existing(path))
    assert pairs, "the file must have two animals at one instant, or it shows nothing"
    report = trial.load(path, mapper="tests.constant_tag:to_point")
    assert report.status == "verified"
    assert report.points_written == len(held)
    assert report.duplicates == kinds.total()
    assert report.duplicate_kinds == {kind: kinds[kind] for kind in ("identical", "merged", "overwritten")}
    counts = Counter(name for values in held for name in values)
    assert {field.field: field.stored for field in report.fields} == counts
    assert report.series == 1
    assert_adds_up(report)

    (warning,) = report.warnings
    assert warning.startswith(f"{len(pairs):,} points overwrote an earlier one")
    column = warning.split("'")[1]
    assert column in {"individual-local-identifier", "tag-local-identifier"}
    told_apart = sum(before[column] != now[column] for before, now in pairs)
    assert told_apart == max(sum(before.get(name) != now.get(name) for before, now in pairs) for name in TAGGABLE)
    assert warning.count(" became ") == 10


def test_bad_number_in_line_5001_fails_the_load_and_names_it(trial: Trial) -> None:
    trial.load(trial.csv(birds_csv(500)))
    before = trial.state_now()
    source = trial.csv(birds_csv(6000, bad_lines=(5001,)), "new.csv")
    with pytest.raises(
        RejectBudgetError, match=r"new\.csv, line 5,001, column 'lat': 'north': not a finite number"
    ) as error:
        trial.load(source)
    assert trial.state_now() == before
    assert trial.buckets == {""}
    report = error.value.report
    assert report is not None
    assert (report.status, report.rejected, report.rows_read) == ("failed", 1, 6000)
    assert report.rejects_file == str(trial.folder / "rejects.csv")
    with Path(report.rejects_file).open(newline="", encoding="utf-8") as file:
        (reject,) = csv.DictReader(file)
    line = source.read_text().splitlines()[5000]
    offset = source.read_text().index(line)
    assert {key: reject[key] for key in ("source", "line", "byte_offset", "column", "error_type", "raw")} == {
        "source": str(source),
        "line": "5001",
        "byte_offset": str(offset),
        "column": "lat",
        "error_type": "float",
        "raw": line,
    }


def test_one_bad_number_within_the_budget_costs_one_row(trial: Trial) -> None:
    report = trial.load(trial.csv(birds_csv(6000, bad_lines=(5001,))), max_rejects=RejectBudget(1))
    assert (report.status, report.rejected, report.points_written) == ("verified", 1, 5999)
    assert_adds_up(report)
    assert "4999" not in trial.rows().filter(_field="n")["_value"].to_list()


def test_rejects_file_of_an_earlier_run_does_not_outlive_a_clean_one(trial: Trial) -> None:
    rejects = trial.folder / "rejects.csv"
    trial.load(trial.csv(birds_csv(10, bad_lines=(5,))), max_rejects=RejectBudget(1))
    assert rejects.exists()
    report = trial.load(trial.csv(birds_csv(10)))
    assert report.rejects_file is None
    assert not rejects.exists()


def test_percentage_of_rejects_is_judged_at_the_end_of_a_short_file(trial: Trial) -> None:
    budget = RejectBudget.parse("1%")
    at_limit = trial.csv(birds_csv(1000, bad_lines=range(2, 12)))
    assert trial.load(at_limit, max_rejects=budget).rejected == 10
    beyond = trial.csv(birds_csv(1000, bad_lines=range(2, 13)))
    with pytest.raises(RejectBudgetError, match=r"11 rejected where 1\.000% are allowed"):
        trial.load(beyond, max_rejects=budget)


def test_percentage_that_was_exceeded_after_10000_rows_stays_exceeded(trial: Trial) -> None:
    """Writing had stopped by then: what good rows follow cannot bring the unwritten ones back."""
    source = trial.csv(birds_csv(40_000, bad_lines=range(2, 202)))
    with pytest.raises(RejectBudgetError):
        trial.load(source, max_rejects=RejectBudget.parse("1%"), block_bytes=64 << 10)


def test_over_budget_reading_goes_on_until_a_thousand_rejects_are_shown(trial: Trial) -> None:
    rows = 50_000
    source = trial.csv(birds_csv(rows, bad_lines=range(3, rows, 4)))
    with pytest.raises(RejectBudgetError) as error:
        trial.load(source, block_bytes=32 << 10)
    report = error.value.report
    assert report is not None
    assert SHOWN_REJECTS <= report.rejected < 3 * SHOWN_REJECTS
    assert report.rows_read < rows
    recorded = (trial.folder / "rejects.csv").read_text().splitlines()
    assert len(recorded) == report.rejected + 1


def test_rows_that_a_filter_leaves_out_are_counted_as_skipped(trial: Trial) -> None:
    report = trial.load(trial.csv(birds_csv(70)), mapping=BIRDS | {"filter": "bird <> 'b3'"})
    assert (report.rows_read, report.rows_mapped, report.skipped) == (70, 60, {"filtered": 10})
    assert_adds_up(report)


def test_blank_and_fieldless_rows_are_counted_by_reason(trial: Trial) -> None:
    report = trial.load(trial.csv(f"t,bird,lat,n\n{START},a,1,1\n\n{START + 1},a,,\n{START + 2},a,2,\n"))
    assert (report.rows_read, report.rows_mapped) == (4, 2)
    assert report.skipped == {"blank": 1, "no_fields": 1}
    assert_adds_up(report)


def test_limit_reads_so_many_rows(trial: Trial) -> None:
    report = trial.load(trial.csv(birds_csv(100)), limit=30)
    assert (report.rows_read, report.points_written) == (30, 30)


def test_unverified_load_says_so_and_leaves_stored_open(trial: Trial) -> None:
    report = trial.load(trial.csv(birds_csv(50)), verify=False)
    assert report.status == "unverified"
    assert {field.stored for field in report.fields} == {None}
    assert trial.rows().height == 100


def test_too_many_series_stop_the_load(trial: Trial) -> None:
    with pytest.raises(Exception, match="more than 5 series"):
        trial.load(trial.csv(birds_csv(50)), max_series=5)
    assert trial.buckets == set()
