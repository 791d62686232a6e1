"""Standard input, at which a load may have to wait for a long time.

Goes in: a stream and the event that tells the load to stop. Comes out: a stream whose ``read`` gives what there
is, and which ends the load, and not only waits on, when it is told to stop while nobody writes.
"""

from __future__ import annotations

import io
import os
import select
import threading
from typing import BinaryIO, cast

from importer.errors import LoadInterruptedError

__all__ = ["stoppable"]

LOOK_EVERY_SECONDS = 0.2


class _Stoppable(io.RawIOBase):
    def __init__(self, stream: BinaryIO, number: int, stop: threading.Event) -> None:
        # Around its buffer, which nobody has read into yet: what stands there would not be seen by a look at the file.
        self._stream = getattr(stream, "raw", stream)
        self._number = number
        self._stop = stop

    def read(self, size: int = -1) -> bytes | None:
        while not select.select([self._number], [], [], LOOK_EVERY_SECONDS)[0]:
            if self._stop.is_set():
                raise LoadInterruptedError("interrupted while waiting for standard input")
        return cast("bytes | None", self._stream.read(size))


def stoppable(stream: BinaryIO, stop: threading.Event) -> BinaryIO:
    """The stream, made to look at ``stop`` while it waits; one without a file behind it never waits."""
    try:
        number = stream.fileno()
    except (OSError, ValueError, AttributeError):
        return stream
    if os.name != "posix":
        return stream  # select takes sockets only there
    return cast("BinaryIO", _Stoppable(stream, number, stop))
