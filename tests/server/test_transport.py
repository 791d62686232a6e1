from __future__ import annotations

import http.server
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from importer.errors import RequestRefusedError, ServerUnreachableError, TransientServerError
from importer.server.connection import Connection, Server
from tests.fault_proxy import Fault, fault_proxy
from tests.influxd import Influxd
from tests.loading import BIRDS_FLAGS, Command, Ended, Trial, birds_csv
from tests.tls_front import Certificates, tls_front


class Call:
    """A call in a thread of its own, and how it ended."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self.error: BaseException | None = None
        self._work = work
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._work()
        except Exception as error:  # noqa: BLE001 - the test judges it
            self.error = error

    def ended_within(self, seconds: float) -> bool:
        self._thread.join(seconds)
        return not self._thread.is_alive()


@contextmanager
def listener(*, backlog: int = 8) -> Iterator[tuple[socket.socket, str]]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=backlog) as mute:
        yield mute, f"127.0.0.1:{mute.getsockname()[1]}"


def test_breaking_off_ends_a_write_and_a_question_under_way_within_a_second_and_later_ones_work(
    influxd: Influxd,
) -> None:
    with fault_proxy(influxd.connection.url) as proxy:
        proxy.faults = [Fault(hangs_seconds=30), Fault(hangs_seconds=30)]
        connection = Connection(proxy.url, influxd.connection.token, influxd.connection.org)
        with Server(connection) as server:
            calls = [Call(lambda: server.call("POST", "/api/v2/write", body={})) for _ in range(2)]
            while len(proxy.writes) < 2:
                time.sleep(0.01)
            began = time.monotonic()
            server.break_off()
            assert all(call.ended_within(5) for call in calls)
            assert time.monotonic() - began < 1
            assert [type(call.error) for call in calls] == [ServerUnreachableError, ServerUnreachableError]
            assert server.health()
            assert server.org_id


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_breaking_off_ends_a_request_that_the_server_has_not_even_greeted(scheme: str) -> None:
    with listener() as (mute, address), Server(Connection(f"{scheme}://{address}", "t", "o")) as server:
        call = Call(server.health)
        accepted, _ = mute.accept()
        accepted.recv(1)
        server.break_off()
        assert call.ended_within(1)
        assert isinstance(call.error, TransientServerError)
        accepted.close()


def test_breaking_off_ends_a_request_that_still_waits_to_be_connected() -> None:
    with listener(backlog=0) as (_, address), socket.socket() as filler:
        filler.connect(("127.0.0.1", int(address.rpartition(":")[2])))
        with Server(Connection(f"http://{address}", "t", "o")) as server:
            call = Call(server.health)
            assert not call.ended_within(0.5)
            server.break_off()
            assert call.ended_within(1)
            assert isinstance(call.error, TransientServerError)


def test_breaking_off_ends_a_request_within_tls_as_one_that_may_be_tried_again(
    influxd: Influxd, certificates: Certificates
) -> None:
    token, org = influxd.connection.token, influxd.connection.org
    with fault_proxy(influxd.connection.url) as proxy, tls_front(proxy.url, certificates["good"]) as url:
        proxy.faults = [Fault(hangs_seconds=30)]
        with Server(Connection(url, token, org, ca_file=certificates.authority)) as server:
            call = Call(lambda: server.call("POST", "/api/v2/write", body={}))
            while not proxy.writes:
                time.sleep(0.01)
            server.break_off()
            assert call.ended_within(1)
            assert isinstance(call.error, TransientServerError)
            assert server.org_id


@pytest.fixture
def load(trial: Trial, command: Command, token_file: Path) -> Callable[..., Ended]:
    """Load a few rows by the command line from an address, with its patience of 100 s for what may pass."""
    path = trial.csv(birds_csv(9))

    def run(url: str, *options: str | Path) -> Ended:
        where = ("--url", url, "--org", trial.connection.org, "--token-file", token_file)
        return command("load", path, *BIRDS_FLAGS, "--bucket", trial.bucket, *where, *options)

    return run


@pytest.fixture
def token_file(trial: Trial, tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.touch(0o600)
    path.write_text(trial.connection.token)
    return path


def test_a_server_is_trusted_whose_authority_is_named(
    trial: Trial, load: Callable[..., Ended], certificates: Certificates
) -> None:
    with tls_front(trial.connection.url, certificates["good"]) as url:
        ended = load(url, "--ca-file", certificates.authority)
        assert (ended.code, ended.err.count("certificate")) == (0, 0)
        assert trial.rows().height == 18


def test_the_systems_authorities_are_those_that_openssl_is_told(
    load: Callable[..., Ended], certificates: Certificates, trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.authority))
    with tls_front(trial.connection.url, certificates["good"]) as url:
        assert load(url).code == 0


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(("good", (), "unable to get local issuer certificate.*--ca-file"), id="unknown to the system"),
        pytest.param(("stranger", ("--ca-file",), "unable to get local issuer certificate.*--ca-file"), id="unknown"),
        pytest.param(
            ("misnamed", ("--ca-file",), r"not valid for '127\.0\.0\.1'.*made out to another name"), id="name"
        ),
        pytest.param(("expired", ("--ca-file",), "has expired.*renewed"), id="expired"),
    ],
)
@pytest.mark.promise(
    fault="The server's certificate is of an unknown authority, made out to another name, or expired",
    promise="The load ends at once, before the token is sent.",
    seen="error: the server's certificate is not accepted: certificate has expired; ... have it renewed; exit 1",
)
def test_a_certificate_that_is_not_to_be_trusted_ends_the_load_at_once_and_says_what_to_do(
    trial: Trial, load: Callable[..., Ended], certificates: Certificates, case: tuple[str, tuple[str, ...], str]
) -> None:
    name, options, said = case
    began = time.monotonic()
    with fault_proxy(trial.connection.url) as proxy, tls_front(proxy.url, certificates[name]) as url:
        ended = load(url, *options, *((certificates.authority,) if options else ()))
        assert proxy.requests == 0
    assert time.monotonic() - began < 10
    assert ended.code == 1
    assert re.search(rf"certificate is not accepted.*{said}", ended.err)
    assert trial.buckets == set()


def test_without_the_check_any_certificate_is_taken_and_each_run_warns(
    trial: Trial, load: Callable[..., Ended], certificates: Certificates
) -> None:
    with tls_front(trial.connection.url, certificates["stranger"]) as url:
        for _ in range(2):
            ended = load(url, "--skip-verify", "--quiet")
            assert ended.code == 0
            assert ended.err.count("is not checked (--skip-verify)") == 1
            assert "InsecureRequestWarning" not in ended.err


def test_https_to_a_server_that_speaks_http_ends_at_once(trial: Trial, load: Callable[..., Ended]) -> None:
    began = time.monotonic()
    ended = load(trial.connection.url.replace("http:", "https:"))
    assert time.monotonic() - began < 10
    assert ended.code == 1
    assert "does the server speak http:// and not https://?" in ended.err


class Recorder(http.server.BaseHTTPRequestHandler):
    """Answers as told, and notes what came."""

    came: list[str]
    answer: tuple[int, dict[str, str], bytes]

    def _handle(self) -> None:
        self.came.append(f"{self.command} {self.path} {self.headers}")
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, headers, body = self.answer
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PATCH = do_DELETE = _handle  # noqa: N815 - the base class finds them by these names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
        """Say nothing."""


@contextmanager
def recorder(
    status: int = 200, headers: dict[str, str] | None = None, body: bytes = b"{}"
) -> Iterator[tuple[str, list[str]]]:
    """An HTTP server; gives its address and what comes in."""
    came: list[str] = []
    handler = type("Handler", (Recorder,), {"came": came, "answer": (status, headers or {}, body)})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", came
        server.shutdown()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.promise(
    fault="The server, or who stands before it, redirects to another place",
    promise="Nothing is sent there, and the load ends at once.",
    seen="error: the server sends elsewhere (307), to 'http://other.example/': nothing was sent there; exit 1",
)
def test_a_redirect_is_refused_and_nothing_is_sent_to_where_it_points(
    trial: Trial, load: Callable[..., Ended], status: int
) -> None:
    began = time.monotonic()
    with recorder() as (elsewhere, came), recorder(status, {"Location": f"{elsewhere}/health"}) as (url, asked):
        ended = load(url)
        assert (ended.code, came, len(asked)) == (1, [], 1)
        assert f"sends elsewhere ({status}), to '{elsewhere}/health'" in ended.err
        with Server(Connection(url, trial.connection.token, "o")) as server:
            for method in ("GET", "POST", "PATCH", "DELETE"):
                with pytest.raises(RequestRefusedError, match="sends elsewhere"):
                    server.call(method, "/api/v2/buckets", body=None if method == "GET" else {})
        assert (came, len(asked)) == ([], 5)
    assert time.monotonic() - began < 10


def test_a_redirect_within_the_server_is_refused_too() -> None:
    with recorder(307, {"Location": "/elsewhere"}) as (url, asked), Server(Connection(url, "t", "o")) as server:
        with pytest.raises(RequestRefusedError, match=r"sends elsewhere \(307\), to '/elsewhere'"):
            server.call("POST", "/api/v2/write", body={})
        assert [each.split()[:2] for each in asked] == [["POST", "/api/v2/write"]]


def test_a_proxy_that_the_environment_names_is_not_used(influxd: Influxd, monkeypatch: pytest.MonkeyPatch) -> None:
    with recorder(502) as (proxy, came):
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        with Server(influxd.connection) as server:
            assert server.org_id
        assert came == []
