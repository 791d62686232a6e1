"""The queue: who goes next, who is refused, who is told to end, and what is left of them on either side."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from importer.bucket import prepare
from importer.errors import ConfigurationError, LoadInProgressError, ServerUnreachableError
from importer.jobs import loading, running
from importer.jobs.job import Job, Record, Wanted, now
from importer.jobs.keeping import outdated
from importer.jobs.queue import Jobs
from importer.jobs.refusals import JobStateError, NoSuchJobError, NoSuchUploadError, QueueFullError
from importer.jobs.uploads import Upload
from importer.ledger.report import Report
from importer.measurements.opening import opened_bucket
from importer.sink.influx import InfluxSink
from tests.jobs.slow_service import small_blocks
from tests.jobs.watching import wait_until
from tests.loading import Trial
from tests.test_resume import UNTYPED, hard_csv, ledger_of

pytestmark = pytest.mark.usefixtures("request_for_each_block")

Open = Callable[..., Jobs]


@pytest.fixture
def open_jobs(trial: Trial) -> Iterator[Open]:
    """Opens the jobs of one and the same folder, as the next run of a service does."""
    opened: list[Jobs] = []

    def make(**more: Any) -> Jobs:
        jobs = Jobs(trial.folder / "service", lambda: trial.connection, **more)
        jobs.open()
        opened.append(jobs)
        return jobs

    yield make
    for jobs in opened:
        jobs.close()


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch) -> Writes:
    """Loads have small blocks; their writes are counted, and wait where a test wants it."""
    monkeypatch.setattr(loading, "load_options", small_blocks())
    found, post = Writes(), InfluxSink._post

    def noted(*arguments: Any, **more: Any) -> Any:
        found.number += 1
        if found.number > found.held_from:
            time.sleep(0.2)
        if found.number > found.lost_from:
            raise ServerUnreachableError("nobody answers")
        return post(*arguments, **more)

    monkeypatch.setattr(InfluxSink, "_post", noted)
    return found


class Writes:
    """How many there were, and from which on they take their time, or meet nobody."""

    number = 0
    held_from = lost_from = 1_000_000


def upload(jobs: Jobs, text: str, name: str = "birds.csv") -> Upload:
    with jobs.uploads.begin(name) as draft:
        draft.write(text.encode())
        return draft.finish()


def submit(jobs: Jobs, bucket: str, text: str = "", **wanted: Any) -> str:
    sent = upload(jobs, text or hard_csv(50))
    chosen = Wanted(**{"bucket": bucket, "mapping": UNTYPED, "max_rejects": 1000, **wanted})
    return jobs.submit(chosen, jobs.uploads.place(sent), upload=sent).id


def end_of(jobs: Jobs, job: str) -> Job:
    wait_until(lambda: jobs.get(job).state not in ("queued", "running"), f"the end of {job}")
    return jobs.get(job)


def left(trial: Trial) -> list[str]:
    """What is on the disk that an ended job does not need."""
    state = trial.folder / "service"
    return [path.name for name in ("jobs/*/accounts/*", "uploads/*") for path in state.glob(name)]


def test_a_stopped_service_leaves_a_load_to_the_next_one_which_goes_on_with_it(
    trial: Trial, open_jobs: Open, writes: Writes
) -> None:
    text = hard_csv()
    writes.held_from = 5
    jobs = open_jobs()
    job = submit(jobs, trial.bucket, text)
    wait_until(lambda: writes.number > 7, "some writes")
    jobs.close()
    assert jobs.get(job).state == "interrupted"
    assert trial.buckets == {".importer-staging"}
    before, writes.held_from = writes.number, 1_000_000
    result = end_of(open_jobs(), job)
    assert (result.state, result.attempts) == ("verified", 2)
    assert result.report is not None
    again = writes.number - before
    whole = trial.load(
        trial.csv(text), bucket=f"{trial.bucket}-whole", mapping=UNTYPED, block_bytes=10_000, max_rejects=1000
    )
    assert again <= writes.number - before - again - 3  # what was acknowledged is not sent again
    assert ledger_of(Report.model_validate(result.report)) == ledger_of(whole)
    assert left(trial) == []


def test_a_running_import_that_is_cancelled_leaves_nothing_behind_and_the_bucket_as_it_was(
    trial: Trial, open_jobs: Open, writes: Writes
) -> None:
    trial.load(trial.csv(hard_csv(100)), mapping=UNTYPED, max_rejects=1000)
    before = trial.state_now()
    writes.number, writes.held_from = 0, 3
    jobs = open_jobs()
    job = submit(jobs, trial.bucket, hard_csv())
    wait_until(lambda: writes.number > 5, "some writes")
    assert trial.buckets == {"", ".importer-staging"}
    assert jobs.cancel(job).cancelling
    result = end_of(jobs, job)
    assert (result.state, result.cancelling) == ("cancelled", False)
    assert result.error is not None
    assert result.error.message.endswith("the bucket was left as it was; what it had staged is removed")
    assert trial.buckets == {""}
    assert trial.state_now() == before
    assert left(trial) == []
    with pytest.raises(JobStateError, match="it is cancelled"):
        jobs.cancel(job)


def test_one_that_waits_is_cancelled_at_once(trial: Trial, open_jobs: Open, writes: Writes) -> None:
    writes.held_from = 0
    jobs = open_jobs()
    running_one = submit(jobs, trial.bucket, hard_csv(1_000))
    waiting = submit(jobs, f"{trial.bucket}-next")
    wait_until(lambda: jobs.get(running_one).state == "running", "the first one's start")
    assert jobs.cancel(waiting).state == "cancelled"
    assert jobs.get(waiting).attempts == 0
    writes.held_from = 1_000_000
    assert end_of(jobs, running_one).state == "verified"
    assert trial.buckets == {""}


def test_a_second_import_of_a_bucket_is_refused_and_so_is_one_too_many(
    trial: Trial, open_jobs: Open, writes: Writes
) -> None:
    writes.held_from = 0
    jobs = open_jobs(most_queued=1)
    first = submit(jobs, trial.bucket, hard_csv(1_000))
    wait_until(lambda: jobs.get(first).state == "running", "its start")
    with pytest.raises(LoadInProgressError, match=f"the import {first} of the bucket .* is running"):
        submit(jobs, trial.bucket)
    submit(jobs, f"{trial.bucket}-a")
    with pytest.raises(QueueFullError, match="1 imports are waiting already"):
        submit(jobs, f"{trial.bucket}-b")


def test_a_bucket_that_another_program_fills_fails_the_job_with_the_loads_own_words(
    trial: Trial, open_jobs: Open
) -> None:
    held = prepare(trial.server, trial.bucket, "20240101T000000-abcdef", say=lambda _: None)
    try:
        jobs = open_jobs()
        job = submit(jobs, trial.bucket)
        result = end_of(jobs, job)
        assert result.error is not None
        assert (result.state, result.error.type) == ("failed", "LoadInProgressError")
        assert "is being filled by the load 20240101T000000-abcdef" in result.error.message
        # The upload of a failed one stays, to be tried again; until somebody removes it.
        assert result.upload is not None
        jobs.discard(result.upload)
        with pytest.raises(NoSuchUploadError):
            jobs.discard(result.upload)
    finally:
        held.abort(say=lambda _: None)


def test_a_load_that_loses_the_server_is_interrupted_and_goes_on_when_told(
    trial: Trial, open_jobs: Open, writes: Writes, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = loading.load_options
    monkeypatch.setattr(loading, "load_options", lambda *a, **m: replace(options(*a, **m), wait_seconds=0.1))
    writes.lost_from = 8
    jobs = open_jobs()
    job = submit(jobs, trial.bucket, hard_csv())
    events = jobs.events(job)
    result = end_of(jobs, job)
    wait_until(lambda: events.ended, "the last event")
    ids = [event.id for event in events.after(None)]
    assert result.error is not None
    assert (result.state, result.error.type) == ("interrupted", "ServerUnreachableError")
    assert result.error.message.endswith("what was loaded so far is kept, and can be gone on with")
    known = jobs.events(job).after(None)[-1].id
    assert jobs.events(job).after(known) == []
    with pytest.raises(LoadInProgressError, match="is interrupted"):
        submit(jobs, trial.bucket)
    assert result.upload is not None
    with pytest.raises(JobStateError, match="an import reads this upload"):
        jobs.discard(result.upload)
    writes.lost_from = 1_000_000
    jobs.resume(job)
    # Whichever of its runs somebody heard: all of the others is news.
    for heard in (known, *ids):
        assert jobs.events(job).after(heard)[0].kind == "state"
    assert end_of(jobs, job).state == "verified"
    for heard in (known, *ids):
        assert jobs.events(job).after(heard)[-1].kind == "end"
    with pytest.raises(JobStateError, match="not interrupted"):
        jobs.resume(job)


def test_an_interrupted_one_that_is_cancelled_leaves_nothing_behind(
    trial: Trial, open_jobs: Open, writes: Writes
) -> None:
    writes.held_from = 3
    jobs = open_jobs()
    job = submit(jobs, trial.bucket, hard_csv())
    wait_until(lambda: writes.number > 5, "some writes")
    jobs.close()
    assert trial.buckets == {".importer-staging"}
    writes.held_from = 1_000_000
    record = json.loads((trial.folder / "service" / "jobs" / job / "job.json").read_text())
    (trial.folder / "service" / "jobs" / job / "job.json").write_text(json.dumps({**record, "cancelling": True}))
    number = writes.number
    assert end_of(open_jobs(), job).state == "cancelled"
    assert writes.number == number
    assert trial.buckets == set()
    assert left(trial) == []


def killed(trial: Trial, jobs: Jobs, job: str) -> None:
    """Close the service, and leave of it what one leaves that is killed while the job runs."""
    jobs.close()
    place = trial.folder / "service" / "jobs" / job / "job.json"
    place.write_text(json.dumps({**json.loads(place.read_text()), "state": "running", "ended": None, "error": None}))


def test_an_import_that_the_service_dies_of_again_and_again_waits_until_it_is_told_to_go_on(
    trial: Trial, open_jobs: Open, writes: Writes
) -> None:
    writes.held_from = 3
    jobs = open_jobs()
    job = submit(jobs, trial.bucket, hard_csv())
    wait_until(lambda: writes.number > 5, "some writes")
    killed(trial, jobs, job)
    # Once is chance: it goes on by itself, before those that wait.
    jobs, before = open_jobs(), writes.number
    wait_until(lambda: writes.number > before + 1, "some writes")
    killed(trial, jobs, job)
    # The next one has its turn instead, also in the runs of the service to come.
    before, writes.held_from = writes.number, 1_000_000
    open_jobs().close()
    jobs = open_jobs()
    found = jobs.get(job)
    assert found.error is not None
    assert (found.state, found.attempts, found.error.type) == ("interrupted", 2, "ServiceDiedError")
    assert "died 2 times while this import ran" in found.error.message
    assert found.error.message.endswith("can be gone on with")
    assert writes.number == before
    assert end_of(jobs, submit(jobs, f"{trial.bucket}-next")).state == "verified"
    # Told to go on, it is left again where the service dies once more; what was acknowledged is not sent again.
    writes.held_from = writes.number
    jobs.resume(job)
    wait_until(lambda: jobs.get(job).state == "running", "its start")
    killed(trial, jobs, job)
    writes.held_from = 1_000_000
    jobs = open_jobs()
    assert jobs.get(job).state == "interrupted"
    jobs.resume(job)
    result = end_of(jobs, job)
    assert (result.state, result.error) == ("verified", None)
    assert left(trial) == []


def test_killed_between_the_swap_and_its_record_a_job_finds_its_own_bucket(trial: Trial, open_jobs: Open) -> None:
    jobs = open_jobs()
    job = submit(jobs, trial.bucket, if_exists="fail")
    end_of(jobs, job)
    jobs.close()
    place = trial.folder / "service" / "jobs" / job / "job.json"
    record = json.loads(place.read_text())
    sent = trial.folder / "service" / "uploads" / record["upload"]
    (sent / "file").mkdir(parents=True)
    (sent / "file" / "birds.csv").write_text(hard_csv(50))
    (sent / "upload.json").write_text(
        Upload(upload=record["upload"], name="birds.csv", bytes=1, sha256="").model_dump_json()
    )
    place.write_text(json.dumps({**record, "state": "running", "report": None}))
    result = end_of(open_jobs(), job)
    assert result.state == "verified", result.error
    # A bucket that is not its own stays, whatever happened.
    other = end_of(jobs := open_jobs_again(trial), submit(jobs, trial.bucket, if_exists="fail"))
    jobs.close()
    assert (other.state, other.error.type if other.error else "") == ("failed", "BucketExistsError")


def open_jobs_again(trial: Trial) -> Jobs:
    jobs = Jobs(trial.folder / "another", lambda: trial.connection)
    jobs.open()
    return jobs


# polars' own is no Exception, but a BaseException.
@pytest.mark.parametrize("kind", [ZeroDivisionError, pl.exceptions.PanicException])
def test_an_error_that_nobody_thought_of_fails_one_job_and_not_the_next(
    trial: Trial,
    open_jobs: Open,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    kind: type[BaseException],
) -> None:
    load, calls = loading.run_load, []

    def failing(*arguments: Any, **more: Any) -> Any:
        calls.append(1)
        if len(calls) == 1:
            raise kind(f"ZeroDivision with {''.join(trial.connection.token)}")
        return load(*arguments, **more)

    monkeypatch.setattr(running, "run_load", failing)
    jobs = open_jobs()
    first, second = submit(jobs, trial.bucket), submit(jobs, f"{trial.bucket}-next")
    result = end_of(jobs, first)
    assert result.error is not None
    assert (result.state, result.error.type) == ("failed", "InternalError")
    assert "ZeroDivision" not in result.error.message
    assert "ZeroDivision" in caplog.text
    assert "".join(trial.connection.token) not in caplog.text
    assert end_of(jobs, second).state == "verified"


def test_a_disk_that_refuses_to_be_swept_neither_ends_the_worker_nor_refuses_an_upload(
    trial: Trial, open_jobs: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusing(*_: Any, **__: Any) -> list[str]:
        raise PermissionError("no")

    jobs = open_jobs()
    monkeypatch.setattr(jobs.uploads, "old", refusing)
    jobs.sweep()
    first = submit(jobs, trial.bucket)
    assert end_of(jobs, first).state == "verified"
    assert end_of(jobs, submit(jobs, f"{trial.bucket}-next")).state == "verified"


@pytest.mark.parametrize("moment", ["before its end is written down", "after its end was written down"])
def test_an_import_that_is_cancelled_just_as_it_is_interrupted_is_taken_back(
    trial: Trial, open_jobs: Open, writes: Writes, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    options = loading.load_options
    monkeypatch.setattr(loading, "load_options", lambda *a, **m: replace(options(*a, **m), wait_seconds=0.1))
    writes.lost_from = 8
    jobs = open_jobs()
    held, connection = threading.Event(), jobs._connection
    jobs._connection = lambda: (held.wait(30), connection())[1]  # until its id is known here
    end, said = jobs._board.end, running._said

    def cancelled(job: str) -> None:
        other = threading.Thread(target=jobs.cancel, args=[job])  # as a request does it
        other.start()
        other.join(0.5)

    def ending(job: str, state: Any, **what: Any) -> None:
        end(job, state, **what)
        if state == "interrupted" and moment.startswith("after"):
            cancelled(job)

    def saying(*arguments: Any, **more: Any) -> str:
        if moment.startswith("before"):
            cancelled(job)
        return said(*arguments, **more)

    monkeypatch.setattr(jobs._board, "end", ending)
    monkeypatch.setattr(running, "_said", saying)
    job = submit(jobs, trial.bucket, hard_csv())
    held.set()
    wait_until(lambda: jobs.get(job).state == "cancelled", "its end")
    assert trial.buckets == set()
    assert left(trial) == []


def test_as_many_run_at_once_as_are_set(trial: Trial, open_jobs: Open, writes: Writes) -> None:
    writes.held_from = 0
    jobs = open_jobs(workers=2)
    found = [submit(jobs, f"{trial.bucket}-{name}", hard_csv(400)) for name in "abc"]
    wait_until(lambda: [jobs.get(job).state for job in found] == ["running", "running", "queued"], "two at once")
    writes.held_from = 1_000_000
    assert [end_of(jobs, job).state for job in found] == ["verified"] * 3


def test_two_services_do_not_work_on_the_same_jobs(trial: Trial, open_jobs: Open) -> None:
    open_jobs()
    second = Jobs(trial.folder / "service", lambda: trial.connection)
    with pytest.raises(ConfigurationError, match="another service works on the jobs"):
        second.open()


def test_what_is_told_of_a_job_is_its_states_its_progress_its_log_and_its_end(
    trial: Trial, open_jobs: Open, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "importer")  # as importer serve has it
    jobs = open_jobs()
    held = threading.Event()
    connection = jobs._connection
    jobs._connection = lambda: (held.wait(30), connection())[1]
    job = submit(jobs, trial.bucket, hard_csv(700))
    events = jobs.events(job)
    held.set()
    end_of(jobs, job)
    wait_until(lambda: events.ended, "the last event")
    found = events.after(None)
    states = [json.loads(event.data)["state"] for event in found if event.kind == "state"]
    assert (states[0], states[1], states[-1], found[-1].kind) == ("queued", "running", "verified", "end")
    last = [json.loads(event.data) for event in found if event.kind == "progress"][-1]
    assert (last["rows"], last["rejects"]) == (702, 2)
    assert any("shard groups" in json.loads(event.data)["message"] for event in found if event.kind == "log")
    # Who comes later is told how it ended, under other ids; and knows it when coming again.
    again = jobs.events(job).after(found[2].id)
    assert [event.kind for event in again] == ["state", "progress", "end"]
    assert jobs.events(job).after(again[-1].id) == []


def test_jobs_that_ended_long_ago_or_before_many_others_are_forgotten(trial: Trial, open_jobs: Open) -> None:
    def record(number: int, days: float, state: str = "verified") -> Record:
        moment = (datetime.now(UTC) - timedelta(days=days)).isoformat()
        given = {"bucket": "b", "source": "s", "created": moment, "path": "p", "wanted": Wanted()}
        return Record.model_validate({"id": str(number), "state": state, "ended": moment, **given})

    kept = [record(1, 0), record(2, 1), record(3, 29), record(4, 31), record(5, 400, "interrupted")]
    assert outdated(kept) == ["4"]
    assert outdated(kept, most=2) == ["3", "4"]
    jobs = open_jobs()
    job = submit(jobs, trial.bucket)
    end_of(jobs, job)
    jobs.close()
    place = trial.folder / "service" / "jobs" / job
    old = {**json.loads((place / "job.json").read_text()), "ended": "2020-01-01T00:00:00Z"}
    (place / "job.json").write_text(json.dumps(old))
    with pytest.raises(NoSuchJobError):
        open_jobs().get(job)
    assert not place.exists()
    assert now().endswith("Z")


def test_a_path_that_is_not_allowed_any_more_when_its_turn_comes_is_not_read(trial: Trial, open_jobs: Open) -> None:
    folder = trial.folder / "open"
    folder.mkdir()
    (folder / "birds.csv").write_text(hard_csv(50))
    (trial.folder / "secret.csv").write_text(hard_csv(50))
    jobs = open_jobs(allow_folder=folder)
    held, connection = threading.Event(), jobs._connection
    jobs._connection = lambda: (held.wait(30), connection())[1]
    first = submit(jobs, trial.bucket)
    second = jobs.submit(Wanted(bucket=f"{trial.bucket}-next", mapping=UNTYPED), folder / "birds.csv").id
    (folder / "birds.csv").unlink()
    (folder / "birds.csv").symlink_to(trial.folder / "secret.csv")
    held.set()
    assert end_of(jobs, first).state == "verified"
    result = end_of(jobs, second)
    assert result.error is not None
    assert (result.state, result.error.type) == ("failed", "NotAllowedError")


def test_what_is_left_where_a_load_cannot_be_gone_on_with_goes_when_it_is_cancelled(
    trial: Trial, open_jobs: Open, writes: Writes
) -> None:
    writes.held_from = 3
    jobs = open_jobs()
    job = submit(jobs, trial.bucket, hard_csv())
    wait_until(lambda: writes.number > 5, "some writes")
    jobs.close()
    writes.held_from = 1_000_000
    # Somebody makes a bucket of that name meanwhile, which nobody asked to replace.
    opened_bucket(trial.server, trial.bucket, create=True)
    before = trial.state_now()
    jobs = open_jobs()
    result = end_of(jobs, job)
    assert result.error is not None
    assert (result.state, result.error.type) == ("interrupted", "BucketExistsError")
    assert trial.buckets == {"", ".importer-staging"}
    jobs.cancel(job)
    assert end_of(jobs, job).state == "cancelled"
    assert trial.buckets == {""}
    assert trial.state_now() == before
    assert left(trial) == []
