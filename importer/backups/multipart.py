"""An answer of several parts, taken apart while it comes (RFC 2046, 5.1).

Goes in: the pieces of the answer's body, and the boundary that its head names. Comes out: the parts in their order,
each with its name and its own pieces, so that memory does not depend on their lengths.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from importer.errors import TransientServerError

__all__ = ["boundary_of", "parts_of"]

Part = tuple[str, Iterator[bytes]]


def boundary_of(content_type: str) -> str | None:
    """The boundary that a Content-Type names."""
    found = re.search(r'boundary="?([^";]+)"?', content_type)
    return found[1] if found else None


def parts_of(pieces: Iterable[bytes], boundary: str) -> Iterator[Part]:
    """Each part's name and pieces; a part is to be read to its end before the next one is asked for.

    Raises:
        TransientServerError: the answer breaks off.
    """
    stream = _Stream(iter(pieces), b"\r\n--" + boundary.encode())
    for _ in stream.until_delimiter():  # what stands before the first part
        pass
    while not stream.is_at_end():
        head = stream.line_group()
        named = re.search(rb'name="([^"]*)"', head)
        yield named[1].decode(errors="replace") if named else "", stream.until_delimiter()


class _Stream:
    def __init__(self, pieces: Iterator[bytes], delimiter: bytes) -> None:
        self._pieces = pieces
        self._delimiter = delimiter
        self._buffer = b"\r\n"  # the first delimiter may stand at the very beginning

    def until_delimiter(self) -> Iterator[bytes]:
        while (at := self._buffer.find(self._delimiter)) < 0:
            safe = len(self._buffer) - len(self._delimiter) + 1
            if safe > 0:
                yield self._buffer[:safe]
                self._buffer = self._buffer[safe:]
            self._more()
        yield self._buffer[:at]
        self._buffer = self._buffer[at + len(self._delimiter) :]

    def is_at_end(self) -> bool:
        while len(self._buffer) < len(b"--"):
            self._more()
        return self._buffer.startswith(b"--")

    def line_group(self) -> bytes:
        while (at := self._buffer.find(b"\r\n\r\n")) < 0:
            self._more()
        head, self._buffer = self._buffer[:at], self._buffer[at + 4 :]
        return head

    def _more(self) -> None:
        piece = next(self._pieces, None)
        if piece is None:
            raise TransientServerError("the server's answer broke off between its parts")
        self._buffer += piece
