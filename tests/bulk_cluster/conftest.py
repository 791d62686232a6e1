"""A Dask cluster on this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest
from distributed import LocalCluster

__all__ = ["StartCluster"]

StartCluster = Callable[[], LocalCluster]


@pytest.fixture(scope="session")
def start_cluster() -> Iterator[StartCluster]:
    """Starts clusters of two processes, which end with the tests."""
    with ExitStack() as stack:

        def start() -> LocalCluster:
            return stack.enter_context(
                closing(
                    LocalCluster(
                        n_workers=2,
                        threads_per_worker=1,
                        processes=True,
                        dashboard_address=":0",  # no port is taken that others want
                        host="127.0.0.1",
                        memory_limit=0,
                    )
                )
            )

        yield start


@pytest.fixture(scope="session")
def cluster(start_cluster: StartCluster) -> LocalCluster:
    """One for all tests that leave it as it is."""
    return start_cluster()
