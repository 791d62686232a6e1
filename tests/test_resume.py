"""Going on with unfinished loads: the outcome is that of a load which was never interrupted."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from importer import (
    LoadInterruptedError,
    Report,
)
from importer.bucket import catalogue
from importer.journal import JOURNAL, Past, load_folders
from importer.records import Lines, Outcome
from importer.sink.influx import InfluxSink
from tests.loading import BIRDS, START, Trial

ROWS = 6_000
BLOCK_BYTES = 10_000
UNTYPED = {**BIRDS, "fields": {"lat": {"column": "lat"}, "n": {"column": "n"}}}


def hard_csv(rows: int = ROWS) -> str:
    """Bad cells, blank lines, duplicates within and across blocks, new series and values that come late."""
    lines = ["t,bird,lat,n"]
    for n in range(rows):
        time = START + (n - 2_000 if n % 500 == 0 and n >= 2_000 else n) * 60
        latitude = "" if n < 3_000 else f"{47 + n / 1000:.3f}"
        lines.append(f"{time},b{n % 7 + n // 2_000},{latitude},{'many' if n % 601 == 7 else n}")
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
