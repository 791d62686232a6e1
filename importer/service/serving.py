"""Run the service: bind, say where, answer until told to stop.

Goes in: the settings, and what finds InfluxDB. Without a token nothing but loopback is bound.
"""

from __future__ import annotations

import gc
import ipaddress
import logging
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

import uvicorn

from importer.errors import ConfigurationError, ImporterError
from importer.server.connection import Connection
from importer.server.secret import Redacting
from importer.service.app import create_app
from importer.service.heads import bounded_http
from importer.service.settings import SHORTEST_TOKEN, ServiceSettings

__all__ = ["serve"]

log = logging.getLogger(__name__)

BACKLOG: Final = 2048
KEEP_ALIVE_SECONDS: Final = 30
MOST_CONNECTIONS: Final = 1000
"""Or twice as many as requests may be under way, where that is more."""

MOST_NEW_OBJECTS: Final = 20_000
"""Until garbage is looked for: a batch of 1,000 points has some thousand, which go by themselves."""

LAST_SECONDS: Final = 10
"""That requests under way get when the service is told to stop."""


def serve(settings: ServiceSettings, find: Callable[[], Connection]) -> None:
    """Answer requests until SIGINT or SIGTERM.

    Args:
        settings: how.
        find: finds InfluxDB; asked once, before anything is bound.

    Raises:
        ConfigurationError: the address is not safe without a token, or cannot be bound; or InfluxDB cannot be found.
        ServerError: a local InfluxDB does not get ready.
    """
    _check_token(settings, settings.host, is_loopback=settings.is_loopback)
    with _bound(settings) as listening:
        # A name such as localhost may lead anywhere.
        address = listening.getsockname()[0]
        _check_token(settings, f"{settings.host} ({address})", is_loopback=ipaddress.ip_address(address).is_loopback)
        connection = find()
        app = create_app(settings, lambda: connection)
        config = uvicorn.Config(
            app,
            http=bounded_http(
                seconds=settings.idle_seconds, most_connections=max(MOST_CONNECTIONS, 2 * settings.max_requests)
            ),
            log_config=None,
            access_log=False,  # the service's own says more, and no query
            server_header=False,
            proxy_headers=False,  # who is asking is not for the asker to say
            ws="none",
            backlog=BACKLOG,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=LAST_SECONDS,
        )
        server = uvicorn.Server(config)
        _say_where(settings, listening, connection)
        with (
            _little_looked_through(),
            _requests_logged(),
            _signals_end_only_the_service(),
            suppress(SystemExit),  # of a start that failed
        ):
            server.run(sockets=[listening])
    if not server.started:
        refused: ImporterError | None = getattr(app.state, "refused", None)
        if refused is not None:
            raise refused
        raise ConfigurationError("the service could not start; what is logged above says why")


def _check_token(settings: ServiceSettings, where: str, *, is_loopback: bool) -> None:
    if settings.token is None and not is_loopback:
        raise ConfigurationError(
            f"others can reach {where}, and could do with your InfluxDB whatever this service can: give a token of at "
            f"least {SHORTEST_TOKEN} characters, by --service-token-file or IMPORTER_SERVICE_TOKEN, or bind 127.0.0.1"
        )


@contextmanager
def _bound(settings: ServiceSettings) -> Iterator[socket.socket]:
    try:
        family = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0][0]
        listening = socket.create_server((settings.host, settings.port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise ConfigurationError(
            f"cannot listen at {settings.host}, port {settings.port}: {error.strerror}; choose others by --host, --port"
        ) from None
    with listening:
        yield listening


def _say_where(settings: ServiceSettings, listening: socket.socket, connection: Connection) -> None:
    port = listening.getsockname()[1]
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    guarded = "; clients need the token" if settings.token is not None else ""
    log.info("serving at http://%s:%s/ (the API: /docs), for the InfluxDB at %s%s", host, port, connection.url, guarded)


@contextmanager
def _little_looked_through() -> Iterator[None]:
    """Garbage is looked for among what is new, and not so often: that took a tenth of the time for a batch."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(MOST_NEW_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


@contextmanager
def _requests_logged() -> Iterator[None]:
    """A line of JSON for each request, on standard output; what uvicorn says, without secrets, on standard error."""
    access, of_uvicorn = logging.getLogger("importer.access"), logging.getLogger("uvicorn.error")
    before = access.handlers, access.propagate, access.level
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter("%(message)s"))
    access.handlers, access.propagate = [handler], False
    access.setLevel(logging.INFO)
    filters = (Redacting(), _is_no_trace)
    for each in filters:
        of_uvicorn.addFilter(each)
    try:
        yield
    finally:
        access.handlers, access.propagate = before[:2]
        access.setLevel(before[2])
        for each in filters:
            of_uvicorn.removeFilter(each)


def _is_no_trace(record: logging.LogRecord) -> bool:
    """Of a start that failed uvicorn logs the trace; the error itself is raised at the end."""
    return not record.getMessage().startswith(("Traceback", "Application startup failed"))


@contextmanager
def _signals_end_only_the_service() -> Iterator[None]:
    """uvicorn, told to stop, sends itself that signal once more at its end: the exit code would be a crash's."""
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
