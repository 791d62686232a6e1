"""A proxy in front of a real server that can be told to go wrong in the ways that networks and servers do.

Goes in: requests. Comes out: the real server's answers, except where a :class:`Fault` says otherwise. It runs on an
event loop in a thread of its own. Every request has a connection to the server for itself; answers are streamed.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import re
import socket
import struct
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")

PIECE = 1 << 16
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one request: a forged answer, an answer cut short, or else a reset connection.

    Attributes:
        status: answer with this.
        headers: of that answer.
        body: of that answer.
        cut: what comes of the server's own answer before the connection ends: half of its head, its head alone,
            half of its body, or all of it with a length that claims more.
        resets: when the connection is reset: at the request's head, in the midst of its body, or at its end.
        passed_on: the server gets as much of the request as came in.
        held: it gets the request only when :meth:`FaultProxy.release` is called.
        hangs_seconds: before anything else, nothing happens for so long.
    """

    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    cut: Literal["in head", "head", "in body", "length"] | None = None
    resets: Literal["before", "during", "after"] = "after"
    passed_on: bool = False
    held: bool = False
    hangs_seconds: float = 0.0

    @property
    def is_early(self) -> bool:
        """Whether it strikes before the body has come."""
        return self.resets != "after"


@dataclass(frozen=True)
class Request:
    """What came in; the body is empty while only the head has."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""

    @property
    def is_write(self) -> bool:
        return self.path.startswith("/api/v2/write")

    @property
    def size(self) -> int:
        """Bytes of the body that the head promises."""
        return int(self.headers.get("Content-Length") or 0)

    def encode(self) -> bytes:
        """As it goes to the server, as far as it came in."""
        return _message(f"{self.method} {self.path} HTTP/1.1", self.headers, self.size, self.body, "keep-alive")


class FaultProxy:
    """A running proxy; what it is told takes effect with the next request.

    Attributes:
        url: where it listens.
        faults: waiting for write requests, first in, first out; None passes one on.
        rule: says what goes wrong with a request for which nothing waits; None passes it on.
        early_rule: likewise, asked when only the head of a request has come.
        writes: the write requests that came in.
        requests: the number of all requests that came in.
        latency_seconds: added to each request.
        bytes_per_second: of the one link that all requests and answers share.
        times_slower: each answer takes so many times as long as the server took for it.
    """

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        self._host, self._port = parts.hostname, parts.port
        self.faults: list[Fault | None] = []
        self.rule: Callable[[Request], Fault | None] = lambda _: None
        self.early_rule: Callable[[Request], Fault | None] = lambda _: None
        self.writes: list[Request] = []
        self.requests = 0
        self.latency_seconds = 0.0
        self.bytes_per_second = math.inf
        self.times_slower = 1.0
        self._held: list[Request] = []
        self._link_is_free_at = 0.0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-proxy", daemon=True)
        self._thread.start()
        self._server = self._result(asyncio.start_server(self._serve, "127.0.0.1", 0, limit=PIECE))
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def close(self) -> None:
        async def end() -> None:
            self._server.close()
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        self._result(end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def release(self) -> int:
        """Let the server have the requests that were held; returns how many, once it has answered them."""

        async def send() -> int:
            held, self._held = self._held, []
            for request in held:
                async for _ in self._ask(request):
                    pass
            return len(held)

        return self._result(send())

    def early_fault_for(self, request: Request) -> Fault | None:
        """What goes wrong while only the head of a request has come."""
        if request.is_write and self.faults and self.faults[0] and self.faults[0].is_early:
            return self.faults.pop(0)
        return self.early_rule(request)

    def fault_for(self, request: Request) -> Fault | None:
        """What goes wrong with a request that has come as a whole."""
        return self.faults.pop(0) if request.is_write and self.faults else self.rule(request)

    def _result(self, doing: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(doing, self._loop).result()

    async def _serve(self, client: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while await self._handle(client, answer):
                pass
        answer.close()

    async def _handle(self, client: asyncio.StreamReader, answer: asyncio.StreamWriter) -> bool:
        """One request; true if the connection is good for another one."""
        request = _request(await client.readuntil(b"\r\n\r\n"))
        self.requests += 1
        fault = self.early_fault_for(request)
        if fault is None or fault.resets == "during":
            size = request.size // 2 if fault else request.size
            request = replace(request, body=await self._read(client, size))
        if request.is_write:
            self.writes.append(request)
        fault = fault or self.fault_for(request)
        await asyncio.sleep(self.latency_seconds + (fault.hangs_seconds if fault else 0.0))
        if fault is None:
            return await self._stream(request, answer)
        await self._go_wrong(fault, request, answer)
        return False

    async def _read(self, client: asyncio.StreamReader, size: int) -> bytes:
        """So much of a body, no faster than the link is."""
        pieces = []
        while size:
            pieces.append(await client.readexactly(min(size, PIECE)))
            size -= len(pieces[-1])
            await self._carry(len(pieces[-1]))
        return b"".join(pieces)

    async def _carry(self, octets: int) -> None:
        """Wait for as long as the link needs for so many bytes, after those that came before them."""
        now = self._loop.time()
        self._link_is_free_at = max(now, self._link_is_free_at) + octets / self.bytes_per_second
        await asyncio.sleep(self._link_is_free_at - now)

    async def _ask(self, request: Request) -> AsyncIterator[bytes]:
        """The server's answer: its head, and then pieces of its body as they come; none to half a request."""
        asked_at = self._loop.time()
        try:
            reader, writer = await asyncio.open_connection(self._host, self._port)
        except OSError as error:
            raise ConnectionError from error
        try:
            writer.write(request.encode())
            await writer.drain()
            if len(request.body) < request.size:
                return
            head = await reader.readuntil(b"\r\n\r\n")
            await asyncio.sleep((self.times_slower - 1) * (self._loop.time() - asked_at))
            yield head
            if request.method != "HEAD":
                async for piece in _body(reader, head):
                    yield piece
        finally:
            writer.close()

    async def _stream(self, request: Request, answer: asyncio.StreamWriter) -> bool:
        try:
            async for piece in self._ask(request):
                await self._carry(len(piece))
                answer.write(piece)
                await answer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            _reset(answer)  # as the server did
            return False
        return True

    async def _go_wrong(self, fault: Fault, request: Request, answer: asyncio.StreamWriter) -> None:
        if fault.held:
            self._held.append(request)
        pieces = [piece async for piece in self._ask(request)] if fault.passed_on or fault.cut else []
        if fault.cut:
            answer.write(_cut(fault.cut, pieces[0], b"".join(pieces[1:])))
        elif fault.status is not None:
            phrase = HTTPStatus(fault.status).phrase
            first = f"HTTP/1.1 {fault.status} {phrase}"
            answer.write(_message(first, fault.headers, len(fault.body), fault.body, "close"))
        else:
            _reset(answer)


def _request(head: bytes) -> Request:
    first, *lines = head.decode("latin-1").splitlines()
    method, path, _ = first.split(" ")
    headers = (line.partition(":") for line in lines if line)
    return Request(method, path, {key: value.strip() for key, _, value in headers})


def _message(first: str, headers: dict[str, str], size: int, body: bytes, connection: str) -> bytes:
    """A request or an answer."""
    kept = {key: value for key, value in headers.items() if key.lower() not in HOP_BY_HOP}
    kept |= {"Content-Length": str(size), "Connection": connection}
    return "\r\n".join([first, *(f"{key}: {value}" for key, value in kept.items()), "", ""]).encode("latin-1") + body


async def _body(reader: asyncio.StreamReader, head: bytes) -> AsyncIterator[bytes]:
    """The body of the server's answer, in pieces, as it is framed."""
    if b"transfer-encoding: chunked" in head.lower():
        size = -1
        while size:
            line = await reader.readuntil(b"\r\n")
            size = int(line, 16)
            yield line + await reader.readexactly(size + 2)
        return
    length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
    left = int(length[1]) if length else 0
    while left:
        piece = await reader.readexactly(min(left, PIECE))
        left -= len(piece)
        yield piece


def _cut(where: str, head: bytes, body: bytes) -> bytes:
    if where == "in head":
        return head[: len(head) // 2]
    if where == "head":
        return head
    if where == "in body":
        return head + body[: len(body) // 2]
    return re.sub(rb"(?i)(?<=content-length: )\d+", str(len(body) + 100).encode(), head) + body


def _reset(connection: asyncio.StreamWriter) -> None:
    # Lingering for no time makes closing a reset.
    connection.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.transport.abort()


@contextmanager
def fault_proxy(target: str) -> Iterator[FaultProxy]:
    """A proxy in front of a server's URL."""
    proxy = FaultProxy(target)
    try:
        yield proxy
    finally:
        proxy.close()
