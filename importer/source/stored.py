"""The stored bytes of a source, wherever it is.

Goes in: a :class:`~importer.source.named.Source`. Comes out: what they are read from, in order.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import BinaryIO, Protocol

from importer.errors import SourceError
from importer.source.bounds import Bounds
from importer.source.named import Source

__all__ = ["StoredFile", "open_stored"]


class StoredFile(Protocol):
    """What bytes are read from."""

    def read(self, size: int, /) -> bytes | None:
        """The next bytes, so many at the most; none at the end."""

    def close(self) -> None:
        """Let go of it."""


def open_stored(
    source: Source,
    *,
    stdin: BinaryIO | None,
    bounds: Bounds,
    stop: threading.Event | None,
    so_far: Callable[[], str],
) -> tuple[StoredFile, int | None]:
    """Open a source.

    Args:
        source: what to open.
        stdin: where ``-`` reads from.
        bounds: how much may be fetched, and how long it may stand still.
        stop: set when nobody wants it any more.
        so_far: the SHA-256 (hex) of all that was read, for a connection that is taken up again.

    Returns:
        the file, and how many bytes it has, where that is known.

    Raises:
        SourceError: it cannot be opened.
    """
    url = source.url
    if url is not None and url.lower().startswith("s3:"):
        from importer.source.s3 import S3File  # noqa: PLC0415 - seldom wanted

        object_ = S3File(url, source.name, bounds, stop)
        return object_, object_.length
    if url is not None:
        from importer.source.http import HttpFile  # noqa: PLC0415 - seldom wanted

        file = HttpFile(url, source.name, bounds, so_far, stop)
        return file, file.length
    if source.path is None:
        return stdin or sys.stdin.buffer, None
    try:
        return source.path.open("rb", buffering=0), source.size_bytes
    except OSError as error:
        raise SourceError(f"cannot read {source.name!r}: {error.strerror}") from error
