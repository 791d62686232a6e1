"""A proxy in front of a real server that can be told to answer wrongly, or not at all.

It passes every request on, except those for which a fault is waiting: each fault is used up once.
"""

from __future__ import annotations

import http.client
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one request.

    Attributes:
        status: answer with this; None closes the connection without an answer.
        headers: of the answer.
        body: of the answer.
        passed_on: the server gets the request all the same, and only its answer is lost.
        hangs_seconds: nothing happens for so long.
    """

    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    passed_on: bool = False
    hangs_seconds: float = 0.0


@dataclass(frozen=True)
class Request:
    """What came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class FaultProxy:
    """A running proxy.

    Attributes:
        url: where it listens.
        faults: waiting for write requests, first in, first out.
        rule: says what goes wrong with a write request, if nothing waits; None passes it on.
        writes: the write requests that came in.
    """

    def __init__(self, target: str) -> None:
        self._target = urlsplit(target).netloc
        self._released = threading.Event()
        self.faults: list[Fault] = []
        self.rule: Callable[[Request], Fault | None] = lambda _: None
        self.writes: list[Request] = []
        handler = type("Handler", (_Handler,), {"proxy": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._released.set()
        self._server.shutdown()
        self._server.server_close()

    def fault_for(self, request: Request) -> Fault | None:
        if not request.path.startswith("/api/v2/write"):
            return None
        self.writes.append(request)
        return self.faults.pop(0) if self.faults else self.rule(request)

    def hang(self, seconds: float) -> None:
        self._released.wait(seconds)

    def pass_on(self, request: Request) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(self._target, timeout=60)
        try:
            connection.request(request.method, request.path, request.body or None, request.headers)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: FaultProxy

    def _handle(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        headers = {key: value for key, value in self.headers.items() if key.lower() not in HOP_BY_HOP}
        request = Request(self.command, self.path, headers, self.rfile.read(length))
        fault = self.proxy.fault_for(request)
        if fault is None:
            self._answer(*self.proxy.pass_on(request))
            return
        if fault.passed_on:
            self.proxy.pass_on(request)
        if fault.hangs_seconds:
            self.proxy.hang(fault.hangs_seconds)
        if fault.status is None:
            self._reset()
        else:
            self._answer(fault.status, fault.headers, fault.body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _handle  # noqa: N815 - the base class finds them by these names

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for key, value in headers.items():
            if key.lower() not in HOP_BY_HOP:
                self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _reset(self) -> None:
        # Lingering for no time makes closing a reset.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it
        """Say nothing."""


@contextmanager
def fault_proxy(target: str) -> Iterator[FaultProxy]:
    """A proxy in front of a server's URL."""
    proxy = FaultProxy(target)
    try:
        yield proxy
    finally:
        proxy.close()
