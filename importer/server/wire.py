"""The backup API's requests, whose bodies are too long for memory.

Goes in: paths of the server, and files. Comes out: pieces of answers as they come, or the errors of
:mod:`importer.errors`. Backup and restore are the operator's alone; who is not told so.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http import HTTPStatus
from typing import Any, BinaryIO, Self

import urllib3
from influxdb_client.rest import ApiException

from importer.draining import DRAIN_SECONDS, broken_off_after_stop
from importer.errors import AuthorizationError, LoadInterruptedError, NoOperatorError, TransientServerError
from importer.server.answers import translated
from importer.server.connection import CONNECT_TIMEOUT_SECONDS, Connection, Patience, Server
from importer.server.retry import RetryPolicy
from importer.server.transport import Transport, tls_context

__all__ = ["PIECE", "Wire", "check_stop", "connected", "operators_alone"]

log = logging.getLogger(__name__)

PIECE = 1 << 20
READ_TIMEOUT_SECONDS = 600.0
"""Until an answer begins: the server writes what it has of a shard in memory to its disk, or looks up many series."""


def check_stop(stop: threading.Event) -> None:
    """Raise LoadInterruptedError if the work was told to stop."""
    if stop.is_set():
        raise LoadInterruptedError("told to stop")


def pause(stop: threading.Event, seconds: float) -> None:
    """Sleep, unless the work is told to stop, which raises LoadInterruptedError."""
    stop.wait(seconds)
    check_stop(stop)


@contextmanager
def connected(connection: Connection, wait_seconds: float, stop: threading.Event) -> Iterator[tuple[Server, Wire]]:
    """Connections for questions and for files; told to stop, what hangs is broken off some seconds later.

    Args:
        connection: which server.
        wait_seconds: how long an absent server is waited for.
        stop: tells the work to stop.

    Raises:
        LoadInterruptedError: it was told to stop.
        TransientServerError: the server was away for too long.
    """

    def break_off() -> None:
        server.break_off()
        wire.break_off()

    with (
        Server(connection, timeout_seconds=READ_TIMEOUT_SECONDS) as server,
        Wire(connection, stop) as wire,
        broken_off_after_stop(stop, break_off, seconds=DRAIN_SECONDS),
    ):
        server.patience = Patience(RetryPolicy(wait_seconds), log.warning, lambda seconds: pause(stop, seconds))
        try:
            yield server, wire
        except TransientServerError as error:
            if stop.is_set():  # broken off, because of that
                raise LoadInterruptedError(f"told to stop ({error})") from error
            raise


@contextmanager
def operators_alone() -> Iterator[None]:
    """Say which permission is missing where the server refuses a token that it knows.

    Raises:
        AuthorizationError: it does, and does not know it.
        NoOperatorError: it does, though it knows it.
    """
    try:
        yield
    except AuthorizationError as error:
        if "unauthorized access" in str(error):
            raise  # it is no token of this server
        raise NoOperatorError(
            "backup and restore need an operator token, which may do everything in every organisation, and this token "
            "is none: take the one that the server's set-up gave, or make one with influx auth create --operator "
            f"({error})",
            status=error.status,
        ) from None


class Wire:
    """Requests to one server.

    Args:
        connection: which one.
        stop: when set, a request ends at its next piece.
        connections: that are kept for the next request.
    """

    def __init__(self, connection: Connection, stop: threading.Event, *, connections: int = 2) -> None:
        self._url = connection.url.rstrip("/")
        self._stop = stop
        self._transport = Transport(
            token=connection.token, tls=tls_context(connection.ca_file, verify=connection.verify), pool_size=connections
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._transport.clear()

    def break_off(self) -> None:
        """End all requests that are under way."""
        self._transport.break_off()

    @contextmanager
    def answer(self, path: str) -> Iterator[Answer]:
        """A GET whose body is read piece by piece.

        Raises:
            ServerError: the server refuses or does not answer, at once or within its body.
        """
        with self._ask("GET", path) as response:
            yield Answer(response, self._stop)

    def send(self, path: str, body: BinaryIO | bytes, size: int, headers: dict[str, str]) -> bytes:
        """A POST of a file that is not read into memory; the answer's body.

        Raises:
            ServerError: the server refuses or does not answer.
        """
        sent = body if isinstance(body, bytes) else _Stoppable(body, self._stop)
        with self._ask("POST", path, body=sent, headers=headers | {"Content-Length": str(size)}) as response:
            return response.data

    @contextmanager
    def _ask(self, method: str, path: str, **more: Any) -> Iterator[urllib3.BaseHTTPResponse]:
        timeout = urllib3.Timeout(connect=CONNECT_TIMEOUT_SECONDS, read=READ_TIMEOUT_SECONDS)
        with operators_alone(), translated():
            url = f"{self._url}{path}"
            response = self._transport.request(method, url, preload_content=False, timeout=timeout, **more)
            if response.status >= HTTPStatus.MULTIPLE_CHOICES:
                raise ApiException(http_resp=response)
            with closing(response):
                yield response


class Answer:
    """A body that is on its way.

    Attributes:
        content_type: as the head says.
        date: the server's time when it answered, as the head says.
    """

    def __init__(self, response: urllib3.BaseHTTPResponse, stop: threading.Event) -> None:
        self.content_type = response.headers.get("Content-Type", "")
        self.date = response.headers.get("Date", "")
        self._response = response
        self._stop = stop

    def pieces(self) -> Iterator[bytes]:
        """The body."""
        for piece in self._response.stream(PIECE, decode_content=True):
            check_stop(self._stop)
            yield piece


class _Stoppable:
    """A file that is not read on once the work was told to stop."""

    def __init__(self, file: BinaryIO, stop: threading.Event) -> None:
        self._file = file
        self._stop = stop

    def read(self, size: int = -1) -> bytes:
        check_stop(self._stop)
        return self._file.read(size)
