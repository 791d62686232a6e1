"""The time that what is under way gets to end, once a load was told to stop.

Goes in: the server and the event that tells the load to stop. While the context lasts, requests still under way some
seconds after that event are broken off, so that a server that hangs cannot hold up the end.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from importer.server.connection import Server

__all__ = ["DRAIN_SECONDS", "broken_off_after_stop"]

DRAIN_SECONDS = 10.0
AGAIN_SECONDS = 2.0
"""What is asked after that (to let go of the bucket) gets so long, too."""

LOOK_EVERY_SECONDS = 0.1


@contextmanager
def broken_off_after_stop(server: Server, stop: threading.Event) -> Iterator[None]:
    """Break off the server's requests :data:`DRAIN_SECONDS` after ``stop`` is set."""
    ended = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            if ended.wait(LOOK_EVERY_SECONDS):
                return
        patience = DRAIN_SECONDS
        while not ended.wait(patience):
            server.break_off()
            patience = AGAIN_SECONDS

    watcher = threading.Thread(target=watch, name="drain", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()
