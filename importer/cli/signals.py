"""Ctrl-C and SIGTERM: the first one lets the load come to rest, the second one ends it at once."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["Stopping", "stopped_by_signals"]

log = logging.getLogger("importer")

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopping:
    """Whether the load is to stop.

    Attributes:
        event: set by the first signal.
        signal_number: which one it was.
    """

    def __init__(self) -> None:
        self.event = threading.Event()
        self.signal_number: int | None = None


@contextmanager
def stopped_by_signals() -> Iterator[Stopping]:
    """Listen to the signals while a load runs."""
    stopping = Stopping()

    def on_signal(number: int, _frame: FrameType | None) -> None:
        stopping.signal_number = number
        stopping.event.set()
        for name in SIGNALS:
            signal.signal(name, signal.default_int_handler if name == signal.SIGINT else signal.SIG_DFL)
        log.warning("stopping: what is under way is finished first; once more to stop at once")

    before = {number: signal.signal(number, on_signal) for number in SIGNALS}
    try:
        yield stopping
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
