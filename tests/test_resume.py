"""Going on with unfinished loads: the outcome is that of a load which was never interrupted."""

from __future__ import annotations

import io
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from influxdb_client import Point
from influxdb_client.client.write_api import SYNCHRONOUS

import importer
from importer import (
    BucketExistsError,
    ConfigurationError,
    LoadInProgressError,
    LoadInterruptedError,
    RejectBudgetError,
    Report,
    ResumeRefusedError,
)
from importer.bucket import catalogue, holding
from importer.journal import JOURNAL, LoadFolder, Log, Past, load_folders
from importer.records import Lines, Outcome
from importer.sink.influx import InfluxSink
from tests.killing import SWAP_STEPS
from tests.loading import BIRDS, ROOT, START, Trial, birds_csv, digest_of

pytestmark = pytest.mark.usefixtures("request_for_each_block")

ROWS = 6_000
BLOCK_BYTES = 10_000
UNTYPED = {**BIRDS, "fields": {name: {"column": name} for name in ("lat", "n", "note")}}


def hard_csv(rows: int = ROWS) -> str:
    """Bad cells, blank lines, duplicates within and across blocks, a type that only the first rows tell."""
    lines = ["t,bird,lat,n,note"]
    for n in range(rows):
        late = n - 2_000 if n % 500 == 0 and n >= 2_000 else n  # the key of a row that stands in an earlier block
        latitude = "" if n < 3_000 else f"{47 + n / 1000:.3f}"
        number, note = "many" if n % 601 == 7 else n, "x" if n < 300 else n % 5
        lines.append(f"{START + late * 60},b{late % 7 + late // 2_000},{latitude},{number},{note}")
        if n % 1_000 == 3:
            lines.append("")
            lines.append(lines[-2])
    return "\n".join(lines) + "\n"


def interrupted_after(blocks: int, trial: Trial, monkeypatch: pytest.MonkeyPatch, **more: Any) -> LoadInterruptedError:
    """A load that is told to stop once so many blocks are written."""
    stop, send, sent = threading.Event(), InfluxSink.__call__, []

    def sending(sink: InfluxSink, lines: Lines) -> Outcome:
        sent.append(lines.block.number)
        if len(sent) >= blocks:
            stop.set()
        return send(sink, lines)

    with monkeypatch.context() as patched:
        patched.setattr(InfluxSink, "__call__", sending)
        with pytest.raises(LoadInterruptedError) as error:
            trial.load(stop=stop, **usual(more))
    return error.value


def usual(more: dict[str, Any]) -> dict[str, Any]:
    return {"block_bytes": BLOCK_BYTES, "max_rejects": 1_000, "mapping": UNTYPED} | more


def sent_by(trial: Trial, monkeypatch: pytest.MonkeyPatch, **more: Any) -> tuple[Report, list[int]]:
    """A load, and the numbers of the blocks that it sent."""
    send, sent = InfluxSink.__call__, []

    def sending(sink: InfluxSink, lines: Lines) -> Outcome:
        sent.append(lines.block.number)
        return send(sink, lines)

    with monkeypatch.context() as patched:
        patched.setattr(InfluxSink, "__call__", sending)
        report = trial.load(**usual(more))
    return report, [number for number in sent if number >= 0]


def ledger_of(report: Report) -> dict[str, Any]:
    """The report without what may differ between two runs of the same load."""
    found = report.model_dump()
    own = ("load_id", "elapsed_seconds", "rows_per_second", "phases", "retries", "shard_group", "writing")
    for name in (*own, "bucket", "rejects_file"):
        del found[name]
    for source in found["sources"]:
        source["path"] = Path(source["path"]).name
    return found


def rejects_of(trial: Trial) -> list[str]:
    text = (trial.folder / "rejects.csv").read_text()
    return sorted(text.replace(f"{trial.folder}/", "").splitlines())


Outcomes = tuple[dict[str, Any], str, list[str]]

KNOWN: list[Outcomes] = []


@pytest.fixture
def undisturbed(trial: Trial) -> Outcomes:
    """Ledger, data and rejects of a load that nothing happened to, for all tests; its bucket is gone afterwards."""
    if not KNOWN:
        report = trial.load(**usual({"source": trial.csv(hard_csv())}))
        KNOWN.append((ledger_of(report), trial.digest(), rejects_of(trial)))
        catalogue.delete(trial.server, trial.bucket_id)
    return KNOWN[0]


@pytest.mark.parametrize("blocks", [1, 5, 12])
def test_a_resumed_load_gives_the_ledger_the_rejects_and_the_data_of_an_undisturbed_one(
    trial: Trial, monkeypatch: pytest.MonkeyPatch, undisturbed: Outcomes, blocks: int
) -> None:
    source = trial.csv(hard_csv())
    error = interrupted_after(blocks, trial, monkeypatch, source=source)
    assert error.resumable
    assert "--resume goes on from there" in str(error)
    assert trial.buckets == {".importer-staging"}
    (folder,) = load_folders(trial.state)
    assert Past.plan_in(folder / JOURNAL) is not None
    report, sent = sent_by(trial, monkeypatch, source=source, resume=True)
    assert (ledger_of(report), trial.digest(), rejects_of(trial)) == undisturbed
    assert error.report is not None
    assert report.load_id == error.report.load_id
    total = -(-source.stat().st_size // BLOCK_BYTES)
    assert 0 < len(sent) <= total - blocks + 2
    assert trial.buckets == {""}
    assert list(trial.state.iterdir()) == []


def seeded_points() -> list[str]:
    """Where the importer is killed: in each step of the swap, and all over the rest of a load."""
    seeded = random.Random(2026)  # noqa: S311
    anywhere = [f"journal:{seeded.randint(1, 12)}:{seeded.random():.2f}" for _ in range(5)]
    anywhere += [f"before write:{seeded.randint(1, 12)}" for _ in range(3)]
    anywhere += [f"after write:{seeded.randint(1, 12)}" for _ in range(3)]
    anywhere += ["before write together:3", "after write together:3"]
    anywhere += [f"spool:{seeded.randint(1, 12)}", f"rejects:{seeded.randint(1, 9)}", "duplicates", "verification"]
    # The plan and the blocks stand in the journal before the word that all is verified.
    return ["journal:1:0.5", *anywhere, "journal:completed:0.5", *(f"swap:{step}" for step in SWAP_STEPS), "end"]


def killed_at(point: str, trial: Trial, source: Path, **options: Any) -> None:
    connection = trial.connection
    words = [
        json.dumps({"url": connection.url, "token": connection.token, "org": connection.org}),
        str(source),
        json.dumps(UNTYPED),
        json.dumps({"bucket": trial.bucket, "block_bytes": BLOCK_BYTES, "max_rejects": 1_000} | options),
    ]
    command = [sys.executable, "-m", "tests.killing", point, *words]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    ended = subprocess.run(command, cwd=trial.folder, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr


@pytest.mark.slow
@pytest.mark.promise(
    fault="the importer is killed (-9) at any point: in the journal, the spool, a write, the swap",
    promise="one complete copy exists at every moment, the next command of the importer gives the bucket its name back,"
    " and --resume ends with the very data of an undisturbed load",
    seen="going on with the load …: 3,210 rows are on the server already; exit 0",
)
@pytest.mark.parametrize("point", seeded_points())
def test_a_load_that_is_killed_anywhere_is_gone_on_with(
    trial: Trial, monkeypatch: pytest.MonkeyPatch, undisturbed: Outcomes, point: str
) -> None:
    trial.load(trial.csv(birds_csv(50), "old.csv"))
    _, old_digest = trial.state_now()
    source = trial.csv(hard_csv())
    killed_at(point, trial, source)
    complete = {undisturbed[1], old_digest}
    assert complete & {digest_of(trial.server, bucket.id) for bucket in trial.all_buckets()}
    left = read_back(trial)
    if point.startswith("swap"):
        importer.clean(trial.bucket, connection=trial.connection, state_dir=trial.state)  # heals, and removes nothing
        assert trial.digest() in complete
    report, sent = sent_by(trial, monkeypatch, source=source, resume=True)
    assert (ledger_of(report), trial.digest(), rejects_of(trial)) == undisturbed
    assert trial.buckets == {""}
    assert list(trial.state.iterdir()) == []
    if left is not None:
        assert report.load_id == left.plan.load_id
        assert set(left.blocks).isdisjoint(sent)


def read_back(trial: Trial) -> Past | None:
    """What stands in the journal of the only load; None if it died before its plan stood there."""
    (folder,) = load_folders(trial.state)
    log = Log.reopen(folder / JOURNAL)
    if log is None:
        return None
    with log:
        return Past.read(log)


def test_without_resume_a_new_load_starts_and_removes_what_was_left(
    trial: Trial, monkeypatch: pytest.MonkeyPatch, undisturbed: Outcomes
) -> None:
    source = trial.csv(hard_csv())
    interrupted_after(3, trial, monkeypatch, source=source)
    report, sent = sent_by(trial, monkeypatch, source=source)
    assert (ledger_of(report), trial.digest(), rejects_of(trial)) == undisturbed
    assert sorted(sent) == list(range(len(sent)))
    assert trial.buckets == {""}
    assert list(trial.state.iterdir()) == []


def test_with_nothing_to_resume_a_new_load_starts_and_says_so(trial: Trial, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "importer")
    assert trial.load(trial.csv(birds_csv(10)), resume=True).status == "verified"
    assert f"there is no unfinished load of '{trial.bucket}' to resume: a new one starts" in caplog.text


def test_a_load_whose_bucket_has_gone_is_not_resumed_but_begun_anew(
    trial: Trial, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    source = trial.csv(hard_csv())
    interrupted_after(3, trial, monkeypatch, source=source)
    (left,) = trial.all_buckets()
    catalogue.delete(trial.server, left.id)
    caplog.set_level("INFO", "importer")
    assert trial.load(**usual({"source": source, "resume": True})).status == "verified"
    assert "nothing is left on the server" in caplog.text
    assert list(trial.state.iterdir()) == []


CHANGES: dict[str, dict[str, Any]] = {
    r"the source .* was changed: it had 14\d,\d+ bytes, now [34],\d+": {"text": hard_csv(200)},
    "as many bytes as before, but others": {"text": hard_csv().replace("b1", "b8")},
    "the mapping is another one": {"mapping": BIRDS},
    "another --limit: null, now 7": {"limit": 7},
    "another --if-exists": {"if_exists": "replace"},
}


@pytest.mark.promise(
    fault="the source or the mapping was changed since the load was interrupted",
    promise="it is not resumed, nothing is touched, and it can still be resumed with what it was begun with",
    seen="error: the unfinished load … cannot be resumed: the source 'birds.csv' was changed: it had 8 bytes, now 12;"
    " without --resume a new load starts …; exit 2",
)
@pytest.mark.parametrize(("message", "change"), CHANGES.items(), ids=list(CHANGES))
def test_another_source_mapping_or_option_is_refused_with_the_reason(
    trial: Trial, monkeypatch: pytest.MonkeyPatch, undisturbed: Outcomes, message: str, change: dict[str, Any]
) -> None:
    source = trial.csv(hard_csv())
    interrupted_after(3, trial, monkeypatch, source=source)
    source.write_text(change.get("text", hard_csv()))
    more = {name: value for name, value in change.items() if name != "text"}
    with pytest.raises(ResumeRefusedError, match=message):
        trial.load(**usual({"source": source, "resume": True} | more))
    source.write_text(hard_csv())
    report = trial.load(**usual({"source": source, "resume": True}))
    assert (ledger_of(report), trial.digest(), rejects_of(trial)) == undisturbed


def test_a_change_in_the_midst_of_a_source_is_found_by_its_block(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importer.journal.plan.END_BYTES", 100)
    source = trial.csv(hard_csv())
    interrupted_after(5, trial, monkeypatch, source=source)
    text = hard_csv()
    source.write_text(text[:20_000] + text[20_000:].replace("b1", "b8", 1))
    with pytest.raises(ResumeRefusedError, match=r"bytes from byte 20,0\d\d on \(line [0-9,]+\) are others"):
        trial.load(**usual({"source": source, "resume": True}))
    source.write_text(text)
    assert trial.load(**usual({"source": source, "resume": True})).status == "verified"


def test_a_pipe_is_resumed_if_the_same_bytes_come_again(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    data = hard_csv().encode()
    undisturbed = ledger_of(trial.load("-", stdin=io.BytesIO(data), **usual({}))), trial.digest()
    catalogue.delete(trial.server, trial.bucket_id)
    interrupted_after(4, trial, monkeypatch, source="-", stdin=io.BytesIO(data))
    report, sent = sent_by(trial, monkeypatch, source="-", stdin=io.BytesIO(data), resume=True)
    assert (ledger_of(report), trial.digest()) == undisturbed
    assert len(sent) < len(data) // BLOCK_BYTES


@pytest.mark.promise(
    fault="other bytes come through the pipe of a load that is resumed",
    promise="it is refused as soon as a block differs, and nothing is touched",
    seen="error: '-' is not what the unfinished load read: the 9,998 bytes from byte 18 on (line 2) are others; exit 2",
)
@pytest.mark.parametrize(
    ("other", "message"),
    [
        (hard_csv().replace("b1", "b8"), "'-' is not what the unfinished load read: the .* bytes from byte 18 on"),
        (hard_csv().replace("t,bird,lat,n,note", "t,bird,n,lat,note"), "'-' is not what the unfinished load read"),
        (hard_csv()[: BLOCK_BYTES // 2], "is not what the unfinished load read"),
        ("t,bird,lat,n,note\n", "it ends before all that had been written was seen"),
    ],
    ids=["other rows", "another header", "half a block", "nothing"],
)
def test_a_pipe_with_other_bytes_is_refused(
    trial: Trial, monkeypatch: pytest.MonkeyPatch, other: str, message: str
) -> None:
    data = hard_csv().encode()
    interrupted_after(4, trial, monkeypatch, source="-", stdin=io.BytesIO(data))
    with pytest.raises(ResumeRefusedError, match=message):
        trial.load("-", stdin=io.BytesIO(other.encode()), **usual({"resume": True}))
    assert trial.load("-", stdin=io.BytesIO(data), **usual({"resume": True})).status == "verified"


def bird_point(row: dict[str, str]) -> Point | None:
    if row["n"] == "13":
        return None
    return Point("birds").tag("bird", row["bird"]).field("n", float(row["n"])).time(int(row["t"]) * 10**9)


def test_a_row_function_is_gone_on_with_too(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    source = trial.csv(hard_csv())
    mapped = {"source": source, "mapping": None, "mapper": bird_point}
    undisturbed = ledger_of(trial.load(**usual(mapped))), trial.digest(), rejects_of(trial)
    catalogue.delete(trial.server, trial.bucket_id)
    interrupted_after(4, trial, monkeypatch, **mapped)
    report = trial.load(**usual(mapped | {"resume": True}))
    assert (ledger_of(report), trial.digest(), rejects_of(trial)) == undisturbed


def test_a_load_may_be_interrupted_and_resumed_many_times(
    trial: Trial, monkeypatch: pytest.MonkeyPatch, undisturbed: Outcomes
) -> None:
    source = trial.csv(hard_csv())
    for blocks in (2, 3, 1, 2):
        interrupted_after(blocks, trial, monkeypatch, source=source, resume=True)
    report = trial.load(**usual({"source": source, "resume": True}))
    assert (ledger_of(report), trial.digest(), rejects_of(trial)) == undisturbed


def test_accounts_that_a_power_cut_took_are_made_anew(
    trial: Trial, monkeypatch: pytest.MonkeyPatch, undisturbed: Outcomes
) -> None:
    source = trial.csv(hard_csv())
    interrupted_after(6, trial, monkeypatch, source=source)
    (folder,) = load_folders(trial.state)
    files = sorted((folder / "spool").glob("*.parquet"))
    files[0].unlink()
    files[2].write_bytes(files[2].read_bytes()[:100])
    (trial.folder / "rejects.csv").unlink()
    report, sent = sent_by(trial, monkeypatch, source=source, resume=True)
    assert (ledger_of(report), trial.digest(), rejects_of(trial)) == undisturbed
    assert {0, 2} <= set(sent)
    assert {1, 3} & set(sent) == set()


def test_points_that_the_server_refused_stay_rejects_of_a_resumed_load(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = int(time.time())
    rows = [f"{now - (86_400 * 400 if n % 90 == 5 else 3_600) - n},b,1.5,{n}" for n in range(2_000)]
    source = trial.csv("\n".join(["t,bird,lat,n", *rows]) + "\n")
    more = {"source": source, "retention_seconds": 86_400 * 30, "mapping": BIRDS}
    undisturbed = ledger_of(trial.load(**usual(more))), trial.digest(), rejects_of(trial)
    catalogue.delete(trial.server, trial.bucket_id)
    interrupted_after(2, trial, monkeypatch, **more)
    report = trial.load(**usual(more | {"resume": True}))
    assert report.points_rejected == 23
    assert (ledger_of(report), trial.digest(), rejects_of(trial)) == undisturbed


def test_an_unfinished_load_of_another_bucket_is_left_alone(
    trial: Trial, monkeypatch: pytest.MonkeyPatch, undisturbed: Outcomes
) -> None:
    source = trial.csv(hard_csv())
    interrupted_after(3, trial, monkeypatch, source=source)
    other = trial.bucket + "-other"
    assert trial.load(**usual({"source": source, "bucket": other, "resume": True})).status == "verified"
    report, sent = sent_by(trial, monkeypatch, source=source, resume=True)
    assert (ledger_of(report), trial.digest(), rejects_of(trial)) == undisturbed
    assert 0 not in sent


@pytest.mark.parametrize("resume", [False, True])
def test_a_load_that_was_killed_in_another_container_does_not_stand_in_the_way(
    trial: Trial, monkeypatch: pytest.MonkeyPatch, *, resume: bool
) -> None:
    source = trial.csv(hard_csv())
    killed_at("after write:6", trial, source)
    monkeypatch.setattr(holding, "_machine", lambda: "another one")  # process ids tell nothing there
    (left,) = trial.all_buckets()
    assert holding.is_alive(left)
    assert trial.load(**usual({"source": source, "resume": resume})).status == "verified"
    assert trial.buckets == {""}


def test_a_dry_run_cannot_be_resumed(trial: Trial) -> None:
    with pytest.raises(ConfigurationError, match="leave out --resume or --dry-run"):
        trial.options(resume=True, dry_run=True)


def test_a_load_that_failed_for_good_leaves_nothing_to_resume(trial: Trial) -> None:
    source = trial.csv(hard_csv())
    with pytest.raises(RejectBudgetError) as error:
        trial.load(**usual({"source": source, "max_rejects": 2}))
    assert not error.value.resumable
    assert trial.buckets == set()
    assert list(trial.state.iterdir()) == []


def interrupted_with_a_gap(trial: Trial, monkeypatch: pytest.MonkeyPatch, source: Path) -> None:
    """Blocks 0, 1 and 3 acknowledged, 2 not."""
    interrupted_after(4, trial, monkeypatch, source=source, workers=1)
    (folder,) = load_folders(trial.state)
    past = read_back(trial)
    assert past is not None
    log = Log.reopen(folder / JOURNAL)
    assert log is not None
    records = list(log.records())
    log.close()
    (folder / JOURNAL).unlink()
    with Log.create(folder / JOURNAL) as anew:
        for record in records:
            if b'"number":2,' not in record:
                anew.append(record)


def test_what_was_under_way_is_not_written_before_what_follows_was_compared(
    trial: Trial, monkeypatch: pytest.MonkeyPatch, undisturbed: Outcomes
) -> None:
    source = trial.csv(hard_csv())
    interrupted_with_a_gap(trial, monkeypatch, source)
    monkeypatch.setattr("importer.journal.plan.END_BYTES", 100)
    (folder,) = load_folders(trial.state)
    before = (folder / JOURNAL).read_bytes()
    text = hard_csv()
    source.write_text(text[:25_000] + text[25_000:].replace("b1", "b8", 900))
    monkeypatch.setattr("importer.resuming.difference", lambda _before, _now, **_more: None)  # as of a pipe
    with pytest.raises(ResumeRefusedError, match="is not what the unfinished load read"):
        trial.load(**usual({"source": source, "resume": True}))
    assert (folder / JOURNAL).read_bytes() == before
    source.write_text(text)
    report, sent = sent_by(trial, monkeypatch, source=source, resume=True)
    assert (ledger_of(report), trial.digest(), rejects_of(trial)) == undisturbed
    assert 2 in sent
    assert {0, 1, 3}.isdisjoint(sent)


def test_a_block_whose_accounts_are_gone_is_compared_all_the_same(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = trial.csv(hard_csv())
    interrupted_after(6, trial, monkeypatch, source=source)
    (folder,) = load_folders(trial.state)
    min((folder / "spool").glob("*.parquet")).unlink()
    monkeypatch.setattr("importer.resuming.difference", lambda _before, _now, **_more: None)
    source.write_text(hard_csv().replace("b1", "b8", 3))
    with pytest.raises(ResumeRefusedError, match="is not what the unfinished load read"):
        trial.load(**usual({"source": source, "resume": True}))


def test_a_load_that_is_alive_is_neither_resumed_nor_removed(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    source = trial.csv(hard_csv())
    interrupted_after(3, trial, monkeypatch, source=source)
    (folder,) = load_folders(trial.state)
    holder = LoadFolder.hold(folder)
    assert holder is not None
    with holder:  # another run has just got hold of it, and not yet shown life in its bucket
        for resume in (False, True):
            with pytest.raises(LoadInProgressError, match=f"being filled by the load {holder.load_id}"):
                trial.load(**usual({"source": source, "resume": resume}))
    assert trial.load(**usual({"source": source, "resume": True})).load_id == holder.load_id


def test_a_new_load_that_is_refused_leaves_the_unfinished_one(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    trial.server.call(
        "POST", "/api/v2/buckets", body={"name": trial.bucket, "orgID": trial.server.org_id, "retentionRules": []}
    )
    source = trial.csv(hard_csv())
    error = interrupted_after(3, trial, monkeypatch, source=source, if_exists="replace")
    with pytest.raises(BucketExistsError):
        trial.load(**usual({"source": source}))
    report = trial.load(**usual({"source": source, "if_exists": "replace", "resume": True}))
    assert error.report is not None
    assert (report.status, report.load_id) == ("verified", error.report.load_id)


def test_too_small_a_budget_for_the_rejects_so_far_is_refused_and_costs_nothing(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = trial.csv(hard_csv())
    error = interrupted_after(6, trial, monkeypatch, source=source)
    with pytest.raises(ResumeRefusedError, match="rejects already, where 0 are allowed now: give --max-rejects"):
        trial.load(**usual({"source": source, "max_rejects": 0, "resume": True}))
    report = trial.load(**usual({"source": source, "resume": True}))
    assert error.report is not None
    assert report.load_id == error.report.load_id


def test_a_resumed_append_into_a_bucket_that_was_empty_is_verified_whatever_others_wrote(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial.load(trial.csv("t,bird,lat,n\n", "none.csv"))
    source = trial.csv(hard_csv())
    interrupted_after(4, trial, monkeypatch, source=source, if_exists="append")
    trial.server.client.write_api(write_options=SYNCHRONOUS).write(
        trial.bucket, record="others n=1 1600000000000000001"
    )
    report = trial.load(**usual({"source": source, "if_exists": "append", "resume": True}))
    assert report.status == "verified"


def test_an_append_that_was_complete_is_not_taken_for_done_where_its_bucket_is_another_one(trial: Trial) -> None:
    year = {"shard_duration_seconds": 365 * 86_400}
    trial.load(trial.csv(birds_csv(20), "first.csv"), **year)
    source = trial.csv(hard_csv())
    killed_at("journal:completed:1.0", trial, source, if_exists="append")
    (lock,) = [bucket for bucket in trial.all_buckets() if bucket.name.endswith("staging")]
    catalogue.delete(trial.server, lock.id)
    trial.load(trial.csv(birds_csv(30), "other.csv"), if_exists="replace", state_dir=trial.folder / "elsewhere", **year)
    report = trial.load(**usual({"source": source, "if_exists": "append", "resume": True}))
    assert report.status == "verified"
    assert trial.rows().height > 6_000


def test_a_journal_of_another_version_is_named_and_kept(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    source = trial.csv(hard_csv())
    interrupted_after(3, trial, monkeypatch, source=source)
    (folder,) = load_folders(trial.state)
    data = (folder / JOURNAL).read_bytes()
    (folder / JOURNAL).write_bytes(data.replace(b"importer journal 1", b"importer journal 2", 1))
    with pytest.raises(ResumeRefusedError, match="is of another version of the importer: resume with that one"):
        trial.load(**usual({"source": source, "resume": True}))
    (folder / JOURNAL).write_bytes(data)
    assert trial.load(**usual({"source": source, "resume": True})).status == "verified"
