"""The proxy itself: what the tests of the loads rest on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
import urllib3

from importer.verification.counting import count_values
from tests.fault_proxy import Fault, FaultProxy
from tests.influxd import Influxd
from tests.points import new_bucket

BIG = b"m v=1 1\n" + b"#" * 3_000_000 + b"\nm v=2 2\n"


class Client:
    """Plain requests through the proxy, each tried once."""

    def __init__(self, influxd: Influxd, proxy: FaultProxy, bucket_id: str) -> None:
        self._influxd, self._proxy, self._bucket_id = influxd, proxy, bucket_id
        self._pool = urllib3.PoolManager(retries=False, timeout=10)

    def __call__(self, method: str, path: str, **more: Any) -> urllib3.BaseHTTPResponse:
        headers = {"Authorization": f"Token {self._influxd.connection.token}"}
        return self._pool.request(method, self._proxy.url + path, headers=headers, **more)

    def write(self, lines: bytes = b"m v=1 1\nm v=2 2\n") -> int:
        org = self._influxd.connection.org
        return self("POST", f"/api/v2/write?org={org}&bucket={self._bucket_id}", body=lines).status

    @property
    def stored(self) -> int:
        return count_values(self._influxd.server, self._bucket_id, 0, 10).total()


@pytest.fixture
def client(influxd: Influxd, proxy: FaultProxy) -> Iterator[Client]:
    with new_bucket(influxd.server) as bucket_id:
        yield Client(influxd, proxy, bucket_id)


def test_without_faults_requests_and_answers_pass_as_they_are(client: Client, proxy: FaultProxy) -> None:
    assert client.write(BIG) == 204
    assert client.stored == 2
    assert proxy.writes[0].body == BIG
    assert client("GET", "/health").json()["status"] == "pass"
    assert len(client("GET", "/metrics").data) > 10_000  # in chunks
    assert proxy.requests == 3


@pytest.mark.parametrize("resets", ["before", "during", "after"])
@pytest.mark.parametrize("passed_on", [False, True])
def test_a_reset_connection_brings_the_server_what_was_sent_or_nothing(
    client: Client, proxy: FaultProxy, resets: Any, *, passed_on: bool
) -> None:
    proxy.faults.append(Fault(resets=resets, passed_on=passed_on))
    with pytest.raises(urllib3.exceptions.ProtocolError):
        client.write(BIG)
    assert client.stored == (2 if passed_on and resets == "after" else 0)
    assert len(proxy.writes[0].body) == {"before": 0, "during": len(BIG) // 2, "after": len(BIG)}[resets]
    assert client.write() == 204


def test_an_answer_that_is_cut_in_its_head_looks_like_an_empty_one(client: Client, proxy: FaultProxy) -> None:
    proxy.rule = lambda _: Fault(cut="in head")
    assert client("GET", "/health").data == b""


@pytest.mark.parametrize("cut", ["head", "in body", "length"])
def test_an_answer_that_is_cut_short_is_none(client: Client, proxy: FaultProxy, cut: Any) -> None:
    proxy.rule = lambda _: Fault(cut=cut)
    with pytest.raises(urllib3.exceptions.ProtocolError):
        client("GET", "/health")


def test_a_forged_answer_never_was_at_the_server_and_a_lost_one_was(client: Client, proxy: FaultProxy) -> None:
    proxy.faults += [Fault(204), Fault(503, {"Retry-After": "soon"}), Fault(500, passed_on=True)]
    assert [client.write(), client.stored] == [204, 0]
    assert [client.write(), client.stored] == [503, 0]
    assert [client.write(), client.stored] == [500, 2]


def test_a_held_request_reaches_the_server_late(client: Client, proxy: FaultProxy) -> None:
    proxy.faults.append(Fault(held=True))
    with pytest.raises(urllib3.exceptions.ProtocolError):
        client.write()
    assert client.stored == 0
    assert proxy.release() == 1
    assert client.stored == 2


def test_faults_strike_requests_by_their_method_and_path(client: Client, proxy: FaultProxy) -> None:
    proxy.rule = lambda request: Fault(502) if request.path == "/health" else None
    proxy.early_rule = lambda request: Fault(resets="before") if request.method == "DELETE" else None
    assert client("GET", "/health").status == 502
    with pytest.raises(urllib3.exceptions.ProtocolError):
        client("DELETE", "/api/v2/buckets/0123456789abcdef")
    assert client("GET", "/ping").status == 204


def test_latency_bandwidth_and_slowness_take_their_time(client: Client, proxy: FaultProxy) -> None:
    def seconds(lines: bytes) -> float:
        started = time.monotonic()
        assert client.write(lines) == 204
        return time.monotonic() - started

    proxy.latency_seconds = 0.3
    assert 0.3 <= seconds(b"m v=1 1") < 1
    proxy.latency_seconds = 0
    proxy.bytes_per_second = 6_000_000.0
    assert 0.5 <= seconds(BIG) < 1.5
    proxy.bytes_per_second = float("inf")
    proxy.rule = lambda _: Fault(204, hangs_seconds=0.4)
    assert 0.4 <= seconds(b"m v=1 1") < 1
    proxy.rule = lambda _: None
    plain = min(seconds(BIG) for _ in range(3))
    proxy.times_slower = 20
    assert seconds(BIG) > 3 * plain


def test_a_server_that_is_away_is_a_reset_connection(proxy: FaultProxy) -> None:
    proxy._port = 9
    with pytest.raises(urllib3.exceptions.ProtocolError):
        urllib3.request("GET", f"{proxy.url}/health", retries=False)
