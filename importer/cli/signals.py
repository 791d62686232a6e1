"""Ctrl-C and SIGTERM: the first one lets what is under way come to rest, the second one ends it at once."""

from __future__ import annotations

import atexit
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import ClassVar

from importer.draining import DRAIN_SECONDS
from importer.errors import LoadInterruptedError

__all__ = [
    "NOTHING_WRITTEN",
    "NOT_WHOLE",
    "Interrupted",
    "Stopping",
    "ended_at_once",
    "ended_by_signals",
    "nothing_written_yet",
    "outcome_stands",
    "stopped_and_exited",
    "stopped_by_signals",
]

log = logging.getLogger("importer")

SIGNALS = (signal.SIGINT, signal.SIGTERM)
STOPPED_AT_ONCE = "stopped at once"
NOTHING_WRITTEN, NOT_WHOLE = "nothing was written", "the output is not whole"


class Interrupted(BaseException):
    """A signal came where nothing listens to it: whatever is under way is left, cleaning up behind itself.

    Attributes:
        heard: the signal that came last, if any; some libraries make an error of their own of what breaks them off.
        said: what is true of the command then.
    """

    heard: ClassVar[int | None] = None

    def __init__(self, said: str = "interrupted") -> None:
        super().__init__(said)
        self.said = said


def ended_by_signals() -> None:
    """From now on a signal raises :class:`Interrupted`, unless it is ignored, or somebody else's."""
    for number in SIGNALS:
        if signal.getsignal(number) in (signal.default_int_handler, signal.SIG_DFL):
            signal.signal(number, _interrupt)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    Interrupted.heard = number
    raise Interrupted


@contextmanager
def nothing_written_yet() -> Iterator[None]:
    """While this runs, being interrupted means that nothing was written, and that is said."""
    try:
        yield
    except Interrupted:
        raise Interrupted(f"interrupted; {NOTHING_WRITTEN}") from None


def outcome_stands(code: int) -> None:
    """What was to be done is done: a signal ends the process at once, with this code, and no trace at Python's end."""
    ours = [number for number in SIGNALS if signal.getsignal(number) is _interrupt]
    for number in ours:
        signal.signal(number, lambda *_: os._exit(code))
    atexit.register(lambda: [signal.signal(number, signal.SIG_IGN) for number in ours])


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
def stopped_and_exited(left: str) -> Iterator[threading.Event]:
    """Listen to the signals while something runs that has no report to show where it is interrupted.

    Args:
        left: what is true where it was interrupted, for the message.

    Raises:
        typer.Exit: it was; with the code that says by which signal.
    """
    with _listening("stopping", STOPPED_AT_ONCE) as stopping:
        try:
            yield stopping.event
        except LoadInterruptedError:
            log.error("error: interrupted; %s", left)  # noqa: TRY400 - a trace is for programmers
            import typer  # noqa: PLC0415 - this module comes first, and listens while others are imported

            raise typer.Exit(128 + (stopping.signal_number or signal.SIGINT)) from None


@contextmanager
def ended_at_once() -> Iterator[None]:
    """While modules are imported, nothing has begun: signals end the process without a word.

    An exception would not do: some libraries take one in their midst for an error of their own.
    """
    ours = [number for number in SIGNALS if signal.getsignal(number) is _interrupt]
    for number in ours:
        signal.signal(number, lambda number, _frame: os._exit(128 + number))
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, _interrupt)


def _end_at_once(number: int, said: str) -> None:
    """End the process, whatever its threads are doing: the journal of a load is made to survive that."""
    shown_again = b"\x1b[?25h" if sys.stderr.isatty() else b""  # the progress bar had hidden the cursor
    with suppress(OSError):
        os.write(sys.stderr.fileno(), shown_again + said.encode() + b"\n")
    os._exit(128 + number)
