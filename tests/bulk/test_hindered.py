"""A full disk, a server that dies, and other loads, while storage files are built and sent."""

from __future__ import annotations

import resource
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from importer import LoadError, LoadInProgressError, SpoolError
from importer.bucket import catalogue
from importer.bucket.mark import Mark, Owner
from importer.bucket.names import staging_name
from importer.bucket.settings import BucketSettings
from importer.bulk import building
from importer.bulk.building import Bulk
from importer.journal import load_folders
from tests.faults.test_full_disk import files_end_at
from tests.faults.test_server_dies import Nap
from tests.influxd import Influxd
from tests.loading import BIRDS_FLAGS, Command, Trial, birds_csv

ROWS = 4_000
MORE = {"method": "bulk", "shard_duration_seconds": 30 * 86_400, "block_bytes": 20_000}


@pytest.fixture
def old(trial: Trial) -> tuple[str, str]:
    """What the bucket is and holds before."""
    trial.load(trial.csv(birds_csv(10), "old.csv"), shard_duration_seconds=30 * 86_400)
    return trial.state_now()


def built_with_room(patched: pytest.MonkeyPatch, size_bytes: int) -> None:
    """From the end of the flow on, no file can be larger."""
    settle = Bulk.settle

    def hindered(bulk: Bulk, *rest: Any) -> Any:
        with files_end_at(size_bytes):
            return settle(bulk, *rest)

    patched.setattr(Bulk, "settle", hindered)


@pytest.mark.promise(
    fault="the storage files cannot be built: the disk is full",
    promise="the load stops, the live bucket is as it was, and --resume goes on once there is room",
    seen="error: cannot keep the storage files in '…': File too large; make room, or name another folder by"
    " --state-dir; exit 1",
)
@pytest.mark.parametrize(("size", "compression"), [(100, "none"), (20_000, "none"), (20_000, "gzip")])
def test_a_full_disk_stops_the_building_which_can_be_resumed(
    trial: Trial, old: tuple[str, str], size: int, compression: str
) -> None:
    source = trial.csv(birds_csv(ROWS), "new.csv")
    with pytest.MonkeyPatch.context() as patched:
        built_with_room(patched, size)
        with pytest.raises(
            SpoolError, match=r"cannot keep the storage files in .*: .*File too large; .* --resume"
        ) as error:
            trial.load(source, compression=compression, **MORE)
    assert error.value.resumable
    assert trial.state_now() == old
    (folder,) = load_folders(trial.state)
    assert list((folder / "spool").glob("*.tar*")) == []  # what is half built takes no room
    report = trial.load(source, compression=compression, resume=True, **MORE)
    assert (report.status, report.points_written) == ("verified", ROWS)
    assert trial.rows().height == 2 * ROWS
    assert trial.buckets == {""}


@pytest.mark.promise(fault="the storage files cannot be built: the disk is full")
@pytest.mark.usefixtures("environment")
def test_a_full_disk_ends_the_command_with_what_to_do(trial: Trial, command: Command) -> None:
    load = ("load", trial.csv(birds_csv(ROWS)), "--bucket", trial.bucket, *BIRDS_FLAGS, "--method", "bulk")
    load += ("--state-dir", trial.state)
    with pytest.MonkeyPatch.context() as patched:
        built_with_room(patched, 3_000)
        ended = command(*load)
    assert ended.code == 1
    assert "error: cannot keep the storage files in" in ended.err
    assert "--resume" in ended.err
    again = command(*load, "--resume")
    assert again.code == 0, again.err
    assert "going on with the load" in again.err
    assert trial.buckets == {""}


def test_runs_that_cannot_be_written_stop_the_load(trial: Trial, old: tuple[str, str]) -> None:
    source = trial.csv(birds_csv(ROWS), "new.csv")
    with pytest.raises(SpoolError, match="cannot keep the accounts") as error, files_end_at(3_000):
        trial.load(source, **MORE)
    assert not error.value.resumable  # not a block was taken
    assert trial.state_now() == old
    assert load_folders(trial.state) == []


@pytest.mark.promise(
    fault="influxd killed (-9) while storage files are sent, and restarted within `--wait`",
    promise="The load goes on as soon as the server is back; no acknowledged shard is missing.",
    seen="A line for each failed try; exit 0.",
)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_server_that_is_killed_between_shards_holds_all_of_it(
    own_influxd: Callable[[], Influxd], trial: Trial, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    trial.influxd = own_influxd()
    source, more = trial.csv(birds_csv(ROWS)), MORE | {"shard_duration_seconds": 86_400}
    trial.load(source, **(more | {"method": "write"}))
    digest, nap, send = trial.digest(), Nap(trial.influxd), building.send_shard
    count = 0

    def sending(*arguments: Any) -> None:
        nonlocal count
        count += 1
        if count == 2 and when == "before":
            nap()
        send(*arguments)
        if count == 2 and when == "after":
            nap()

    monkeypatch.setattr(building, "send_shard", sending)
    report = trial.load(source, wait_seconds=60, workers=1, **more)
    assert nap.end() == 1
    assert (report.status, report.points_written) == ("verified", ROWS)
    assert not any("written once more" in warning for warning in report.warnings)
    assert trial.digest() == digest
    trial.influxd.kill()
    trial.influxd.restart()
    assert trial.digest() == digest
    assert trial.buckets == {""}


@pytest.mark.promise(
    fault="another load takes the bucket's place while a load in bulk exchanges its staging bucket",
    promise="The load ends and leaves the other one alone; the bucket is as it was.",
    seen="`error: the bucket … is being filled by the load …`; exit 2.",
)
def test_another_load_that_takes_the_place_just_then_is_left_alone(
    trial: Trial, old: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    call = building.ShardedBucket.__call__
    mark = Mark("staging", "another", trial.bucket, "loading", "2020-01-01", Owner("elsewhere", "another machine", 1))

    def late(make: Any, server: Any, name: str, settings: BucketSettings, own: Mark | None) -> Any:
        if catalogue.find(server, name) is None:
            catalogue.create(server, name, BucketSettings(), mark)
        return call(make, server, name, settings, own)

    monkeypatch.setattr(building.ShardedBucket, "__call__", late)
    with pytest.raises(LoadInProgressError, match="is being filled by the load another"):
        trial.load(trial.csv(birds_csv(ROWS), "new.csv"), **MORE)
    assert trial.state_now() == old
    staged = catalogue.find(trial.server, staging_name(trial.bucket))
    assert staged is not None
    assert staged.mark == replace(mark)
    assert trial.buckets == {"", ".importer-staging"}


def test_a_staging_bucket_that_is_gone_in_mid_build_fails_the_load(
    trial: Trial, old: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    send, sent = building.send_shard, []

    def sending(wire: Any, shard: int, *rest: Any) -> None:
        sent.append(shard)
        if len(sent) == 2:
            found = catalogue.find(trial.server, staging_name(trial.bucket))
            assert found is not None
            catalogue.delete(trial.server, found.id)
        send(wire, shard, *rest)

    monkeypatch.setattr(building, "send_shard", sending)
    with pytest.raises(LoadError, match="no longer holds the bucket"):
        trial.load(trial.csv(birds_csv(ROWS), "new.csv"), **(MORE | {"shard_duration_seconds": 86_400, "workers": 1}))
    assert trial.state_now() == old
    assert trial.buckets == {""}


def test_more_shard_groups_than_the_server_can_have_open_are_told_of_and_removed(
    own_influxd: Callable[[], Influxd], trial: Trial
) -> None:
    trial.influxd = own_influxd()
    resource.prlimit(trial.influxd.process.pid, resource.RLIMIT_NOFILE, (300, 300))
    message = (
        r"lie in 61 shard groups of 1h, and the server cannot have so many files open: load with a longer --shard-"
    )
    with pytest.raises(LoadError, match=message):
        trial.load(trial.csv(birds_csv(60 * 60 - 20)), method="bulk", shard_duration_seconds=3_600)
    assert trial.buckets == set()
