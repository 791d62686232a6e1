"""What is known already is answered without asking InfluxDB, and without a thread."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from importer.server.connection import Connection
from importer.service import resources
from importer.service.routes import series
from importer.service.serving import _requests_logged
from tests.fault_proxy import FaultProxy, fault_proxy
from tests.influxd import Influxd
from tests.jobs.watching import ended
from tests.loading import BIRDS, Trial, birds_csv
from tests.service_app import ServiceMaker

POINT = {"metric": "temperature", "timestamp": "2024-05-01T12:00:00Z", "value": 21.5}


@pytest.fixture
def proxy(influxd: Influxd) -> Iterator[FaultProxy]:
    with fault_proxy(influxd.connection.url) as found:
        yield found


@pytest.fixture
def through(proxy: FaultProxy, influxd: Influxd) -> Connection:
    return Connection(proxy.url, influxd.connection.token, influxd.connection.org)


def test_a_known_list_of_metrics_wakes_no_thread_and_asks_nobody(
    make_service: ServiceMaker,
    proxy: FaultProxy,
    through: Connection,
    fresh_bucket_name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    service = make_service(find=lambda: through, series_bucket=fresh_bucket_name)
    assert service.post("/ingest", json={"points": [POINT, POINT | {"metric": "door"}]}).status_code == 201
    lists = [service.get("/metrics"), service.get("/metrics?limit=1")]
    asked = proxy.requests

    async def no_thread(*_: Any) -> Any:
        raise AssertionError("a thread was woken")

    monkeypatch.setattr(series, "run_in_threadpool", no_thread)
    again = [service.get("/metrics"), service.get("/metrics?limit=1")]
    assert [(each.status_code, each.content, each.links) for each in again] == [
        (200, each.content, each.links) for each in lists
    ]
    assert len(again[0].json()) == 2
    assert "next" in again[1].links
    assert proxy.requests == asked


def test_however_many_ask_whether_it_is_ready_influxdb_is_asked_now_and_then(
    make_service: ServiceMaker, proxy: FaultProxy, through: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert 0 < resources.READY_SECONDS <= 1
    monkeypatch.setattr(resources, "READY_SECONDS", 60.0)
    proxy.latency_seconds = 0.05
    service = make_service(find=lambda: through)
    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(service.get, "/ready") for _ in range(8)]
        assert {each.result().status_code for each in answers} == {200}
    assert proxy.requests == 2  # its health, and the organisation


def test_a_chart_of_a_slow_influxdb_is_given_up_after_the_services_own_time(
    make_service: ServiceMaker, proxy: FaultProxy, through: Connection, trial: Trial
) -> None:
    service = make_service(find=lambda: through, influxdb_seconds=0.4)
    upload = service.post("/uploads", content=birds_csv(10)).json()["upload"]
    wanted = {"upload": upload, "bucket": trial.bucket, "mapping": BIRDS}
    job = ended(service, service.post("/imports", json=wanted).json()["id"])
    assert job["state"] == "verified"
    proxy.latency_seconds = 1.0
    answer = service.get(f"/imports/{job['id']}/chart")
    assert answer.status_code == 503, answer.text


def test_requests_are_logged_as_long_as_the_service_runs_and_no_longer(capsys: pytest.CaptureFixture[str]) -> None:
    access, of_uvicorn = logging.getLogger("importer.access"), logging.getLogger("uvicorn.error")
    before = access.handlers, access.propagate, access.level, of_uvicorn.filters[:]
    with _requests_logged():
        assert access.handlers[0].stream is sys.stdout  # type: ignore[attr-defined]
        access.info("a line")
    assert capsys.readouterr().out == "a line\n"
    assert (access.handlers, access.propagate, access.level, of_uvicorn.filters) == before
