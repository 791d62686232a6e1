"""Requests whose heads do not end: given up, without anything being known of who sends them."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from importer.server.process import free_port
from importer.service.heads import bounded_http

SECONDS = 0.8
MOST = 5


async def _slow(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers after longer than a head may take."""
    import asyncio  # noqa: PLC0415

    while scope["path"] != "/early" and (await receive()).get("more_body"):
        pass
    await asyncio.sleep(2 * SECONDS if scope["path"] == "/slow" else 0)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    number = free_port()
    http = bounded_http(seconds=SECONDS, most_connections=MOST)
    server = uvicorn.Server(uvicorn.Config(_slow, port=number, http=http, lifespan="off", log_config=None, ws="none"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield number
    server.should_exit = True
    thread.join(10)


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def trickled_until_closed(connection: socket.socket) -> float:
    """A byte now and then, as long as the service takes them; how long it did, in seconds."""
    begun = time.monotonic()
    connection.settimeout(0.05)
    while time.monotonic() - begun < 10:
        try:
            connection.sendall(b"a")
            if not connection.recv(1000):
                return time.monotonic() - begun
        except TimeoutError:
            continue
        except OSError:
            return time.monotonic() - begun
    raise AssertionError("it was never given up")


@pytest.mark.parametrize("first", [b"", b"GET / HTTP/1.1\r\nHost: a\r\nX-Slow: "])
def test_a_head_that_comes_in_trickles_is_given_up(port: int, first: bytes) -> None:
    with connected(port) as connection:
        connection.sendall(first)
        assert trickled_until_closed(connection) < 5


def test_the_second_head_of_a_connection_is_given_up_like_the_first(port: int) -> None:
    with connected(port) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert connection.recv(1000).endswith(b"ok")
        connection.sendall(b"GET / HTTP/1.1\r\n")
        assert trickled_until_closed(connection) < 5


@pytest.mark.parametrize("start", [b"GET /", b"GET / HTTP/1.1\r\nX-Long: "])
def test_a_head_without_end_is_refused(port: int, start: bytes) -> None:
    with connected(port) as connection:
        connection.sendall(start)
        with pytest.raises(OSError, match=r"."):
            connection.sendall(b"a" * (64 << 20))


def test_a_connection_beyond_the_bound_is_closed_and_those_before_it_live(port: int) -> None:
    with ExitStack() as stack:
        first = [stack.enter_context(connected(port)) for _ in range(MOST)]
        time.sleep(0.1)
        with connected(port) as one_more:
            assert one_more.recv(10) == b""
        first[0].sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert first[0].recv(1000).endswith(b"ok")
    time.sleep(0.1)


def test_large_bodies_and_slow_answers_are_no_matter_of_the_head(port: int) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
        for _ in range(3):
            assert client.post("/slow", content=b"a" * 500_000).text == "ok"


def test_a_connection_that_is_kept_after_a_body_is_in_no_head(port: int) -> None:
    head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n"
    with connected(port) as connection:
        for _ in range(2):
            connection.sendall(head + b"a")
            time.sleep(SECONDS / 4)
            connection.sendall(b"a")
            assert connection.recv(1000).endswith(b"ok")
            time.sleep(2 * SECONDS)


@pytest.mark.parametrize("rest", [b"a", b"aa"])
def test_a_body_that_comes_after_its_answer_keeps_no_connection_open(port: int, rest: bytes) -> None:
    with connected(port) as connection:
        connection.sendall(b"POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n")
        assert connection.recv(1000).endswith(b"ok")
        connection.sendall(rest)
        assert connection.recv(1000) == b""
