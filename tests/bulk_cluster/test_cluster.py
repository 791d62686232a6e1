"""A load whose rows are mapped, and whose storage files are built, by the workers of a cluster."""

from __future__ import annotations

import os
import signal
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from distributed import LocalCluster

from importer import ConfigurationError, LoadError, LoadOptions, Report
from importer.bulk import on_workers
from importer.bulk.spread import ClusterBulk
from importer.progress import Snapshot
from importer.server.process import free_port
from tests.bulk.two_ways import flux_lines, told
from tests.bulk_cluster.conftest import StartCluster
from tests.bulk_cluster.input import OPTIONS, many_csv
from tests.loading import BIRDS, START, Trial, birds_csv
from tests.mapping.row_functions import of_birds


def rejects(trial: Trial) -> list[str]:
    path = trial.folder / "rejects.csv"
    return path.read_text().splitlines() if path.exists() else []


def alone_and_spread(trial: Trial, cluster: str, source: Path, **more: Any) -> Report:
    """A load without the cluster, and one with it: all that they tell, and hold, is the same."""
    alone = trial.load(source, **(OPTIONS | more))
    expected = told(alone), rejects(trial), flux_lines(trial)
    spread = trial.load(source, cluster=cluster, **(OPTIONS | more))
    assert (told(spread), rejects(trial), flux_lines(trial)) == expected
    assert alone.building is not None
    assert spread.building is not None
    assert spread.building.files == alone.building.files
    assert spread.status == "verified"
    return spread


def test_a_cluster_makes_what_one_process_makes(trial: Trial, cluster: LocalCluster) -> None:
    source = trial.csv(many_csv())
    spread = alone_and_spread(trial, cluster.scheduler_address, source)
    assert spread.duplicates > 900
    assert spread.rejected > 5
    assert trial.buckets == {""}


def test_types_that_others_decide_meanwhile_are_those_of_the_input_order(
    trial: Trial, cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    repeated = []
    is_other_than = ClusterBulk._is_other_than

    def counted(self: ClusterBulk, *found: Any) -> bool:
        repeated.append(is_other_than(self, *found))
        return repeated[-1]

    monkeypatch.setattr(ClusterBulk, "_is_other_than", counted)
    # The first half has no such values; then come truths, and numbers behind them are rejects.
    rows = [f"{START + n * 60},b,1.5,{'' if n < 2_000 else 'true' if n < 2_100 else n}" for n in range(4_000)]
    source = trial.csv("t,bird,lat,n\n" + "\n".join(rows) + "\n")
    untyped = BIRDS | {"fields": {"lat": {"column": "lat"}, "n": {"column": "n"}}}
    alone_and_spread(trial, cluster.scheduler_address, source, mapping=untyped, max_rejects="60%")
    assert any(repeated)


def test_a_row_function_is_called_by_the_workers(trial: Trial, cluster: LocalCluster) -> None:
    source = trial.csv(birds_csv(3_000))
    alone_and_spread(trial, cluster.scheduler_address, source, mapping=None, mapper=of_birds)
    with pytest.raises(ConfigurationError, match="cannot be imported by other processes"):
        trial.load(source, mapper=lambda _row: None, cluster=cluster.scheduler_address, method="bulk")


class Killing:
    """Kills a worker when a load is so far."""

    def __init__(self, cluster: LocalCluster, phase: str) -> None:
        self._cluster, self._phase = cluster, phase
        self.killed: int | None = None

    def update(self, snapshot: Snapshot) -> None:
        if self.killed is None and snapshot.phase == self._phase and snapshot.points > 500:
            nanny = next(iter(self._cluster.workers.values()))
            self.killed = nanny.process.pid
            os.kill(self.killed, signal.SIGKILL)


@pytest.mark.parametrize("phase", ["load", "build"])
def test_what_a_killed_worker_had_is_done_again(trial: Trial, start_cluster: StartCluster, phase: str) -> None:
    own = start_cluster()
    source = trial.csv(many_csv())
    expected = told(trial.load(source, **OPTIONS)), rejects(trial), flux_lines(trial)
    killing = Killing(own, phase)
    spread = trial.load(source, cluster=own.scheduler_address, progress=killing, **OPTIONS)
    assert killing.killed is not None
    assert (told(spread), rejects(trial), flux_lines(trial)) == expected
    own.close()


def test_a_cluster_that_goes_ends_the_load_and_leaves_the_bucket(trial: Trial, start_cluster: StartCluster) -> None:
    own = start_cluster()
    trial.load(trial.csv(birds_csv(10)))
    before = trial.state_now()

    class Closing:
        def update(self, snapshot: Snapshot) -> None:
            if snapshot.phase == "build":
                own.close()

    with pytest.raises(LoadError, match="the cluster at") as ended:
        trial.load(trial.csv(many_csv()), cluster=own.scheduler_address, progress=Closing(), **OPTIONS)
    assert not ended.value.resumable
    assert trial.state_now() == before
    assert trial.buckets == {""}


def test_without_a_scheduler_nothing_is_begun(trial: Trial) -> None:
    with pytest.raises(ConfigurationError, match="no Dask scheduler answers at 'tcp://127"):
        trial.load(
            trial.csv(birds_csv(10)),
            cluster=f"tcp://127.0.0.1:{free_port()}",
            **(OPTIONS | {"mapping": None, "wait_seconds": 1}),
        )
    assert trial.buckets == set()


def test_workers_of_another_version_are_refused(
    trial: Trial, cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(on_workers, "version", lambda name: "0.1" if name == "polars" else version(name))
    with pytest.raises(ConfigurationError, match=r"of other versions: tcp://\S+ has polars \S+ \(here 0.1\)"):
        trial.load(trial.csv(birds_csv(10)), cluster=cluster.scheduler_address, method="bulk")


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'importer\[cluster\]'"):
        LoadOptions(bucket="b", method="bulk", cluster="tcp://127.0.0.1:1")


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"method": "write"}, "goes with --method bulk or auto"),
        ({"dry_run": True}, "goes with --method bulk or auto"),
        ({"resume": True}, "cannot be resumed"),
        ({"build_processes": 2}, "leave out --build-processes or --cluster"),
        ({"mapper_processes": 2}, "leave out --mapper-processes or --cluster"),
    ],
)
def test_options_that_do_not_go_with_a_cluster_are_refused(more: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigurationError, match=why):
        LoadOptions(bucket="b", cluster="tcp://127.0.0.1:1", **({"method": "bulk"} | more))
