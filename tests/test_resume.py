"""Going on with unfinished loads: the outcome is that of a load which was never interrupted."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

import importer
from importer import LoadInterruptedError, Report
from importer.bucket import catalogue
from importer.journal import JOURNAL, Past, load_folders
from importer.records import Lines, Outcome
from importer.sink.influx import InfluxSink
from tests.killing import SWAP_STEPS
from tests.loading import BIRDS, ROOT, START, Trial, birds_csv, digest_of

ROWS = 6_000
BLOCK_BYTES = 10_000
UNTYPED = {**BIRDS, "fields": {"lat": {"column": "lat"}, "n": {"column": "n"}}}


def hard_csv(rows: int = ROWS) -> str:
    """Bad cells, blank lines, duplicates within and across blocks, new series and values that come late."""
    lines = ["t,bird,lat,n"]
    for n in range(rows):
        late = n - 2_000 if n % 500 == 0 and n >= 2_000 else n  # the key of a row that stands in an earlier block
        latitude = "" if n < 3_000 else f"{47 + n / 1000:.3f}"
        lines.append(f"{START + late * 60},b{late % 7 + late // 2_000},{latitude},{'many' if n % 601 == 7 else n}")
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
    for name in ("load_id", "elapsed_seconds", "rows_per_second", "retries", "bucket"):
        del found[name]
    return found


def rejects_of(trial: Trial) -> list[str]:
    return sorted((trial.folder / "rejects.csv").read_text().splitlines())


@pytest.fixture
def undisturbed(trial: Trial) -> tuple[dict[str, Any], str, list[str]]:
    """Ledger, data and rejects of a load that nothing happened to; its bucket is gone afterwards."""
    report = trial.load(**usual({"source": trial.csv(hard_csv())}))
    outcome = ledger_of(report), trial.digest(), rejects_of(trial)
    catalogue.delete(trial.server, trial.bucket_id)
    return outcome


Outcomes = tuple[dict[str, Any], str, list[str]]


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
    seeded = random.Random(2026)
    anywhere = [f"journal:{seeded.randint(1, 12)}:{seeded.random():.2f}" for _ in range(5)]
    anywhere += [f"before write:{seeded.randint(1, 12)}" for _ in range(3)]
    anywhere += [f"after write:{seeded.randint(1, 12)}" for _ in range(3)]
    anywhere += [f"spool:{seeded.randint(1, 12)}", f"rejects:{seeded.randint(1, 9)}", "duplicates", "verification"]
    # The plan and the blocks stand in the journal before the word that all is verified.
    return [*anywhere, "journal:completed:0.5", *(f"swap:{step}" for step in SWAP_STEPS), "end"]


def killed_at(point: str, trial: Trial, source: Path) -> None:
    connection = trial.connection
    words = [
        json.dumps({"url": connection.url, "token": connection.token, "org": connection.org}),
        str(source),
        json.dumps(UNTYPED),
        json.dumps({"bucket": trial.bucket, "block_bytes": BLOCK_BYTES, "max_rejects": 1_000}),
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
def test_a_load_that_is_killed_anywhere_is_gone_on_with(trial: Trial, undisturbed: Outcomes, point: str) -> None:
    trial.load(trial.csv(birds_csv(50), "old.csv"))
    _, old_digest = trial.state_now()
    source = trial.csv(hard_csv())
    killed_at(point, trial, source)
    complete = {undisturbed[1], old_digest}
    assert complete & {digest_of(trial.server, bucket.id) for bucket in trial.all_buckets()}
    if point in {"swap:set aside", "swap:put in place", "after write:3"}:
        importer.clean(trial.bucket, connection=trial.connection, state_dir=trial.state)
        assert trial.digest() in complete
    report = trial.load(**usual({"source": source, "resume": True}))
    assert (ledger_of(report), trial.digest(), rejects_of(trial)) == undisturbed
    assert trial.buckets == {""}
    assert list(trial.state.iterdir()) == []
