from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from importer.server.connection import Connection, Server
from importer.server.retry import RetryPolicy
from importer.sink.influx import InfluxSink
from tests.fault_proxy import FaultProxy, fault_proxy
from tests.influxd import Influxd
from tests.points import new_bucket

Sink = Callable[..., InfluxSink]

DAY = 86_400


@pytest.fixture
def bucket_id(influxd: Influxd) -> Iterator[str]:
    with new_bucket(influxd.server) as bucket_id:
        yield bucket_id


@pytest.fixture
def proxy(influxd: Influxd) -> Iterator[FaultProxy]:
    with fault_proxy(influxd.connection.url) as proxy:
        yield proxy


@pytest.fixture
def through_proxy(influxd: Influxd, proxy: FaultProxy) -> Iterator[Server]:
    connection = Connection(proxy.url, influxd.connection.token, influxd.connection.org)
    with Server(connection, timeout_seconds=2.0) as server:
        yield server


@pytest.fixture
def said() -> list[str]:
    """A line for each try that failed."""
    return []


@pytest.fixture
def pauses() -> list[float]:
    """Seconds that were to be slept; nobody sleeps."""
    return []


@pytest.fixture
def warned() -> list[str]:
    return []


@pytest.fixture
def sink(through_proxy: Server, bucket_id: str, said: list[str], pauses: list[float], warned: list[str]) -> Sink:
    """Makes sinks into the test's bucket, through the proxy."""

    def make(server: Server = through_proxy, bucket_id: str = bucket_id, **options: Any) -> InfluxSink:
        given: dict[str, Any] = {
            "shard_seconds": 7 * DAY,
            "policy": RetryPolicy(),
            "say": said.append,
            "pause": pauses.append,
            "warn": warned.append,
        }
        return InfluxSink(server, bucket_id, **(given | options))

    return make
