"""Where made-up data goes: a file that is whole or not there, or a stream.

Goes in: pieces of bytes. Comes out: how many there were.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from importer.errors import ConfigurationError, LoadInterruptedError
from importer.streams import write_all

__all__ = ["Generated", "check_free", "write_pieces"]


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


def check_free(path: Path, *, overwrite: bool) -> None:
    """Refuse a place that cannot be written, or that holds something already.

    Raises:
        ConfigurationError: so it is.
    """
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise ConfigurationError(f"cannot write {str(path)!r}: name a file in a folder that exists")
    if path.is_file() and not overwrite:
        raise ConfigurationError(f"{str(path)!r} is there already: name another file, or say --overwrite")


def write_pieces(pieces: Iterable[bytes], output: Path | BinaryIO, stop: threading.Event | None = None) -> int:
    """Write all pieces, or leave a file as it was; how many bytes they were.

    Args:
        pieces: in order.
        output: a file, or a binary stream.
        stop: when set from another thread, writing ends with an error.

    Raises:
        ConfigurationError: the file cannot be written.
        LoadInterruptedError: it was told to stop.
        BrokenPipeError: nobody reads the stream any more.
    """
    if not isinstance(output, Path):
        try:
            return _into(output, pieces, stop)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise ConfigurationError(f"cannot write the output: {error.strerror or error}") from None
    try:
        with _replaced(output) as file:
            return _into(file, pieces, stop)
    except OSError as error:
        raise ConfigurationError(f"cannot write {str(output)!r}: {error.strerror or error}") from None


def _into(file: BinaryIO, pieces: Iterable[bytes], stop: threading.Event | None) -> int:
    size = 0
    for piece in pieces:
        if stop is not None and stop.is_set():
            raise LoadInterruptedError(f"interrupted after {size:,} bytes")
        write_all(file, piece)
        size += len(piece)
    file.flush()
    return size


@contextmanager
def _replaced(path: Path) -> Iterator[BinaryIO]:
    """A file that takes the path's place when it is complete; a device or a pipe is written as it is."""
    if path.exists() and not path.is_file():
        with path.open("wb") as device:
            yield device
        return
    place = path.resolve()  # what a link leads to is replaced, and the link stays
    part = place.with_name(f".{place.name}.{os.getpid()}.part")
    try:
        with part.open("xb") as file:
            yield file
        part.replace(place)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise
