from pathlib import Path
from typing import Any

import pytest

from benchmarks.aims import aims
from benchmarks.figures import Spread, growth, parts, ratio, speed, spread, starts, ways
from benchmarks.results import HELP, Run, Start, read_results, write_results
from tests.benchmarks.made_up import run, session, three_rounds


def test_spread_is_the_median_the_least_and_the_most() -> None:
    assert spread([3.0, 1.0, 10.0]) == Spread(3.0, 1.0, 10.0)
    assert spread([4.0, 2.0]) == Spread(3.0, 2.0, 4.0)
    assert spread([]) is None


def test_ratio_is_taken_within_a_round_so_that_a_slow_one_changes_nothing() -> None:
    results = three_rounds()
    found = ratio(results.of("movebank", "importer"), results.of("movebank", "baseline"), speed)
    assert found is not None
    assert (found.low, found.median, found.high) == pytest.approx((7.5, 7.5, 7.5))


def test_round_in_which_one_of_both_went_wrong_has_no_ratio() -> None:
    results = session(
        run("baseline", 60.0), run("importer", 10.0),
        run("baseline", 60.0, round=1, trouble="lost 3 of 1,000,000 rows"), run("importer", 1.0, round=1),
    )  # fmt: skip
    assert ratio(results.of("movebank", "importer"), results.of("movebank", "baseline"), speed) == Spread(6.0, 6.0, 6.0)


def test_figures_are_for_a_million_rows() -> None:
    (way,) = ways(session(run("importer", 4.0, rows=500_000)), "movebank")
    assert way.rows_per_second.median == 125_000
    assert way.cpu_seconds.median == 4.0
    assert way.server_cpu_seconds.median == 24.0
    assert way.peak_mb.median == 250.0


def test_way_that_always_went_wrong_has_no_figures() -> None:
    results = session(run("baseline", 5.0, trouble="lost 1 of 1,000,000 rows"), run("importer", 8.0))
    assert [way.contender for way in ways(results, "movebank")] == ["importer"]


def test_growth_is_in_the_order_of_sizes() -> None:
    assert [way.rows for way in growth(three_rounds(), "importer")] == [100_000, 1_000_000, 5_000_000]


def test_aims_are_measured_where_the_runs_for_them_are_there() -> None:
    found = {aim.what: aim for aim in aims(three_rounds())}
    values = {what: round(aim.value.median, 3) for what, aim in found.items() if aim.value}
    assert values == {
        "rows/s to row by row": 7.5,
        "the same with a row function": 2.0,
        "rows/s to the ceiling": 0.75,
        "rows/s of its writing alone to the ceiling": 0.95,
        "share of the first look in the load": 0.04,
        "share of the verification in the load": 0.08,
        "client CPU for a million rows": 2.0,
        "peak memory at 1,000,000 and 5,000,000 rows": 280.0,
        "time per row, the larger of these sizes to the smaller": 1.05,
        "CPU of `importer --help`": 0.31,
    }
    assert [what for what, aim in found.items() if aim.is_reached is False] == ["rows/s to the ceiling"]
    assert found["rows/s to `influx write`"].is_reached is None


@pytest.mark.parametrize(
    "growth",
    [
        (
            run("importer", 1.0, rows=100_000),
            run("importer", 8.0),
            run("importer", 1.0, rows=5_000_000, trouble="full"),
        ),
        (
            run("importer", 1.0, rows=100_000),
            run("importer", 8.0, trouble="full"),
            run("importer", 42.0, rows=5_000_000),
        ),
        (run("importer", 8.0),),
        (),
    ],
    ids=["the largest went wrong", "the one before went wrong", "one size", "none"],
)
def test_growth_of_which_one_of_the_two_largest_sizes_is_missing_is_not_measured(growth: tuple[Run, ...]) -> None:
    found = [aim for aim in aims(session(growth=growth)) if aim.what.startswith(("peak memory", "time per row"))]
    assert [(aim.value, aim.is_reached) for aim in found] == [(None, None)] * 2


def test_shares_are_those_of_the_load_without_the_start_of_the_process() -> None:
    other: dict[str, Any] = {
        "dataset": "wide",
        "rows": 50_000,
        "phases": {"look": 0.1, "load": 3.0},
        "elapsed_seconds": 4.0,
    }
    found = {
        each.dataset: each for each in parts(session(run("baseline", 60.0), run("importer", 5.0, **other)), "importer")
    }
    assert list(found) == ["wide"]
    assert (found["wide"].rows, found["wide"].seconds.median) == (50_000, 4.0)
    assert {phase: share.median for phase, share in found["wide"].shares.items()} == {"look": 0.025, "load": 0.75}


def test_load_that_does_not_say_what_it_took_has_no_shares() -> None:
    results = session(run("importer", 5.0, phases={"look": 0.1, "verify": 0.1}))
    assert parts(results, "importer") == []
    assert [aim.value for aim in aims(results) if aim.what.startswith("share")] == [None, None]


def test_start_that_went_wrong_does_not_count() -> None:
    results = three_rounds()
    results.start.append(Start(HELP, 3, "ended with 2", 0.1, 0.1, 1))
    assert [(start.what, start.cpu_seconds) for start in starts(results)] == [(HELP, Spread(0.31, 0.3, 0.5))]
    assert results.troubles == [f"{HELP}: ended with 2"]


def test_shard_groups_of_a_way_are_those_of_all_its_runs() -> None:
    (way,) = ways(session(run("importer", 1.0), run("importer", 1.0, round=1, shard_group_seconds=3600)), "movebank")
    assert way.shard_group_seconds == (3600, 7_776_000)


def test_ceiling_with_other_shard_groups_than_the_importer_is_told_of() -> None:
    results = session(run("lines", 6.0, shard_group_seconds=604_800), run("importer", 8.0))
    assert results.troubles == ["movebank: the ceiling's bucket and the importer's differ in their shard groups"]
    assert three_rounds().troubles == []


def test_results_are_read_as_they_were_written(tmp_path: Path) -> None:
    write_results(three_rounds(), tmp_path / "new" / "results.json")
    assert read_results(tmp_path / "new" / "results.json") == three_rounds()


def test_results_of_another_structure_are_refused(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text('{"schema_version": 0, "runs": []}')
    with pytest.raises(ValueError, match="measure anew"):
        read_results(tmp_path / "results.json")


def test_what_an_earlier_session_measured_besides_is_kept_if_the_machine_is_the_same() -> None:
    now, earlier = session(run("bulk", 4.0)), session(run("importer", 8.0), run("importer", 9.0, dataset="iot"))
    earlier.growth = [run("importer", 1.1, rows=100_000), run("bulk", 0.9, rows=100_000)]
    now.keep(earlier, ["movebank"], ["bulk"])
    assert [(each.dataset, each.contender) for each in now.runs] == [("movebank", "bulk"), ("iot", "importer")]
    assert [each.contender for each in now.growth] == ["importer"]
    earlier.machine = earlier.machine | {"influxdb": "2.7.1"}
    with pytest.raises(ValueError, match="another machine"):
        now.keep(earlier, ["movebank"], ["bulk"])
