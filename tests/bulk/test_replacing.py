"""A bucket that was built takes the place of another one as one that was written does."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from importer import BucketExistsError
from importer.bucket import catalogue
from importer.bucket.settings import BucketSettings
from tests.backups.points import write
from tests.bulk.two_ways import TwoWays
from tests.loading import Trial, birds_csv, digest_of

DAY = 86_400


@pytest.fixture
def label(trial: Trial) -> Iterator[str]:
    body = {"orgID": trial.server.org_id, "name": f"label-{uuid.uuid4().hex}"}
    found: str = trial.server.call("POST", "/api/v2/labels", body=body)["label"]["id"]
    yield found
    trial.server.call("DELETE", f"/api/v2/labels/{found}")


def test_settings_label_text_and_database_names_are_carried_over(trial: Trial, label: str) -> None:
    server, settings = trial.server, BucketSettings(0, 14 * DAY, "what a person wrote")
    made = catalogue.create(server, trial.bucket, settings, None)
    server.call("POST", f"/api/v2/buckets/{made.id}/labels", body={"labelID": label})
    mapping = {"bucketID": made.id, "database": f"of-{trial.bucket}", "retention_policy": "a", "default": True}
    server.call("POST", "/api/v2/dbrps", body=mapping | {"orgID": server.org_id})
    report = trial.load(trial.csv(birds_csv(2_000)), method="bulk", if_exists="replace")
    found = catalogue.find(server, trial.bucket)
    assert found is not None
    assert found.id != made.id
    assert found.settings == BucketSettings(0, 14 * DAY, "what a person wrote", (label,))
    assert found.mark is not None
    (named,) = server.call("GET", "/api/v2/dbrps", query={"orgID": server.org_id, "db": f"of-{trial.bucket}"})[
        "content"
    ]
    assert named["bucketID"] == found.id
    assert report.shard_group is not None
    assert report.shard_group.seconds == 14 * DAY
    assert trial.buckets == {""}


@pytest.mark.parametrize(("retention", "shards"), [(None, None), (20_000 * DAY, 7 * DAY)])
def test_retention_and_shard_groups_are_as_those_of_a_bucket_by_lines(
    ways: TwoWays, trial: Trial, retention: int | None, shards: int | None
) -> None:
    more = {"retention_seconds": retention, "shard_duration_seconds": shards}
    ways.load(trial.csv(birds_csv(2_000)), **more)
    found = [catalogue.find(one.server, one.bucket) for one in (ways.lines, ways.files)]
    assert found[0] is not None
    assert found[1] is not None
    assert found[0].settings == found[1].settings
    spans = [
        trial.server.call("GET", "/query", query={"db": one.bucket, "q": "SHOW RETENTION POLICIES"})["results"]
        for one in (ways.lines, ways.files)
    ]
    assert spans[0] == spans[1]
    ways.hold_the_same()


def test_a_bucket_is_replaced_again_and_again_by_either_way_and_the_old_one_is_kept_if_asked_for(trial: Trial) -> None:
    digests = {}
    for rows, method in ((100, "write"), (200, "bulk"), (300, "bulk"), (400, "write"), (500, "auto")):
        report = trial.load(trial.csv(birds_csv(rows)), method=method, keep_old=rows == 500)
        assert (report.status, report.points_written) == ("verified", rows)
        digests[rows] = trial.digest()
        assert (report.building is None) == (method == "write")
    (kept,) = [bucket for bucket in trial.all_buckets() if bucket.name != trial.bucket]
    assert digest_of(trial.server, kept.id) == digests[400]
    assert len({*digests.values()}) == 5


def test_what_somebody_wrote_since_keeps_a_bucket_from_being_replaced_unasked(trial: Trial) -> None:
    trial.load(trial.csv(birds_csv(10)), method="bulk")
    write(trial, trial.bucket_id, "birds,bird=new n=1i 1600000000000000001")
    before = trial.state_now()
    with pytest.raises(BucketExistsError, match="--if-exists replace"):
        trial.load(trial.csv(birds_csv(20)), method="bulk")
    assert trial.state_now() == before
    assert trial.load(trial.csv(birds_csv(20)), method="bulk", if_exists="replace").status == "verified"
    assert trial.buckets == {""}


@pytest.mark.parametrize("method", ["bulk", "write"])
def test_a_state_folder_may_be_named_like_a_pattern(trial: Trial, method: str) -> None:
    state = trial.folder / "[1]*? {a,b} 'q' $1"
    twice = birds_csv(2_000) + birds_csv(20).partition("\n")[2]
    report = trial.load(trial.csv(twice), method=method, state_dir=state, block_bytes=20_000)
    assert (report.status, report.duplicates) == ("verified", 20)
    assert list(state.iterdir()) == []
