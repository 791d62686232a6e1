"""Requests of the bench's clients, against services that answer in each way that HTTP knows."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Coroutine
from typing import Any

import pytest

from importer.stress.wire import Address, CannotConnectError, Wire

ANSWERS = {
    b"/length": b"HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\nhello",
    b"/chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n3\r\n...\r\n0\r\nA: b\r\n\r\n",
    b"/nothing": b"HTTP/1.1 204 No Content\r\n\r\n",
    b"/close": b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno",
    b"/end": b"HTTP/1.0 200 OK\r\n\r\nuntil the end",
    b"/cut": b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello",
    b"/noise": b"what is this\r\n\r\n",
}
OPTIONAL = ("cachetools", "fastapi", "httptools", "httpx", "prometheus_client", "redis", "sse_starlette", "uvicorn")


class Service:
    """Answers as it is asked for; counts connections, and keeps what it was sent."""

    def __init__(self) -> None:
        self.connections = 0
        self.heads: list[bytes] = []
        self.bodies: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.partition(b"Content-Length: ")[2].partition(b"\r")[0] or b"0")
                self.heads.append(head)
                self.bodies.append(await reader.readexactly(length))
                path = head.split(b" ")[1]
                writer.write(ANSWERS[path])
                if path in (b"/close", b"/end", b"/cut"):
                    return
        except asyncio.IncompleteReadError:
            return
        finally:
            writer.close()


def asked(service: Service, *paths: str) -> list[int | type[BaseException]]:
    """The status of each answer, or the error, on one wire."""

    async def run() -> list[int | type[BaseException]]:
        server = await asyncio.start_server(service.serve, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            address = Address.of(f"http://127.0.0.1:{port}")
            wire, found = Wire(address, None), list[int | type[BaseException]]()
            for path in paths:
                try:
                    found.append(await wire.ask(address.request("POST", path, "a-token", b"[1]")))
                except OSError as error:
                    found.append(type(error))
            wire.close()
        return found

    doing: Coroutine[Any, Any, list[int | type[BaseException]]] = run()
    return asyncio.run(asyncio.wait_for(doing, 20))


def test_answers_are_taken_in_whole_and_the_connection_stays_open() -> None:
    service = Service()
    assert asked(service, "/length", "/chunks", "/nothing", "/length") == [201, 200, 204, 201]
    assert service.connections == 1
    assert service.bodies == [b"[1]"] * 4
    assert all(b"Authorization: Bearer a-token\r\n" in head for head in service.heads)


def test_a_connection_that_the_service_closes_is_opened_again() -> None:
    service = Service()
    assert asked(service, "/close", "/end", "/length") == [503, 200, 201]
    assert service.connections == 3


def test_an_answer_that_breaks_off_or_is_none_is_an_error_and_the_next_one_is_fine() -> None:
    service = Service()
    assert asked(service, "/cut", "/length", "/noise", "/length") == [ConnectionError, 201, ConnectionError, 201]


def test_nobody_at_the_address_is_told_from_a_connection_that_breaks_off() -> None:
    wire = Wire(Address.of("http://127.0.0.1:1/under/a/path"), None)
    request = wire.address.request("GET", "/metrics", None)
    assert request == b"GET /under/a/path/metrics HTTP/1.1\r\nHost: 127.0.0.1:1\r\n\r\n"
    with pytest.raises(CannotConnectError):
        asyncio.run(wire.ask(request))


def test_the_bench_needs_nothing_that_only_the_service_needs() -> None:
    words = (
        f"import sys; sys.modules.update(dict.fromkeys({OPTIONAL!r}))\n"
        "import importer.stress.process, importer.cli.bench_lines\n"
        "from importer import ServerUnreachableError, bench_api\n"
        "try: bench_api('http://127.0.0.1:1', keep=True)\n"
        "except ServerUnreachableError as error: print(error)"
    )
    ended = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, timeout=60, check=False)
    assert "no service answers" in ended.stdout, ended.stderr
