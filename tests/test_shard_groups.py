"""How long shard groups are: as they fit the data, unless somebody has chosen it."""

from __future__ import annotations

import io
import threading

import pytest

from importer.backups.restoring import restore
from importer.backups.saving import backup
from importer.bucket import catalogue
from importer.bucket.shards import DAY, HOUR
from importer.choices import Method
from importer.errors import LoadInterruptedError
from importer.progress import Progress, Snapshot
from tests.loading import Trial

YEARS = "t,bird,lat,n\n" + "".join(f"{1_000_000_000 + n * 100 * DAY},b,{n}.5,{n}\n" for n in range(74))
SAMPLE = "".join(YEARS.splitlines(keepends=True)[:2]) + f"{1_000_000_000 + 20 * DAY},b,1.5,1\n"
BOTH_WAYS = pytest.mark.parametrize("method", ["write", "bulk"])


def duration_of(trial: Trial) -> int | None:
    found = catalogue.find(trial.server, trial.bucket)
    assert found is not None
    return found.settings.shard_duration_seconds


@BOTH_WAYS
def test_all_of_the_data_is_not_put_into_the_shard_groups_of_a_sample_of_it(trial: Trial, method: Method) -> None:
    sample = trial.load(trial.csv(SAMPLE), method=method)
    assert (sample.status, duration_of(trial)) == ("verified", DAY)
    whole = trial.load(trial.csv(YEARS), method=method)
    assert (whole.status, duration_of(trial)) == ("verified", 365 * DAY)
    assert whole.shard_group is not None
    assert whole.shard_group.how == "fitted to the time span: the time column, read ahead"
    # It was fitted in its turn.
    again = trial.load(trial.csv(SAMPLE), if_exists="replace", method=method)
    assert (again.status, duration_of(trial)) == ("verified", DAY)


def test_a_guess_from_the_first_rows_makes_them_no_shorter(trial: Trial) -> None:
    trial.load(trial.csv(YEARS))
    piped = trial.load("-", stdin=io.BytesIO(SAMPLE.encode()))
    assert (piped.status, duration_of(trial)) == ("verified", 365 * DAY)
    trial.load(trial.csv(SAMPLE))
    trial.load("-", stdin=io.BytesIO(YEARS.encode()))
    assert duration_of(trial) == 365 * DAY


def test_what_a_backup_says_of_them_is_true_of_what_is_restored(trial: Trial) -> None:
    trial.load(trial.csv(SAMPLE))
    backup(trial.bucket, to=trial.folder / "fitted", connection=trial.connection)
    trial.load(trial.csv(SAMPLE), shard_duration_seconds=DAY)
    backup(trial.bucket, to=trial.folder / "chosen", connection=trial.connection)
    for name, is_fitted in (("fitted", True), ("chosen", False)):
        restore(trial.folder / name, if_exists="replace", connection=trial.connection)
        found = catalogue.find(trial.server, trial.bucket)
        assert found is not None
        assert found.has_fitted_groups == is_fitted


def test_what_somebody_has_chosen_is_carried_over(trial: Trial) -> None:
    trial.load(trial.csv(SAMPLE))
    trial.load(trial.csv(SAMPLE), shard_duration_seconds=180 * DAY)
    whole = trial.load(trial.csv(YEARS))
    assert duration_of(trial) == 180 * DAY
    assert whole.shard_group is not None
    assert whole.shard_group.how == "as the bucket has them"


def test_what_somebody_has_changed_since_is_carried_over(trial: Trial) -> None:
    trial.load(trial.csv(SAMPLE))
    bucket = catalogue.find(trial.server, trial.bucket)
    assert bucket is not None
    rules = [{"type": "expire", "everySeconds": 0, "shardGroupDurationSeconds": 180 * DAY}]
    trial.server.call("PATCH", f"{catalogue.PATH}/{bucket.id}", body={"retentionRules": rules})
    trial.load(trial.csv(YEARS))
    assert duration_of(trial) == 180 * DAY


def test_the_retention_that_is_carried_over_bounds_what_is_fitted(trial: Trial) -> None:
    trial.load(trial.csv(SAMPLE), retention_seconds=0)
    trial.load(trial.csv(YEARS), retention_seconds=30 * DAY, allow_empty=True, max_rejects="100%")
    assert duration_of(trial) == DAY
    trial.load(trial.csv(YEARS), allow_empty=True, max_rejects="100%")
    assert duration_of(trial) == DAY
    trial.load(trial.csv(YEARS), retention_seconds=2 * HOUR, allow_empty=True, max_rejects="100%")
    assert duration_of(trial) == HOUR


@BOTH_WAYS
def test_a_load_that_is_gone_on_with_remembers_that_they_were_fitted(trial: Trial, method: Method) -> None:
    stop = threading.Event()

    class Stopping(Progress):
        def update(self, snapshot: Snapshot) -> None:
            if snapshot.phase == "load":
                stop.set()

    with pytest.raises(LoadInterruptedError, match="--resume"):
        trial.load(trial.csv(SAMPLE), method=method, stop=stop, progress=Stopping())
    assert trial.load(trial.csv(SAMPLE), method=method, resume=True).status == "verified"
    found = catalogue.find(trial.server, trial.bucket)
    assert found is not None
    assert found.has_fitted_groups
