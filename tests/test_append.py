from __future__ import annotations

import threading
from typing import Any

import pytest

from importer import ConfigurationError, LoadInterruptedError, RejectBudgetError, VerificationError
from importer.bucket import catalogue
from importer.bucket.mark import Mark
from tests.loading import BIRDS, START, Trial, birds_csv
from tests.test_all_or_nothing import AtPhase, delete_points


def later_csv(rows: int) -> str:
    """Rows of birds, after those that ``birds_csv`` gives."""
    return "t,bird,lat,n\n" + "".join(f"{START + 10**7 + n},late{n % 3},{n}.5,{n}\n" for n in range(rows))


def mark_of(trial: Trial) -> Mark | None:
    found = catalogue.find(trial.server, trial.bucket)
    assert found is not None
    return found.mark


def test_appending_adds_to_what_is_there_and_is_verified_by_reading_back(trial: Trial) -> None:
    trial.load(trial.csv(birds_csv(100)))
    before = trial.bucket_id
    report = trial.load(trial.csv(later_csv(30), "more.csv"), if_exists="append")
    assert (report.status, report.points_written) == ("verified", 30)
    assert {(field.expected, field.stored) for field in report.fields} == {(30, 30)}
    assert trial.bucket_id == before
    assert trial.rows().height == 260
    assert trial.buckets == {""}


def test_appending_says_that_it_cannot_be_undone(trial: Trial) -> None:
    trial.load(trial.csv(birds_csv(10)))
    report = trial.load(trial.csv(later_csv(5), "more.csv"), if_exists="append")
    assert [warning for warning in report.warnings if "cannot be undone" in warning]


def test_appending_where_there_is_no_bucket_makes_one_that_may_be_replaced_later(trial: Trial) -> None:
    assert trial.load(trial.csv(birds_csv(10)), if_exists="append").status == "verified"
    assert mark_of(trial) is not None
    assert trial.load(trial.csv(birds_csv(20))).points_written == 20


def test_appending_clears_the_mark_so_that_the_next_load_asks(trial: Trial) -> None:
    trial.load(trial.csv(birds_csv(10)))
    trial.load(trial.csv(later_csv(5), "more.csv"), if_exists="append")
    assert mark_of(trial) is None
    with pytest.raises(ConfigurationError, match="--if-exists replace"):
        trial.load(trial.csv(birds_csv(10)))


def test_a_conflicting_type_is_refused_before_anything_of_the_bucket_is_touched(trial: Trial) -> None:
    trial.load(trial.csv(birds_csv(10)))
    before, mark = trial.state_now(), mark_of(trial)
    fields: dict[str, Any] = BIRDS["fields"] | {"n": {"column": "n", "type": "float"}}
    with pytest.raises(ConfigurationError, match=r"birds\.n as integer, the mapping says float"):
        trial.load(trial.csv(later_csv(5), "more.csv"), if_exists="append", mapping=BIRDS | {"fields": fields})
    assert trial.state_now() == before
    assert mark_of(trial) == mark
    assert trial.buckets == {""}


def test_a_field_without_a_type_takes_the_type_that_the_bucket_has(trial: Trial) -> None:
    trial.load(trial.csv(birds_csv(10)))
    fields = {"lat": {"column": "lat"}, "n": {"column": "n"}}
    report = trial.load(trial.csv(later_csv(5), "more.csv"), if_exists="append", mapping=BIRDS | {"fields": fields})
    assert {field.field: field.type for field in report.fields} == {"lat": "float", "n": "integer"}
    assert report.status == "verified"


def test_appending_over_points_that_are_there_is_verified_all_the_same(trial: Trial) -> None:
    trial.load(trial.csv(birds_csv(50)))
    report = trial.load(trial.csv(birds_csv(80), "more.csv"), if_exists="append")
    assert (report.status, report.points_written) == ("verified", 80)
    assert trial.rows().height == 160


def test_an_appended_point_that_gets_lost_is_written_once_more_and_fails_the_load_if_it_is_lost_again(
    trial: Trial,
) -> None:
    trial.load(trial.csv(birds_csv(50)))
    more = trial.csv(later_csv(30), "more.csv")

    def lose() -> None:
        delete_points(trial.server, trial.bucket_id, 'bird="late1"')

    with pytest.raises(VerificationError, match="20 values stored, 30 expected"):
        trial.load(more, if_exists="append", progress=AtPhase("verify", lose, always=True))
    report = trial.load(more, if_exists="append", progress=AtPhase("verify", lose))
    assert report.status == "verified"
    assert any("written once more" in warning for warning in report.warnings)
    assert trial.rows().height == 160


def test_an_appending_load_that_fails_says_what_stays(trial: Trial) -> None:
    trial.load(trial.csv(birds_csv(10)))
    bad = later_csv(5) + f"{START},b,north,1\n"
    with pytest.raises(RejectBudgetError, match="what was appended before stays") as rejected:
        trial.load(trial.csv(bad, "more.csv"), if_exists="append")
    stop = threading.Event()
    with pytest.raises(LoadInterruptedError, match="what was appended before stays") as interrupted:
        trial.load(
            trial.csv(later_csv(5), "more.csv"), if_exists="append", stop=stop, progress=AtPhase("verify", stop.set)
        )
    for error in (rejected.value, interrupted.value):
        assert error.report is not None
        assert any("stays in it" in warning for warning in error.report.warnings)
    report = trial.load(trial.csv(later_csv(5), "more.csv"), if_exists="append", resume=True)
    assert (report.status, report.rows_read, report.load_id) == ("verified", 5, interrupted.value.report.load_id)
    assert trial.buckets == {""}
    assert trial.rows().height == 30


def test_retention_cannot_be_changed_by_appending(trial: Trial) -> None:
    trial.load(trial.csv(birds_csv(10)))
    mark = mark_of(trial)
    with pytest.raises(ConfigurationError, match="cannot change the retention"):
        trial.load(trial.csv(later_csv(5), "more.csv"), if_exists="append", retention_seconds=90 * 86_400)
    assert mark_of(trial) == mark
