"""Storage files that are built by several processes."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest

from importer.children import Child
from importer.errors import BuildBrokenOffError
from tests.bulk_cluster.input import OPTIONS, Outcome, many_csv, outcome
from tests.loading import Trial


def test_several_processes_build_what_one_builds(trial: Trial, alone: Outcome) -> None:
    spread = trial.load(trial.csv(many_csv()), build_processes=2, **OPTIONS)
    assert outcome(trial, spread) == alone
    assert spread.building is not None
    assert spread.building.workers == 3


def test_a_killed_process_ends_the_load_and_another_run_goes_on(
    trial: Trial, alone: Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = trial.csv(many_csv())
    send, calls = Child.send, []

    def kill_the_third_time(self: Child, *arguments: Any) -> None:
        calls.append(arguments)
        send(self, *arguments)
        if len(calls) == 3:
            os.kill(self._process.pid, signal.SIGKILL)

    monkeypatch.setattr(Child, "send", kill_the_third_time)
    with pytest.raises(BuildBrokenOffError, match="builds storage files has ended in mid-load, by SIGKILL") as ended:
        trial.load(source, build_processes=2, **OPTIONS)
    assert ended.value.resumable
    resumed = trial.load(source, build_processes=2, resume=True, **OPTIONS)
    assert outcome(trial, resumed) == alone
