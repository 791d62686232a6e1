from __future__ import annotations

import json
import signal
import subprocess
import time

import pytest

import importer
from importer.bucket import catalogue
from importer.bucket.names import staging_name
from tests.loading import BIRDS, BIRDS_FLAGS, Command, Start, Trial, birds_csv
from tests.test_resume import interrupted_after, sent_by

pytestmark = pytest.mark.usefixtures("environment", "request_for_each_block")


def begin_a_load(trial: Trial, start: Start) -> subprocess.Popen[str]:
    """A load in a process of its own that has written something and waits for more."""
    process = start("load", "-", *BIRDS_FLAGS, "--bucket", trial.bucket, stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(birds_csv(400_000))
    process.stdin.flush()
    deadline = time.monotonic() + 60
    while catalogue.find(trial.server, staging_name(trial.bucket)) is None and time.monotonic() < deadline:
        time.sleep(0.05)
    return process


@pytest.mark.promise(
    fault="a load is killed (-9) and never resumed",
    promise="importer clean lists the bucket that it left, and removes it when asked; live loads are left alone",
    seen="a table with bucket, target, load, begin, host and state; exit 0",
)
def test_what_a_load_killed_in_its_middle_has_left_is_listed_and_removed_when_asked(
    trial: Trial, command: Command, start: Start
) -> None:
    trial.load(trial.csv(birds_csv(10)))
    before = trial.state_now()
    process = begin_a_load(trial, start)
    in_use = command("clean", "--remove", "--bucket", trial.bucket)
    assert f"in use by process {process.pid} on " in in_use.out
    assert trial.buckets == {"", ".importer-staging"}
    process.send_signal(signal.SIGKILL)
    process.wait()

    shown = command("clean")
    assert shown.code == 0
    (line,) = (line for line in shown.out.splitlines() if staging_name(trial.bucket) in line)
    assert "unfinished" in line
    assert "importer clean --remove" in shown.out
    (left,) = json.loads(command("clean", "--bucket", trial.bucket, "--json").out)
    assert (left["bucket"], left["target"]) == (staging_name(trial.bucket), trial.bucket)
    assert (left["state"], left["process"], left["removed"]) == ("unfinished", process.pid, False)
    assert left["resumable"]
    assert left["load_id"] in line
    assert left["begun"] in line
    assert left["host"] in line
    assert trial.buckets == {"", ".importer-staging"}

    gone = command("clean", "--bucket", trial.bucket, "--remove")
    assert gone.code == 0
    assert f"removed {staging_name(trial.bucket)!r}, which the load {left['load_id']}" in gone.err
    assert trial.buckets == {""}
    assert trial.state_now() == before
    assert "nothing to clean" in command("clean", "--bucket", trial.bucket).out


def test_with_nothing_to_clean_it_says_so(trial: Trial, command: Command) -> None:
    ended = command("clean", "--bucket", trial.bucket, "--remove")
    assert (ended.code, ended.out) == (0, "nothing to clean: no load has left a bucket behind\n")
    ended = command("clean", "--bucket", trial.bucket, "--json")
    assert (ended.code, json.loads(ended.out)) == (0, [])


def test_only_the_bucket_that_is_named_is_cleaned(trial: Trial, command: Command, start: Start) -> None:
    process = begin_a_load(trial, start)
    process.kill()
    process.wait()
    assert command("clean", "--bucket", "another", "--remove").code == 0
    assert trial.buckets == {".importer-staging"}


def test_an_absent_server_ends_it_with_an_error_after_the_wait(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INFLUX_URL", "http://127.0.0.1:9")
    started = time.monotonic()
    ended = command("clean", "--wait", "1")
    assert ended.code == 1
    assert "error: no answer from the server" in ended.err
    assert time.monotonic() - started < 10


def test_the_function_under_it_gives_records_and_removes_the_accounts_too(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted_after(2, trial, monkeypatch, source=trial.csv(birds_csv(2_000)), mapping=BIRDS)
    said: list[str] = []
    (left,) = importer.clean(trial.bucket, connection=trial.connection, state_dir=trial.state, say=said.append)
    assert isinstance(left, importer.Leftover)
    assert (left.state, left.resumable, left.removed) == ("unfinished", True, False)
    assert said == []
    (elsewhere,) = importer.clean(trial.bucket, connection=trial.connection, state_dir=trial.folder / "other")
    assert not elsewhere.resumable
    (gone,) = importer.clean(
        trial.bucket, connection=trial.connection, state_dir=trial.state, remove=True, say=said.append
    )
    assert gone.removed
    assert [line.split(",")[0] for line in said] == [
        f"removed {left.bucket!r}",
        f"removed {str(trial.state / f'load-{left.load_id}')!r}",
    ]
    assert list(trial.state.iterdir()) == []
    assert trial.buckets == set()


def test_listing_takes_nothing_from_a_load_that_can_be_resumed(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    source = trial.csv(birds_csv(2_000))
    interrupted_after(2, trial, monkeypatch, source=source, mapping=BIRDS)
    importer.clean(trial.bucket, connection=trial.connection, state_dir=trial.state)
    report, sent = sent_by(trial, monkeypatch, source=source, mapping=BIRDS, resume=True)
    assert (report.status, report.points_written) == ("verified", 2_000)
    assert sent[0] > 0


def test_accounts_without_a_bucket_are_told_of_and_removed_when_asked(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted_after(2, trial, monkeypatch, source=trial.csv(birds_csv(2_000)), mapping=BIRDS)
    staging = catalogue.find(trial.server, staging_name(trial.bucket))
    assert staging is not None
    catalogue.delete(trial.server, staging.id)
    (folder,) = trial.state.iterdir()
    for remove, says in ((False, "has no bucket any more"), (True, "removed ")):
        said: list[str] = []
        assert folder.exists()
        importer.clean(trial.bucket, connection=trial.connection, state_dir=trial.state, remove=remove, say=said.append)
        (line,) = said
        assert says in line
        assert str(folder) in line
    assert not folder.exists()
