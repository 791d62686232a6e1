"""The time that what is under way gets to end, once a load was told to stop.

Goes in: the event that tells the load to stop, and what breaks off whatever is under way. While the context lasts, that
is done some seconds after the event, so that neither a server that hangs nor a long search can hold up the end.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["DRAIN_SECONDS", "broken_off_after_stop"]

DRAIN_SECONDS = 10.0
AGAIN_SECONDS = 2.0
"""What is asked after that (to let go of the bucket) gets so long, too."""

LOOK_EVERY_SECONDS = 0.1


@contextmanager
def broken_off_after_stop(
    stop: threading.Event, break_off: Callable[[], None], *, seconds: float = DRAIN_SECONDS
) -> Iterator[None]:
    """Call ``break_off`` so many seconds after ``stop`` is set, and again and again until the context ends."""
    ended = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            if ended.wait(LOOK_EVERY_SECONDS):
                return
        patience = seconds
        while not ended.wait(patience):
            break_off()
            patience = AGAIN_SECONDS

    watcher = threading.Thread(target=watch, name="drain", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()
