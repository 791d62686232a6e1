"""A load whose rows are mapped, and whose storage files are built, by the workers of a cluster."""

from __future__ import annotations

import os
import pickle
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import zstandard
from distributed import Future, LocalCluster

from importer import ConfigurationError, LoadError, LoadInterruptedError, LoadOptions, Report
from importer.bulk import on_workers
from importer.bulk.cluster import Cluster, There
from importer.bulk.spread import ClusterBulk
from importer.progress import Snapshot
from importer.server.process import free_port
from tests.bulk_cluster.conftest import ANY_PORT
from tests.bulk_cluster.input import OPTIONS, Outcome, many_csv, outcome
from tests.loading import BIRDS, START, Trial, birds_csv
from tests.mapping.row_functions import of_birds


def alone_and_spread(trial: Trial, cluster: str, source: Path, **more: Any) -> Report:
    """A load without the cluster, and one with it: all that they tell, and hold, is the same."""
    expected = outcome(trial, trial.load(source, **(OPTIONS | more)))
    spread = trial.load(source, cluster=cluster, **(OPTIONS | more))
    assert outcome(trial, spread) == expected
    return spread


def test_a_cluster_makes_what_one_process_makes(trial: Trial, cluster: LocalCluster, alone: Outcome) -> None:
    spread = trial.load(trial.csv(many_csv()), cluster=cluster.scheduler_address, **OPTIONS)
    assert outcome(trial, spread) == alone
    assert (spread.status, trial.buckets) == ("verified", {""})
    assert spread.duplicates > 900
    assert spread.rejected > 5


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


def test_nothing_that_is_sent_to_the_workers_holds_the_token(
    trial: Trial, own_cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit, sent = Cluster.submit, []

    def noted(self: Cluster, function: Callable[..., Any], *arguments: Any) -> There:
        plain = [each for each in arguments if not isinstance(each, Future | list)]
        sent.append(pickle.dumps(plain))
        sent.extend(zstandard.decompress(each) for each in plain if function is on_workers.mapped)
        return submit(self, function, *arguments)

    monkeypatch.setattr(Cluster, "submit", noted)
    trial.load(trial.csv(birds_csv(1_000)), method="bulk", cluster=own_cluster.scheduler_address)
    assert any(b"b0,47.0" in each for each in sent)
    token = trial.connection.token
    assert [each for each in sent if token.encode() in each] == []


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
def test_what_a_killed_worker_had_is_done_again(
    trial: Trial, cluster: LocalCluster, alone: Outcome, phase: str
) -> None:
    killing = Killing(cluster, phase)
    spread = trial.load(trial.csv(many_csv()), cluster=cluster.scheduler_address, progress=killing, **OPTIONS)
    assert killing.killed is not None
    assert outcome(trial, spread) == alone


@pytest.mark.parametrize(
    ("goes", "why"),
    [
        (LocalCluster.close, "failed: (FutureCancelled|ClosedClient)Error|the scheduler of the cluster .* has gone"),
        (lambda cluster: cluster.scale(0), "has no workers any more"),
    ],
    ids=["scheduler", "workers"],
)
def test_a_cluster_that_goes_ends_the_load_and_leaves_the_bucket(
    trial: Trial, own_cluster: LocalCluster, goes: Callable[[LocalCluster], None], why: str
) -> None:
    trial.load(trial.csv(birds_csv(10)))
    before = trial.state_now()

    class Closing:
        def update(self, snapshot: Snapshot) -> None:
            if snapshot.phase == "build":
                goes(own_cluster)

    options = OPTIONS | {"wait_seconds": 1}
    with pytest.raises(LoadError, match=why) as ended:
        trial.load(trial.csv(many_csv()), cluster=own_cluster.scheduler_address, progress=Closing(), **options)
    assert not ended.value.resumable
    assert trial.state_now() == before
    assert trial.buckets == {""}


def test_points_that_the_server_would_refuse_are_rejected_where_they_are(trial: Trial, cluster: LocalCluster) -> None:
    now = int(time.time())
    rows = [f"{now - n * 600},b,1.5,{n}" for n in range(2_000)]
    source = trial.csv("t,bird,lat,n\n" + "\n".join(rows) + "\n")
    options = OPTIONS | {"mapping": None, "max_rejects": "100%", "retention_seconds": 86_400 * 7}
    found = []
    for more in ({}, {"cluster": cluster.scheduler_address}):
        report = trial.load(source, **options, **more)
        _, rejects, held = outcome(trial, report)
        lines = [line.rsplit(" ", 1)[0] for line in rejects]  # without the time of the load
        found.append((report.points_rejected, report.points_written, lines, held))
    assert found[0] == found[1]
    assert found[0][0] > 700  # of some thousand: shard groups are kept whole


def test_where_it_cannot_be_in_bulk_no_cluster_is_asked(trial: Trial) -> None:
    trial.load(trial.csv(birds_csv(10)))
    nowhere = {"cluster": f"tcp://127.0.0.1:{free_port()}", "build_processes": 1}
    report = trial.load(trial.csv(birds_csv(20)), method="auto", if_exists="append", **nowhere)
    assert (report.status, report.building) == ("verified", None)


def test_without_a_scheduler_nothing_is_begun(trial: Trial) -> None:
    with pytest.raises(ConfigurationError, match="no Dask scheduler answers at 'tcp://127"):
        trial.load(
            trial.csv(birds_csv(10)),
            cluster=f"tcp://127.0.0.1:{free_port()}",
            **(OPTIONS | {"mapping": None, "wait_seconds": 1}),
        )
    assert trial.buckets == set()


@pytest.mark.parametrize(
    "address", ["foo", "tcp://host", "tcp://host:x", "http://host:8786", "tcp://a..b:8786", "tcp://127.0.0.1:99999", ""]
)
def test_what_is_no_address_is_said_at_once(trial: Trial, address: str) -> None:
    started = time.monotonic()
    with pytest.raises(
        ConfigurationError, match=r"is not the address of a Dask scheduler \(.*: name one such as tcp://"
    ):
        trial.load(trial.csv(birds_csv(10)), cluster=address, **(OPTIONS | {"mapping": None, "wait_seconds": 60}))
    assert time.monotonic() - started < 30  # it does not wait
    assert trial.buckets == set()


def test_a_load_that_waits_for_a_scheduler_or_workers_can_be_stopped(trial: Trial) -> None:
    waits = OPTIONS | {"mapping": None, "wait_seconds": 600}
    deaf = socket.create_server(("127.0.0.1", 0))
    with LocalCluster(
        n_workers=0, processes=False, protocol="tcp://", dashboard_address=ANY_PORT, host="127.0.0.1"
    ) as idle:
        silent = f"tcp://127.0.0.1:{deaf.getsockname()[1]}"
        for address in (f"tcp://127.0.0.1:{free_port()}", silent, idle.scheduler_address):
            stop = threading.Event()
            later = threading.Timer(1, stop.set)
            later.start()
            with pytest.raises(LoadInterruptedError, match="interrupted while the cluster was waited for"):
                trial.load(trial.csv(birds_csv(10)), cluster=address, stop=stop, **waits)
            later.join()
        deaf.close()
        with pytest.raises(ConfigurationError, match=r"has no workers, after 1 s \(--wait\)"):
            trial.load(trial.csv(birds_csv(10)), cluster=idle.scheduler_address, **(waits | {"wait_seconds": 0}))
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
        ({"method": "write", "cluster": None, "build_processes": 2}, "--build-processes goes with --method bulk"),
        ({"dry_run": True}, "goes with --method bulk or auto"),
        ({"resume": True}, "cannot be resumed"),
        ({"build_processes": 2}, "leave out --build-processes or --cluster"),
        ({"mapper_processes": 2}, "leave out --mapper-processes or --cluster"),
    ],
)
def test_options_that_do_not_go_with_a_cluster_are_refused(more: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigurationError, match=why):
        LoadOptions(bucket="b", **({"method": "bulk", "cluster": "tcp://127.0.0.1:1"} | more))
