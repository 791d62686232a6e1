"""What keeps strangers, foreign web pages and too much of anything away from the service."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from importer.errors import ConfigurationError
from importer.server.connection import Connection
from importer.service import bearer, limits
from tests.influxd import Influxd
from tests.service_app import LiveMaker, LiveService, ServiceMaker

TOKEN = "a-token-of-enough-characters"
OPEN_PATHS = {"/health", "/ready", "/docs", "/docs/docs.js", "/docs/docs.css"}


def every_operation(service: TestClient, **headers: str) -> list[tuple[str, str]]:
    """Method and path of each route in the OpenAPI document."""
    document = service.get("/openapi.json", headers=headers).json()
    return [(method.upper(), path) for path, operations in document["paths"].items() for method in operations]


def test_with_a_token_every_route_asks_for_it_but_those_that_say_whether_the_service_lives(
    make_service: ServiceMaker,
) -> None:
    service = make_service(token=TOKEN)
    right = {"Authorization": f"Bearer {TOKEN}"}
    operations = every_operation(service, **right)
    assert len(operations) > 5
    for method, path in [*operations, ("GET", "/openapi.json"), ("GET", "/no-such-route")]:
        if path == "/" or path.startswith("/page/"):
            continue
        answer = service.request(method, path.replace("{", "").replace("}", ""))
        if path in OPEN_PATHS:
            assert answer.status_code in (200, 503), (method, path)
        else:
            assert (answer.status_code, answer.headers["www-authenticate"][:6]) == (401, "Bearer"), (method, path)
            assert answer.json()["status"] == 401
    assert {path for path in OPEN_PATHS if service.get(path).status_code == 200} == OPEN_PATHS
    assert service.get("/openapi.json", headers=right).status_code == 200


def test_a_wrong_token_is_refused_whatever_it_looks_like(make_service: ServiceMaker) -> None:
    service = make_service(token=TOKEN)
    wrong = [
        "",
        "Bearer",
        "Bearer ",
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN}x",
        TOKEN,
        f"Basic {TOKEN}",
        "Bearer \xff",
    ]
    for given in wrong:
        answer = service.get("/openapi.json", headers={"Authorization": given.encode("latin-1")})  # type: ignore[dict-item]
        assert answer.status_code == 401, given
        assert TOKEN not in answer.text
    both = [(b"Authorization", b"Bearer wrong"), (b"Authorization", f"Bearer {TOKEN}".encode())]
    assert service.get("/openapi.json", headers=both).status_code == 401  # type: ignore[arg-type]
    assert service.get("/openapi.json", headers={"Authorization": f"bearer  {TOKEN}"}).status_code == 200
    assert service.get("/openapi.json", params={"token": TOKEN}).status_code == 401


def test_tokens_are_compared_in_constant_time(make_service: ServiceMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    compared, really = [], hmac.compare_digest

    def noting(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return really(one, other)

    monkeypatch.setattr(bearer.hmac, "compare_digest", noting)
    service = make_service(token=TOKEN)
    for given in ("Basic nothing", "Bearer wrong"):
        service.get("/openapi.json", headers={"Authorization": given})
    assert compared == [(b"nothing", TOKEN.encode()), (b"wrong", TOKEN.encode())]


def test_a_service_on_loopback_is_called_by_its_own_names_only(service: TestClient) -> None:
    for name in ("localhost", "127.0.0.1", "127.0.0.1:8000", "LOCALHOST:1", "[::1]:8000"):
        assert service.get("/health", headers={"Host": name}).status_code == 200, name
    # What a page would call it by after DNS rebinding.
    for name in ("evil.test", "localhost.evil.test", "127.0.0.1.evil.test:8000", "", "[::1", "a@localhost@evil.test"):
        answer = service.get("/health", headers={"Host": name})
        assert answer.status_code in (400, 403), name
        assert answer.headers["content-type"] == "application/problem+json"


def test_further_names_can_be_allowed(make_service: ServiceMaker) -> None:
    service = make_service(host_names=("importer.test",))
    assert service.get("/health", headers={"Host": "importer.test:8000"}).status_code == 200
    assert service.get("/health", headers={"Host": "other.test"}).status_code == 403


def test_a_web_page_of_another_origin_may_not_call(service: TestClient) -> None:
    for origin in ("https://evil.test", "http://localhost:3000", "null", "http://127.0.0.1:1", "http://[", "file://"):
        for method, path in (("GET", "/health"), ("POST", "/write/surf/insert"), ("OPTIONS", "/write/surf/insert")):
            answer = service.request(method, path, headers={"Origin": origin})
            assert answer.status_code == 403, (origin, method)
            assert "access-control-allow-origin" not in answer.headers
    for site in ("cross-site", "same-site"):
        assert service.get("/health", headers={"Sec-Fetch-Site": site}).status_code == 403
        assert service.get("/health", headers={"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors"}).status_code == 403


def test_the_services_own_page_and_a_link_to_it_work(service: TestClient) -> None:
    assert service.get("/health", headers={"Origin": "http://127.0.0.1", "Sec-Fetch-Site": "same-origin"}).is_success
    assert service.get("/docs", headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}).is_success
    assert service.get("/docs", headers={"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"}).is_success


def test_an_origin_that_is_allowed_may_call_and_others_still_may_not(make_service: ServiceMaker) -> None:
    service = make_service(cors_origins=("https://charts.test",), token=TOKEN)
    asked = {"Origin": "https://charts.test", "Sec-Fetch-Site": "cross-site"}
    preflight = service.options("/ingest", headers=asked | {"Access-Control-Request-Method": "POST"})
    assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (204, "https://charts.test")
    assert "Authorization" in preflight.headers["access-control-allow-headers"]
    assert "access-control-allow-credentials" not in preflight.headers
    answer = service.get("/openapi.json", headers=asked | {"Authorization": f"Bearer {TOKEN}"})
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "https://charts.test")
    assert answer.headers["vary"] == "Origin"
    assert service.get("/openapi.json", headers=asked).status_code == 401
    assert service.get("/health", headers={"Origin": "https://charts.test.evil.test"}).status_code == 403


def test_every_answer_has_the_headers_that_browsers_heed(service: TestClient) -> None:
    for answer in (
        service.get("/docs"),
        service.get("/nothing"),
        service.get("/health", headers={"Host": "evil.test"}),
    ):
        policy = answer.headers["content-security-policy"]
        assert "unsafe-inline" not in policy
        assert "frame-ancestors 'none'" in policy
        assert "default-src 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "server" not in answer.headers


def test_the_documents_page_needs_nothing_from_elsewhere_and_no_inline_script(service: TestClient) -> None:
    page = service.get("/docs").text
    parts = [page, service.get("/docs/docs.js").text, service.get("/docs/docs.css").text]
    assert not [part for part in parts if "http://" in part or "https://" in part or "//cdn" in part]
    assert "<script src=" in page
    assert page.count("<script") == 1
    assert "style=" not in page
    assert "innerHTML" not in parts[1]
    assert service.get("/docs/index.html").status_code == 404
    assert service.get("/docs/..%2fapp.py").status_code == 404


def test_no_path_leads_out_of_the_pages_folders(service: TestClient) -> None:
    for path in ("/docs/../settings.py", "/docs/%2e%2e/settings.py", "/docs/..%2f..%2f..%2fetc%2fpasswd", "/docs/%00"):
        assert service.get(path).status_code in (400, 404)


def test_errors_of_the_framework_are_problems_too(service: TestClient) -> None:
    for answer, status in (
        (service.get("/no/such/route"), 404),
        (service.put("/health"), 405),
        (service.post("/write/b/insert", json=7), 400),
    ):
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
        assert set(answer.json()) == {"status", "title", "detail", "errors"}
        assert answer.json()["status"] == status
    assert service.get("/no/such/route").json()["detail"].startswith("there is no such path")
    assert service.put("/health").json()["detail"] == "this path does not know the method PUT; it knows GET"


def test_what_nobody_has_foreseen_is_500_without_a_trace_and_the_log_has_it_without_secrets(
    make_service: ServiceMaker, influxd: Influxd, caplog: pytest.LogCaptureFixture
) -> None:
    service = make_service()
    app: Any = service.app

    def fails() -> None:
        raise RuntimeError(f"the token is {influxd.connection.token}")

    app.get("/fails")(fails)
    with caplog.at_level(logging.ERROR, "importer"):
        answer = service.get("/fails")
    assert answer.status_code == 500
    assert answer.json()["detail"] == "the service failed; its log says why"
    assert "Traceback" not in answer.text
    assert "RuntimeError: the token is [secret]" in caplog.text
    assert influxd.connection.token not in caplog.text + answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_pages_of_other_origins_that_may_call_are_told_of_a_failure_too(make_service: ServiceMaker) -> None:
    service = make_service(cors_origins=("https://charts.test",))
    app: Any = service.app

    def fails() -> None:
        raise RuntimeError("unforeseen")

    app.get("/fails")(fails)
    answer = service.get("/fails", headers={"Origin": "https://charts.test", "Sec-Fetch-Site": "cross-site"})
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (500, "https://charts.test")


def test_a_token_that_influxdb_refuses_is_503_and_is_not_shown(make_service: ServiceMaker, influxd: Influxd) -> None:
    wrong = Connection(influxd.connection.url, "wrong-token-of-influxdb", influxd.connection.org)
    service = make_service(find=lambda: wrong)
    for answer in (
        service.get("/ready"),
        service.get("/read/surf/list"),
        service.post("/write/surf/insert", json={"location": "hawaii", "height": 1}),
    ):
        assert answer.status_code == 503, answer.text
        assert "refuses the token" in answer.json()["detail"]
        assert answer.headers["retry-after"]
        assert "wrong-token-of-influxdb" not in answer.text


def test_an_organisation_that_influxdb_does_not_know_is_not_ready(make_service: ServiceMaker, influxd: Influxd) -> None:
    wrong = Connection(influxd.connection.url, influxd.connection.token, "no-such-org")
    answer = make_service(find=lambda: wrong).get("/ready")
    assert answer.status_code == 503, answer.text


def test_an_influxdb_that_cannot_be_found_is_503_until_it_can(make_service: ServiceMaker, influxd: Influxd) -> None:
    found: list[Connection] = []

    def find() -> Connection:
        if not found:
            raise ConfigurationError("there is none yet")
        return found[0]

    service = make_service(find=find)
    assert service.get("/ready").status_code == 503
    found.append(influxd.connection)
    assert service.get("/ready").status_code == 200


def test_a_body_beyond_the_bound_is_413_before_it_is_read(live_service: LiveService) -> None:
    at = urlsplit(live_service.url)
    with socket.create_connection((at.hostname, at.port), timeout=20) as client:
        client.sendall(
            b"POST /write/b/insert HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Length: 99999999999\r\n\r\n"
        )
        assert b" 413 " in client.recv(1 << 16).split(b"\r\n")[0]


def test_a_body_that_does_not_say_how_large_it_is_is_cut_at_the_bound(make_service: ServiceMaker) -> None:
    service = make_service(max_body_bytes=1000)
    taken: list[int] = []

    def endless() -> Any:
        for number in range(1000):
            taken.append(number)
            yield b" " * 100

    answer = service.post("/write/b/insert", content=endless(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 413, answer.text
    fitting = service.post("/write/b/insert", content=b" " * 1000, headers={"Content-Type": "application/json"})
    assert fitting.status_code == 400


def test_uploads_have_a_bound_of_their_own_whatever_type_they_say_they_are_of(make_service: ServiceMaker) -> None:
    service = make_service(max_body_bytes=1000, max_upload_bytes=100_000)
    for kind in ("text/csv", "application/json", "application/octet-stream"):
        sent = {"content": b"t,v\n" * 2_000, "headers": {"Content-Type": kind}}
        assert service.post("/uploads", **sent).status_code == 201  # type: ignore[arg-type]
        assert service.post("/imports", **sent).status_code in (413, 415)  # type: ignore[arg-type]
    assert service.post("/uploads", files={"file": b"t,v\n" * 2_000}).status_code == 201
    too_large = service.post("/uploads", content=b"x" * 100_001, headers={"Content-Type": "text/csv"})
    assert too_large.status_code == 413


def test_a_body_that_stops_coming_is_given_up(make_live_service: LiveMaker) -> None:
    at = urlsplit(make_live_service(idle_seconds=0.3).url)
    with socket.create_connection((at.hostname, at.port), timeout=20) as client:
        client.sendall(
            b"POST /write/b/insert HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b'Content-Length: 100\r\n\r\n{"location"'
        )
        assert b" 408 " in client.recv(1 << 16).split(b"\r\n")[0]


class Slow:
    """A route that answers when it is let go.

    Attributes:
        go_on: lets it go.
        waiting: one for each request that it has.
    """

    def __init__(self, app: FastAPI) -> None:
        self.go_on = threading.Event()
        self.waiting: list[None] = []
        app.get("/slow")(self.answer)

    def answer(self) -> dict[str, bool]:
        self.waiting.append(None)
        return {"went_on": self.go_on.wait(30)}


def test_an_answer_that_takes_too_long_is_504_and_counts_as_under_way_until_it_ends(
    make_live_service: LiveMaker,
) -> None:
    live = make_live_service(request_seconds=0.3, max_requests=1)
    route = Slow(live.app)
    try:
        slow = httpx.get(f"{live.url}/slow", timeout=20)
        assert (slow.status_code, slow.headers["content-type"]) == (504, "application/problem+json")
        refused = httpx.get(f"{live.url}/openapi.json")
        assert (refused.status_code, "retry-after" in refused.headers) == (503, True)
        assert httpx.get(f"{live.url}/health").status_code == 200
    finally:
        route.go_on.set()
    until(lambda: httpx.get(f"{live.url}/openapi.json").status_code == 200)


def test_more_requests_than_allowed_are_503_and_those_under_way_end_well(make_live_service: LiveMaker) -> None:
    live = make_live_service(max_requests=3)
    route = Slow(live.app)
    with ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(httpx.get, f"{live.url}/slow", timeout=30) for _ in range(3)]
        until(lambda: len(route.waiting) == 3)
        assert httpx.get(f"{live.url}/openapi.json").status_code == 503
        route.go_on.set()
        assert [each.result().json() for each in waiting] == [{"went_on": True}] * 3
    assert httpx.get(f"{live.url}/openapi.json").status_code == 200


def test_bodies_in_memory_are_bounded_together(make_service: ServiceMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BUFFERED_BYTES", 1000)
    service = make_service()
    answer = service.post("/write/b/insert", content=b" " * 2000, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    # What was held is given back.
    for _ in range(3):
        answer = service.post("/write/b/insert", content=b" " * 800, headers={"Content-Type": "application/json"})
        assert answer.status_code == 400


def test_a_client_that_takes_nothing_is_let_go(make_live_service: LiveMaker) -> None:
    live = make_live_service(idle_seconds=0.3, max_requests=1)

    async def endless() -> Any:
        while True:
            yield b"x" * 100_000
            await asyncio.sleep(0)

    from starlette.responses import StreamingResponse  # noqa: PLC0415

    live.app.get("/endless")(lambda: StreamingResponse(endless()))
    at = urlsplit(live.url)
    with socket.create_connection((at.hostname, at.port), timeout=20) as client:
        client.sendall(b"GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n")
        client.recv(100)
        until(lambda: httpx.get(f"{live.url}/openapi.json").status_code == 200)


def test_requests_are_counted_by_their_routes_and_not_by_their_paths(service: TestClient) -> None:
    for bucket in ("one", "two"):
        service.get(f"/read/{bucket}/list")
    service.get("/no/such/path")
    answer = service.get("/internal/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert 'importer_http_requests_total{method="GET",route="/read/{bucket}/list",status="404"} 2.0' in answer.text
    assert 'importer_http_requests_total{method="GET",route="none",status="404"} 1.0' in answer.text
    assert "importer_http_request_seconds_bucket" in answer.text
    assert "/no/such/path" not in answer.text


def test_the_access_log_holds_no_query_and_no_line_breaks_of_clients(
    service: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "importer.access"):
        service.get("/no/such%0a{}/path", params={"secret": "value"}, headers={"X-Request-ID": "a b\tc"})
    (record,) = (each for each in caplog.records if each.name == "importer.access")
    line = json.loads(record.getMessage())
    assert "\n" not in record.getMessage()
    assert line["path"] == "/no/such\n{}/path"
    assert "value" not in record.getMessage()
    assert len(line["request_id"]) == 32


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)
