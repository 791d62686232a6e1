"""Whole loads through the fault proxy, by the library and by the command line."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import importer.loading
import importer.writing
from importer.server.connection import Connection
from importer.server.retry import RetryPolicy
from tests.fault_proxy import Fault, FaultProxy, Request, fault_proxy
from tests.influxd import Influxd
from tests.loading import Trial


class Proxied(Trial):
    """Loads that go through a proxy; what a test asks the server itself does not."""

    def __init__(self, bucket: str, folder: Path, influxd: Influxd, proxy: FaultProxy) -> None:
        super().__init__(bucket, folder, influxd)
        self.proxy = proxy

    @property
    def connection(self) -> Connection:
        return replace(self.influxd.connection, url=self.proxy.url)


@pytest.fixture(autouse=True)
def _request_for_each_block(request_for_each_block: None) -> None:
    """All of these tests."""


@pytest.fixture
def proxy(influxd: Influxd) -> Iterator[FaultProxy]:
    with fault_proxy(influxd.connection.url) as proxy:
        yield proxy


@pytest.fixture
def proxied(influxd: Influxd, fresh_bucket_name: str, tmp_path: Path, proxy: FaultProxy) -> Proxied:
    return Proxied(fresh_bucket_name, tmp_path, influxd, proxy)


@pytest.fixture
def proxied_environment(environment: None, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    """The variables name the tests' server, as it is seen through the proxy."""
    monkeypatch.setenv("INFLUX_URL", proxy.url)


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many faults in a row, without the pauses between the tries growing long."""
    policy = lambda wait: RetryPolicy(wait, longest_pause_seconds=0.1, first_pause_seconds=0.02)  # noqa: E731
    for module in (importer.loading, importer.writing):
        monkeypatch.setattr(module, "RetryPolicy", policy)


def at_writes(numbers: range, fault: Fault | Callable[[], object]) -> Callable[[Request], Fault | None]:
    """A rule: the write requests of these numbers, from 1, meet a fault, or something is done before they pass."""
    count = 0

    def rule(request: Request) -> Fault | None:
        nonlocal count
        count += request.is_write
        if not request.is_write or count not in numbers:
            return None
        if isinstance(fault, Fault):
            return fault
        fault()
        return None

    return rule


def once_each(
    fault: Fault, key: Callable[[Request], Hashable]
) -> tuple[Callable[[Request], Fault | None], set[Hashable]]:
    """A rule: of all requests with the same key the first one meets a fault; and the keys that came in."""
    seen: set[Hashable] = set()

    def rule(request: Request) -> Fault | None:
        if key(request) in seen:
            return None
        seen.add(key(request))
        return fault

    return rule, seen
