"""A load in bulk that dies at any moment and is gone on with has the data, the ledger and the rejects of any other."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from importer import LoadInterruptedError, Report, ResumeRefusedError
from importer.bulk import building
from importer.bulk.runs import Runs
from importer.journal import load_folders
from tests.bulk.two_ways import told
from tests.loading import Trial, birds_csv, digest_of
from tests.test_all_or_nothing import AtPhase
from tests.test_resume import hard_csv, killed_at, read_back, rejects_of, usual

Undisturbed = tuple[dict[str, Any], str, list[str]]
GROUPS = 5
MORE = {"method": "bulk", "shard_duration_seconds": 86_400, "workers": 1}


@pytest.fixture(scope="module")
def known() -> list[Undisturbed]:
    return []


@pytest.fixture
def undisturbed(trial: Trial, known: list[Undisturbed]) -> Undisturbed:
    """Of a load by lines, for all tests."""
    if not known:
        by_lines = Trial(f"{trial.bucket}-lines", trial.folder, trial.influxd)
        report = by_lines.load(**usual({"source": trial.csv(hard_csv()), "shard_duration_seconds": 86_400}))
        known.append((told(report), by_lines.digest(), rejects_of(by_lines)))
    return known[0]


def counted(trial: Trial, monkeypatch: pytest.MonkeyPatch, **more: Any) -> tuple[Report, list[int], list[int]]:
    """A load, the blocks whose points it took, and the shards that it sent."""
    append, send = Runs.append, building.send_shard
    taken: list[int] = []
    sent: list[int] = []

    def appending(runs: Runs, block: int, *rest: Any) -> Any:
        taken.append(block)
        return append(runs, block, *rest)

    def sending(wire: Any, shard: int, *rest: Any) -> None:
        sent.append(shard)
        send(wire, shard, *rest)

    with monkeypatch.context() as patched:
        patched.setattr(Runs, "append", appending)
        patched.setattr(building, "send_shard", sending)
        report = trial.load(**usual(MORE | more))
    return report, taken, sent


POINTS = {
    "spool:7": 0,
    "journal:shards:0.0": 0,
    "journal:shards:1.0": 0,
    "archive:2": 1,
    "before shard:3": 2,
    "after shard:3": 2,
    "journal:shard:0.7": 0,
    "verification": GROUPS,
    "swap:set aside": GROUPS,
}
"""Where it dies, and how many shards are known to be on the server then."""


@pytest.mark.slow
@pytest.mark.promise(
    fault="the importer is killed (-9) while it loads in bulk: in a run, in a storage file, before or after a shard",
    promise="one complete copy exists at every moment, and --resume ends with the very data of an undisturbed load: of"
    " what was read nothing is mapped again, of what was sent nothing is sent again",
    seen="going on with the load …: 3,210 rows are in sorted runs already; exit 0",
)
@pytest.mark.parametrize(("point", "known_to_be_there"), POINTS.items(), ids=list(POINTS))
def test_a_load_in_bulk_that_is_killed_anywhere_is_gone_on_with(
    trial: Trial, monkeypatch: pytest.MonkeyPatch, undisturbed: Undisturbed, point: str, known_to_be_there: int
) -> None:
    trial.load(trial.csv(birds_csv(50), "old.csv"))
    _, old = trial.state_now()
    source = trial.csv(hard_csv())
    killed_at(point, trial, source, **MORE)
    digests = {bucket.id: digest_of(trial.server, bucket.id) for bucket in trial.all_buckets()}
    if "swap" not in point:
        assert digests[trial.bucket_id] == old
    assert {undisturbed[1], old} & set(digests.values())
    left = read_back(trial)
    report, taken, sent = counted(trial, monkeypatch, source=source, resume=True)
    assert (told(report), trial.digest(), rejects_of(trial)) == undisturbed
    assert trial.buckets - {"-lines"} == {""}
    assert list(trial.state.iterdir()) == []
    assert left is not None
    assert report.load_id == left.plan.load_id
    assert set(left.blocks).isdisjoint(taken)
    # With one on its way when it died, the server may have closed its shard.
    assert GROUPS - known_to_be_there - 1 <= len(set(sent)) <= 2 * GROUPS
    if not any("made anew" in warning for warning in report.warnings):
        assert len(sent) in {GROUPS - known_to_be_there, GROUPS - known_to_be_there - 1}


@pytest.mark.promise(
    fault="Ctrl-C or SIGTERM while storage files are built and sent",
    promise="What is under way gets 10 seconds, the bucket is as it was, and --resume sends the shard groups that are"
    " left.",
    seen="error: interrupted …; what was loaded so far is kept: --resume goes on from there; exit 130 or 143",
)
@pytest.mark.parametrize(("phase", "most"), [("load", GROUPS), ("build", GROUPS), ("verify", 0)])
def test_a_load_in_bulk_that_is_interrupted_is_gone_on_with(
    trial: Trial, monkeypatch: pytest.MonkeyPatch, undisturbed: Undisturbed, phase: str, most: int
) -> None:
    trial.load(trial.csv(birds_csv(50), "old.csv"))
    before, stop, source = trial.state_now(), threading.Event(), trial.csv(hard_csv())
    with pytest.raises(LoadInterruptedError, match="--resume goes on") as error:
        trial.load(source=source, stop=stop, progress=AtPhase(phase, stop.set), **usual(MORE))
    assert error.value.resumable
    assert error.value.report is not None
    assert error.value.report.status == "interrupted"
    assert (error.value.report.points_written > 0) is (phase == "verify")  # before, all is in sorted runs
    assert trial.state_now() == before
    report, _, sent = counted(trial, monkeypatch, source=source, resume=True)
    assert (told(report), trial.digest(), rejects_of(trial)) == undisturbed
    assert len(sent) <= most


def test_runs_that_a_power_cut_took_are_made_anew(
    trial: Trial, monkeypatch: pytest.MonkeyPatch, undisturbed: Undisturbed
) -> None:
    source = trial.csv(hard_csv())
    killed_at("after shard:2", trial, source, **MORE)
    (folder,) = load_folders(trial.state)
    runs = sorted((folder / "spool").glob("block-*.arrow"))
    runs[0].unlink()
    runs[2].write_bytes(runs[2].read_bytes()[:100])
    report, taken, sent = counted(trial, monkeypatch, source=source, resume=True)
    assert (told(report), trial.digest(), rejects_of(trial)) == undisturbed
    assert sorted(taken) == [0, 2]
    assert len(sent) == GROUPS - 1


def test_shards_that_the_server_lost_after_the_journal_said_it_had_them_are_made_again(
    trial: Trial, monkeypatch: pytest.MonkeyPatch, undisturbed: Undisturbed
) -> None:
    source = trial.csv(hard_csv())
    killed_at("verification", trial, source, **MORE)
    (staged,) = [bucket for bucket in trial.all_buckets() if bucket.name.endswith("staging")]
    trial.influxd.stop()
    files = trial.influxd.process.folder / "engine" / "data" / staged.id
    next(files.glob("autogen/*/*.tsm")).unlink()
    trial.influxd.restart()
    report, taken, sent = counted(trial, monkeypatch, source=source, resume=True)
    warnings = [warning for warning in report.warnings if "written once more" not in warning]
    assert len(warnings) == len(report.warnings) - 1
    assert told(report) | {"warnings": warnings} == undisturbed[0]
    assert (trial.digest(), taken, len(sent)) == (undisturbed[1], [], 1)


def test_a_load_that_dies_while_its_bucket_is_exchanged_is_gone_on_with_from_its_runs(
    trial: Trial, monkeypatch: pytest.MonkeyPatch, undisturbed: Undisturbed
) -> None:
    source = trial.csv(hard_csv())
    killed_at("before the bucket", trial, source, **MORE)
    assert not trial.buckets - {"-lines"}  # the staging bucket is gone
    report, taken, sent = counted(trial, monkeypatch, source=source, resume=True)
    assert (told(report), trial.digest(), taken, len(sent)) == (*undisturbed[:2], [], GROUPS)
    assert list(trial.state.iterdir()) == []


def test_a_load_by_lines_is_not_gone_on_with_in_bulk_but_by_auto_whichever_it_was(
    trial: Trial, undisturbed: Undisturbed
) -> None:
    source = trial.csv(hard_csv())
    killed_at("before shard:3", trial, source, **MORE)
    with pytest.raises(ResumeRefusedError, match='with another --method: "bulk", now "write"'):
        trial.load(**usual(MORE | {"source": source, "resume": True, "method": "write"}))
    report = trial.load(**usual(MORE | {"source": source, "resume": True, "method": "auto"}))
    assert (told(report), trial.digest(), report.not_in_bulk) == (*undisturbed[:2], None)
    killed_at("after write:3", trial, source, shard_duration_seconds=86_400)
    report = trial.load(**usual(MORE | {"source": source, "resume": True, "method": "auto"}))
    assert (told(report), trial.digest()) == undisturbed[:2]
    assert report.writing is not None
    assert report.not_in_bulk == "the unfinished load writes lines"
