"""A Dask cluster on this machine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from distributed import LocalCluster

from tests.bulk_cluster.input import OPTIONS, Outcome, many_csv, outcome
from tests.loading import Trial

ANY_PORT = ":0"
KNOWN: list[Outcome] = []


@pytest.fixture
def alone(trial: Trial) -> Outcome:
    """What one process makes of the input, for all tests."""
    if not KNOWN:
        KNOWN.append(outcome(trial, trial.load(trial.csv(many_csv()), **OPTIONS)))
    return KNOWN[0]


@pytest.fixture(scope="session")
def cluster() -> Iterator[LocalCluster]:
    """Two processes; where one is killed, another takes its place."""
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=ANY_PORT, host="127.0.0.1", memory_limit=0
    ) as started:
        yield started


@pytest.fixture
def own_cluster() -> Iterator[LocalCluster]:
    """One worker, in a thread: a cluster that is soon there, and may go."""
    with LocalCluster(
        n_workers=1, processes=False, protocol="tcp://", dashboard_address=ANY_PORT, host="127.0.0.1"
    ) as started:
        yield started
