"""Made-up data on its way into a file or a stream.

Goes in: pieces of bytes. Comes out: how many there were.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import BinaryIO

from importer.errors import LoadInterruptedError
from importer.streams import write_all

__all__ = ["Generated", "write_pieces"]


@dataclass(frozen=True, slots=True)
class Generated:
    """What was made.

    Attributes:
        shape: its name.
        points: how many.
        distinct: how many of them have tags and a time that none before them has.
        first_ns: the earliest point's time, ns since 1970 UTC.
        last_ns: the latest one's.
        output: the file's name; ``-`` for a stream.
        size_bytes: of the text.
    """

    shape: str
    points: int
    distinct: int
    first_ns: int
    last_ns: int
    output: str
    size_bytes: int


def write_pieces(pieces: Iterable[bytes], file: BinaryIO, stop: threading.Event | None = None) -> int:
    """Write all pieces; how many bytes they were.

    Args:
        pieces: in order.
        file: is written to.
        stop: when set from another thread, writing ends with an error.

    Raises:
        LoadInterruptedError: it was told to stop.
        OSError: the file does not take them.
    """
    size = 0
    for piece in pieces:
        if stop is not None and stop.is_set():
            raise LoadInterruptedError(f"interrupted after {size:,} bytes")
        write_all(file, piece)
        size += len(piece)
    return size
