from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

import importer
from importer import (
    BucketExistsError,
    ConfigurationError,
    LoadError,
    LoadInProgressError,
    LoadInterruptedError,
    RejectBudget,
    RejectBudgetError,
    ServerError,
    VerificationError,
)
from importer.bucket import catalogue, swap
from importer.limits import MAX_TIME_NS
from importer.progress import Snapshot
from importer.records import Lines, Outcome
from importer.server.connection import Server
from importer.sink.influx import InfluxSink
from tests.influxd import Influxd
from tests.loading import BIRDS, Trial, birds_csv, digest_of


class AtPhase:
    """Does something when a load gets to a phase: once, or whenever it tells of it."""

    def __init__(self, phase: str, action: Callable[[], object], *, always: bool = False) -> None:
        self._phase: str | None = phase
        self._action = action
        self._always = always

    def update(self, snapshot: Snapshot) -> None:
        if snapshot.phase == self._phase:
            self._phase = self._phase if self._always else None
            self._action()


def delete_points(server: Server, bucket_id: str, series: str) -> None:
    body = {"start": "2020-09-13T00:00:00Z", "stop": "2021-09-14T00:00:00Z", "predicate": series}
    query = {"org": server.connection.org, "bucketID": bucket_id}
    server.call("POST", "/api/v2/delete", query=query, body=body)


def staging_of(trial: Trial) -> str:
    found = catalogue.find(trial.server, f"{trial.bucket}.importer-staging")
    assert found is not None
    return found.id


@pytest.mark.promise(
    fault="verification fails",
    promise="The load fails and the bucket under the target's name is as it was; what was staged is removed.",
    seen="`error: the server does not hold what was sent`, with the first fields and time windows that differ, and "
    "both counts; exit 1.",
)
def test_points_that_get_lost_whenever_they_are_written_fail_the_load(trial: Trial) -> None:
    trial.load(trial.csv(birds_csv(100)))
    before = trial.state_now()

    def lose() -> None:
        delete_points(trial.server, staging_of(trial), 'bird="b3"')

    with pytest.raises(VerificationError, match=r"birds\.lat from .*: 29 values stored, 34 expected") as error:
        trial.load(trial.csv(birds_csv(70), "new.csv"), progress=AtPhase("verify", lose, always=True))
    assert trial.state_now() == before
    assert trial.buckets == {""}
    report = error.value.report
    assert report is not None
    assert report.status == "failed"
    assert {field.field: (field.expected, field.stored) for field in report.fields} == {"lat": (70, 60), "n": (70, 60)}


@pytest.mark.promise(
    fault="the server loses sight of values that it has acknowledged",
    promise="The verification misses them; the points of those time windows are written once more and counted again. "
    "If they are still missing, the load fails.",
    seen="`warning: the server did not hold 20 of the values that it had acknowledged: their points were written once "
    "more`, also in the report; `verified`.",
)
def test_points_that_get_lost_before_the_verification_are_written_once_more(trial: Trial) -> None:
    text = birds_csv(70) + "\n".join(birds_csv(70).splitlines()[1:]).replace(".", ".9") + "\n"
    source = trial.csv(text)
    trial.load(source, block_bytes=4096, workers=1)
    digest = trial.digest()

    def lose() -> None:
        delete_points(trial.server, staging_of(trial), 'bird="b3"')

    report = trial.load(source, block_bytes=4096, workers=1, progress=AtPhase("verify", lose))
    assert (report.status, report.points_written, report.duplicates) == ("verified", 70, 70)
    assert [warning for warning in report.warnings if "once more" in warning] == [
        "the server did not hold 20 of the values that it had acknowledged: their points were written once more"
    ]
    assert trial.digest() == digest


@pytest.mark.usefixtures("request_for_each_block")
def test_a_block_that_was_never_sent_fails_the_load(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    send = InfluxSink.__call__

    def forgetting(sink: InfluxSink, lines: Lines) -> Outcome:
        return Outcome(lines, (), 0, written=False) if lines.block.number == 2 else send(sink, lines)

    monkeypatch.setattr(InfluxSink, "__call__", forgetting)
    with pytest.raises(LoadError, match="the accounts do not add up"):
        trial.load(trial.csv(birds_csv(1000)), block_bytes=4096)
    assert trial.buckets == set()


def test_a_bucket_that_the_importer_did_not_make_is_not_replaced_unasked(trial: Trial) -> None:
    made = trial.server.call(
        "POST", "/api/v2/buckets", body={"name": trial.bucket, "orgID": trial.server.org_id, "retentionRules": []}
    )
    with pytest.raises(BucketExistsError, match=r"--if-exists replace .*--if-exists append .*another --bucket"):
        trial.load(trial.csv(birds_csv(10)))
    assert trial.bucket_id == made["id"]
    assert trial.load(trial.csv(birds_csv(10)), if_exists="replace").status == "verified"
    assert trial.bucket_id != made["id"]


def test_if_exists_fail_refuses_even_a_bucket_of_the_importers_own(trial: Trial) -> None:
    trial.load(trial.csv(birds_csv(10)))
    before = trial.state_now()
    with pytest.raises(BucketExistsError, match="exists"):
        trial.load(trial.csv(birds_csv(20)), if_exists="fail")
    assert trial.state_now() == before


def test_a_bucket_that_somebody_wrote_to_since_is_not_replaced_unasked(trial: Trial) -> None:
    trial.load(trial.csv(birds_csv(10)))
    trial.server.client.write_api().write(trial.bucket, record="birds,bird=new n=1i 1600000000000000001")
    write_api = trial.server.client.write_api()
    write_api.close()
    deadline = time.monotonic() + 10
    while trial.rows().height < 21 and time.monotonic() < deadline:
        time.sleep(0.1)
    with pytest.raises(BucketExistsError, match="somebody has written to it since"):
        trial.load(trial.csv(birds_csv(10)))


def test_keep_old_keeps_the_replaced_bucket_with_its_data(trial: Trial) -> None:
    trial.load(trial.csv(birds_csv(10)))
    old_id, old_digest = trial.state_now()
    trial.load(trial.csv(birds_csv(20)), keep_old=True)
    kept = catalogue.get(trial.server, old_id)
    assert kept is not None
    assert kept.name.startswith(f"{trial.bucket}.old-")
    assert len(trial.buckets) == 2
    assert digest_of(trial.server, old_id) == old_digest
    assert trial.rows().height == 40


def test_retention_and_shard_duration_are_as_asked_for_and_carried_over(trial: Trial) -> None:
    year = 365 * 86_400
    soon = birds_csv(10).replace("16000", "17900")  # within the retention
    trial.load(trial.csv(soon), retention_seconds=100 * year, shard_duration_seconds=30 * 86_400)
    for asked in ({}, {"retention_seconds": 50 * year}):
        trial.load(trial.csv(soon), **asked)
        found = catalogue.find(trial.server, trial.bucket)
        assert found is not None
        assert found.settings.retention_seconds == asked.get("retention_seconds", 100 * year)
        assert found.settings.shard_duration_seconds == 30 * 86_400


def test_shard_groups_of_a_new_bucket_fit_the_time_span(trial: Trial) -> None:
    trial.load(trial.csv(f"t,bird,lat,n\n0,a,1,1\n{1_600_000_000},a,2,2\n"))
    found = catalogue.find(trial.server, trial.bucket)
    assert found is not None
    assert found.settings.shard_duration_seconds == 730 * 86_400  # 50 years in some 30 groups


@pytest.mark.promise(fault="two loads into one bucket at once")
def test_a_second_load_at_once_is_refused_and_names_the_first(trial: Trial) -> None:
    refused: list[importer.ImporterError] = []
    second = trial.csv(birds_csv(5), "second.csv")

    def load_too() -> None:
        with pytest.raises(LoadInProgressError) as error:
            trial.load(second)
        refused.append(error.value)

    report = trial.load(trial.csv(birds_csv(50)), progress=AtPhase("verify", load_too))
    assert report.status == "verified"
    assert report.load_id in str(refused[0])
    assert trial.rows().height == 100


@pytest.mark.parametrize("phase", ["load", "duplicates", "verify"])
def test_stopping_in_any_phase_leaves_the_live_bucket(trial: Trial, phase: str) -> None:
    trial.load(trial.csv(birds_csv(100)), shard_duration_seconds=30 * 86_400)
    before = trial.state_now()
    stop = threading.Event()
    with pytest.raises(LoadInterruptedError, match="the bucket was left as it was") as error:
        trial.load(trial.csv(birds_csv(9000)), stop=stop, progress=AtPhase(phase, stop.set), block_bytes=20_000)
    assert error.value.report is not None
    assert error.value.report.status == "interrupted"
    assert trial.state_now() == before


def test_accounts_on_disk_are_removed_after_good_and_failed_loads(trial: Trial) -> None:
    seen: list[int] = []

    def look() -> None:
        seen.append(len(list(trial.state.iterdir())))

    trial.load(trial.csv(birds_csv(100)), progress=AtPhase("verify", look))
    assert seen == [1]
    assert list(trial.state.iterdir()) == []
    with pytest.raises(RejectBudgetError):
        trial.load(trial.csv(birds_csv(100, bad_lines=(50,))))
    assert list(trial.state.iterdir()) == []


def test_a_server_that_dies_in_mid_load_fails_it_and_the_old_bucket_outlives_it(
    own_influxd: Callable[[], Influxd], trial: Trial
) -> None:
    mine = own_influxd()
    trial.influxd = mine
    trial.load(trial.csv(birds_csv(100)), shard_duration_seconds=30 * 86_400)
    before = trial.state_now()
    source = trial.csv(birds_csv(20_000), "new.csv")
    with pytest.raises(ServerError) as error:
        trial.load(source, wait_seconds=1, block_bytes=20_000, progress=AtPhase("load", mine.kill))
    assert error.value.report is not None
    assert error.value.report.status == "failed"
    mine.restart()
    assert trial.state_now() == before
    report = trial.load(source)
    assert (report.status, report.points_written) == ("verified", 20_000)
    assert trial.buckets == {""}


def test_an_absent_server_is_waited_for_as_long_as_was_asked(trial: Trial) -> None:
    nowhere = replace(trial.connection, url="http://127.0.0.1:9")
    started = time.monotonic()
    with pytest.raises(ServerError, match=r"Is InfluxDB running at http://127\.0\.0\.1:9"):
        importer.load(trial.csv(birds_csv(1)), mapping=BIRDS, options=trial.options(wait_seconds=2), connection=nowhere)
    assert 2 <= time.monotonic() - started < 6


@pytest.mark.parametrize(
    ("wrong", "kind", "message"),
    [
        ({"token": "wrong"}, importer.AuthorizationError, "refuses the token"),
        ({"org": "nobody"}, importer.NotFoundError, "organisation 'nobody' not found at .*; there is: "),
    ],
)
def test_wrong_token_and_organisation_are_named(
    trial: Trial, wrong: dict[str, Any], kind: type[ServerError], message: str
) -> None:
    with pytest.raises(kind, match=message) as error:
        importer.load(
            trial.csv(birds_csv(1)),
            mapping=BIRDS,
            options=trial.options(),
            connection=replace(trial.connection, **wrong),
        )
    assert "wrong" not in str(error.value)


def test_a_rejects_file_that_is_a_source_is_not_overwritten(trial: Trial) -> None:
    source = trial.csv(birds_csv(10), "rejects.csv")
    text = source.read_text()
    with pytest.raises(ConfigurationError, match="would overwrite a source"):
        trial.load(source)
    assert source.read_text() == text
    with pytest.raises(ConfigurationError, match="would overwrite a source"):
        trial.load(source, rejects=trial.folder / "others.csv", report=source)
    assert source.read_text() == text


def test_the_last_nanosecond_is_loaded_and_verified(trial: Trial) -> None:
    mapping = BIRDS | {"time": {"column": "t", "format": "unix_ns"}}
    report = trial.load(trial.csv(f"t,bird,lat,n\n0,a,1,1\n{MAX_TIME_NS},a,2,2\n"), mapping=mapping)
    assert (report.status, report.points_written) == ("verified", 2)


def test_points_outside_the_retention_are_rejects_and_all_others_are_stored(trial: Trial) -> None:
    now = int(time.time())
    rows = [f"{now - (86_400 * 400 if n % 2 else 3_600) - n},b,1.5,{n}" for n in range(4_000)]
    source = trial.csv("\n".join(["t,bird,lat,n", *rows]) + "\n")
    report = trial.load(source, retention_seconds=86_400 * 30, max_rejects=RejectBudget(3_000))
    assert (report.status, report.points_written, report.points_rejected) == ("verified", 2_000, 2_000)
    with pytest.raises(RejectBudgetError) as error:
        trial.load(source, retention_seconds=86_400 * 30, max_rejects=RejectBudget(1_500))
    assert error.value.report is not None
    assert error.value.report.points_written <= 2_000


def test_a_source_whose_rows_give_no_point_is_warned_of(trial: Trial) -> None:
    report = trial.load(trial.csv(birds_csv(10)), mapping={**BIRDS, "filter": "bird = 'nobody'"})
    assert (report.status, report.skipped) == ("verified", {"filtered": 10})
    assert report.warnings == ["the 10 rows of the source gave no point: the bucket is empty"]


def test_a_source_that_gives_no_point_replaces_no_bucket_unless_told_to(trial: Trial) -> None:
    trial.load(trial.csv(birds_csv(10)))
    before = trial.state_now()
    empty = trial.csv(birds_csv(0), "empty.csv")
    with pytest.raises(LoadError, match="the bucket was left as it was; --allow-empty"):
        trial.load(empty)
    assert trial.state_now() == before
    assert trial.load(empty, allow_empty=True).status == "verified"
    assert trial.rows().height == 0


def test_a_swap_that_breaks_off_and_is_completed_is_no_failure(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    trial.load(trial.csv(birds_csv(10)))
    carry, calls = swap._carry_labels, []

    def broken_once(*arguments: Any, **more: Any) -> Any:
        calls.append(1)
        if len(calls) == 1:
            raise ServerError("no answer")
        return carry(*arguments, **more)

    monkeypatch.setattr(swap, "_carry_labels", broken_once)
    report = trial.load(trial.csv(birds_csv(20)))
    assert (report.status, report.points_written) == ("verified", 20)
    assert any("the swap broke off (no answer) and was then completed" in warning for warning in report.warnings)
    assert trial.rows().height == 40
    assert trial.buckets == {""}
