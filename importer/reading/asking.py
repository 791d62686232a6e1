"""A bucket of a name, opened to be asked in InfluxQL.

Goes in: a connection and a bucket's name. Comes out: an :class:`Asking`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from importer.bucket.finding import find_bucket
from importer.bucket.influxql import Asking, Piece, asked, identifier
from importer.draining import broken_off_after_stop
from importer.errors import LoadInterruptedError, TransientServerError
from importer.server.connection import Connection, Patience, Server
from importer.server.retry import RetryPolicy

__all__ = ["Asking", "Piece", "identifier", "opened"]

TIMEOUT_SECONDS = 600.0
"""Until the first bytes of an answer: counting some billion values takes minutes."""


@contextmanager
def opened(
    connection: Connection,
    bucket: str,
    *,
    wait_seconds: float = 10.0,
    say: Callable[[str], None] = lambda _: None,
    interrupt: threading.Event | None = None,
) -> Iterator[Asking]:
    """A bucket, ready to be asked.

    Args:
        connection: the server.
        bucket: its name.
        wait_seconds: how long an absent server is waited for.
        say: gets a line per failed try.
        interrupt: set from elsewhere, it breaks off whatever is under way.

    Raises:
        LoadInterruptedError: it was interrupted.
        NotFoundError: there is no such bucket; with the nearest names.
        ServerError: the server refuses, or did not answer in time.
    """
    stopping = interrupt or threading.Event()

    def check_stopped() -> None:
        if stopping.is_set():
            raise LoadInterruptedError("interrupted while reading")

    def pause(seconds: float) -> None:
        stopping.wait(seconds)
        check_stopped()

    with ExitStack() as stack:
        server = stack.enter_context(Server(connection, timeout_seconds=TIMEOUT_SECONDS))
        server.patience = Patience(
            RetryPolicy(wait_seconds), lambda line: None if stopping.is_set() else say(line), pause
        )
        if interrupt is not None:
            stack.enter_context(broken_off_after_stop(interrupt, server.break_off, seconds=0))
        try:
            with asked(server, find_bucket(server, bucket).id, check_stopped) as asking:
                yield asking
        except TransientServerError:
            check_stopped()  # broken off, because of that
            raise
