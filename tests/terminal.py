"""A command whose standard error is a terminal, and what is to be seen there."""

from __future__ import annotations

import os
import pty
import threading
from pathlib import Path

from tests.loading import Start

__all__ = ["seen_at_a_terminal"]


def seen_at_a_terminal(start: Start, *arguments: str | Path) -> tuple[int, str]:
    """The exit code, and all that was written to the terminal."""
    ours, theirs = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "200"}
    process = start(*arguments, stderr=theirs, env=environment, text=False)
    os.close(theirs)
    seen = bytearray()

    def read() -> None:
        while True:
            try:
                piece = os.read(ours, 65_536)
            except OSError:  # the other end is closed
                return
            if not piece:
                return
            seen.extend(piece)

    reading = threading.Thread(target=read)
    reading.start()
    process.communicate(timeout=90)
    reading.join(timeout=10)
    os.close(ours)
    return process.returncode, seen.decode(errors="replace")
