"""Writing to a stream, all of it.

An unbuffered one (standard output under PYTHONUNBUFFERED, as containers have it) takes as much as fits into the pipe,
and says how much that was.
"""

from __future__ import annotations

from typing import BinaryIO

__all__ = ["write_all"]


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
