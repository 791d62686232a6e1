"""Jobs survive their service: killed in mid-load, or stopped, the next one goes on; cancelled, nothing is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx
import pytest

from importer.ledger.report import Report
from importer.server.process import free_port
from tests.jobs.slow_service import BLOCK_BYTES
from tests.jobs.watching import ended, wait_until
from tests.loading import BIRDS, ROOT, Trial, digest_of
from tests.test_resume import hard_csv, ledger_of

UNTYPED = {**BIRDS, "fields": {name: {"column": name} for name in ("lat", "n", "note")}}


class Service:
    """A service as a process of its own."""

    def __init__(self, trial: Trial, seconds: float) -> None:
        port = free_port()
        found = {
            name: str(value) for name, value in asdict(trial.connection).items() if name in ("url", "token", "org")
        }
        words = [sys.executable, "-m", "tests.jobs.slow_service", str(port), str(trial.folder), json.dumps(found)]
        self.process = subprocess.Popen(
            [*words, str(seconds)], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE
        )
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30)
        wait_until(self._answers, "the start of the service")

    def _answers(self) -> bool:
        assert self.process.poll() is None, self.process.communicate()[1]
        try:
            return self.client.get("/health").status_code == 200
        except httpx.TransportError:
            return False

    def begin(self, text: str, bucket: str, **wanted: Any) -> str:
        upload = self.client.post("/uploads", params={"name": "birds.csv"}, content=text).json()["upload"]
        options = {"upload": upload, "bucket": bucket, "max_rejects": 1000, "mapping": UNTYPED, **wanted}
        answer = self.client.post("/imports", json=options)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    def wait_for_points(self, job: str, least: int) -> None:
        def enough() -> bool:
            progress = self.client.get(f"/imports/{job}").json()["progress"]
            return bool(progress) and progress["points"] >= least

        wait_until(enough, f"{least} points")

    def end(self, how: signal.Signals) -> None:
        self.client.close()
        self.process.send_signal(how)
        self.process.communicate(timeout=40)


StartService = Callable[[float], Service]


@pytest.fixture
def start_service(trial: Trial, no_settings: Path) -> Iterator[StartService]:  # noqa: ARG001
    started: list[Service] = []

    def start(seconds: float) -> Service:
        started.append(Service(trial, seconds))
        return started[-1]

    yield start
    for service in started:
        if service.process.poll() is None:
            service.end(signal.SIGKILL)


def unbroken(trial: Trial, text: str) -> Report:
    """The report of the same load, without any service; into another bucket."""
    options = {"bucket": f"{trial.bucket}-whole", "block_bytes": BLOCK_BYTES, "max_rejects": 1000}
    return trial.load(trial.csv(text), mapping=UNTYPED, **options)


def leftovers(trial: Trial) -> list[str]:
    """What is on the disk of the service that a finished job does not need."""
    state = trial.folder / "service"
    return [path.name for name in ("jobs/*/accounts/*", "uploads/*") for path in state.glob(name)]


@pytest.mark.slow
def test_after_a_kill_in_mid_load_jobs_go_on_as_if_nothing_had_happened(
    trial: Trial, start_service: StartService
) -> None:
    text = hard_csv()
    first = start_service(0.2)
    job = first.begin(text, trial.bucket)
    waiting = [first.begin(hard_csv(50), f"{trial.bucket}-{name}") for name in "ab"]
    first.wait_for_points(job, 1_000)
    first.end(signal.SIGKILL)
    kept = json.loads((trial.folder / "service" / "jobs" / job / "job.json").read_text())
    second = start_service(0.0)
    found = [ended(second.client, each) for each in (job, *waiting)]
    assert [each["state"] for each in found] == ["verified"] * 3, found
    assert [each["attempts"] for each in found] == [2, 1, 1]
    assert sorted(found, key=lambda each: each["ended"]) == found
    report = Report.model_validate(found[0]["report"])
    assert report.load_id == kept["load_id"]  # the same load, gone on with
    assert ledger_of(report) == ledger_of(unbroken(trial, text))
    assert trial.digest() == digest_of(trial.server, _id_of(trial, f"{trial.bucket}-whole"))
    assert trial.buckets == {"", "-whole", "-a", "-b"}
    assert leftovers(trial) == []
    assert [each["id"] for each in second.client.get("/imports").json()] == [*reversed(waiting), job]


def _id_of(trial: Trial, name: str) -> str:
    return next(bucket.id for bucket in trial.all_buckets() if bucket.name == name)
