"""Writing to a stream, all of it.

An unbuffered one (standard output under PYTHONUNBUFFERED, as containers have it) takes as much as fits into the pipe,
and says how much that was.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from importer.errors import ImporterError

__all__ = ["given_stream", "write_all"]


def write_all(stream: BinaryIO, data: bytes) -> None:
    """Write all bytes.

    Args:
        stream: binary; buffered or not.
        data: what is written.

    Raises:
        OSError: the stream does not take them.
    """
    left = memoryview(data)
    while left:
        left = left[stream.write(left) :]


@contextmanager
def given_stream(stream: BinaryIO) -> Iterator[BinaryIO]:
    """A stream that somebody else has opened, flushed at the end.

    Raises:
        ImporterError: it does not take what is written.
        BrokenPipeError: nobody reads it any more, which is for the caller to hear of.
    """
    try:
        yield stream
        stream.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise ImporterError(f"cannot write the output: {error.strerror or error}") from error
