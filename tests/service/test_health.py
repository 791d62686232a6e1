from __future__ import annotations

import httpx
from starlette.testclient import TestClient

from tests.service_app import LiveService


def test_a_living_service_says_so(service: TestClient) -> None:
    answer = service.get("/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "pass"})


def test_a_service_whose_influxdb_answers_is_ready(live_service: LiveService) -> None:
    answer = httpx.get(f"{live_service.url}/ready")
    assert answer.status_code == 200, answer.text
    assert answer.json()["influxdb"].startswith("v2.")
