"""Ctrl-C and SIGTERM: the first one lets what is under way come to rest, the second one ends it at once."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from importer.draining import DRAIN_SECONDS
from importer.errors import LoadInterruptedError

__all__ = ["Stopping", "ended_at_once", "stopped_and_exited", "stopped_by_signals"]

log = logging.getLogger("importer")

SIGNALS = (signal.SIGINT, signal.SIGTERM)
STOPPED_AT_ONCE = "stopped at once"


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
    first = f"stopping: what is under way gets {DRAIN_SECONDS:g} s to be finished"
    with _listening(first, f"{STOPPED_AT_ONCE}; a load can be gone on with by --resume") as stopping:
        yield stopping


@contextmanager
def _listening(first: str, second: str) -> Iterator[Stopping]:
    """Stop at the first signal, and end at the second one; each with what is said to it."""
    stopping = Stopping()

    def on_signal(number: int, _frame: FrameType | None) -> None:
        if stopping.event.is_set():
            _end_at_once(number, second)
        stopping.signal_number = number
        stopping.event.set()
        log.warning("%s; once more to stop at once", first)

    before = {number: signal.signal(number, on_signal) for number in SIGNALS}
    try:
        yield stopping
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def stopped_and_exited() -> Iterator[threading.Event]:
    """Listen to the signals while something runs that has nothing to show where it is interrupted.

    Raises:
        typer.Exit: it was; with the code that says by which signal.
    """
    with _listening("stopping", STOPPED_AT_ONCE) as stopping:
        try:
            yield stopping.event
        except LoadInterruptedError:
            import typer  # noqa: PLC0415 - this module comes first, and listens while others are imported

            raise typer.Exit(128 + (stopping.signal_number or signal.SIGINT)) from None


@contextmanager
def ended_at_once() -> Iterator[None]:
    """While modules are imported, nothing has begun: Ctrl-C ends the process without a word, as SIGTERM does.

    An exception would not do: some libraries take one in their midst for an error of their own.
    """
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield  # ignored, or somebody else's
        return
    signal.signal(signal.SIGINT, lambda number, _frame: os._exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _end_at_once(number: int, said: str) -> None:
    """End the process, whatever its threads are doing: the journal of a load is made to survive that."""
    shown_again = b"\x1b[?25h" if sys.stderr.isatty() else b""  # the progress bar had hidden the cursor
    with suppress(OSError):
        os.write(sys.stderr.fileno(), shown_again + said.encode() + b"\n")
    os._exit(128 + number)
