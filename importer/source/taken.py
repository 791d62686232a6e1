"""What was read of a stream and not yet cut into records, and what to say when no record of it comes to an end."""

from __future__ import annotations

from importer.source.bounds import Bounds
from importer.source.open import Stream

__all__ = ["BARE_RETURNS", "Taken", "too_long"]

BARE_RETURNS = "lines end with a bare CR; convert them to LF or CRLF"


class Taken:
    """What was read of a stream and not yet cut off.

    Attributes:
        ended: the stream has no more.
    """

    def __init__(self, stream: Stream, text: bytes) -> None:
        self.ended = False
        self._stream = stream
        self._text = text
        self._rest = b""  # read, and beyond what was asked for

    def __bool__(self) -> bool:
        return bool(self._text or self._rest)

    @property
    def is_whole(self) -> bool:
        """Whether what :meth:`up_to` gave last is all that there is."""
        return self.ended and not self._rest

    def at_least(self, size: int) -> bytes:
        """All that was taken, which is at least so many bytes unless the stream ends before."""
        pieces = self._pieces(size)
        self._text = b"".join(pieces)
        return self._text

    def up_to(self, size: int) -> bytes:
        """The first so many bytes; fewer where the stream ends before."""
        pieces = self._pieces(size)
        over = sum(map(len, pieces)) - size
        if over > 0:
            if over > len(pieces[-1]):
                pieces = [b"".join(pieces)]
            # Apart, so that what is over is moved, and not all that is asked for.
            last = pieces.pop()
            self._rest = last[len(last) - over :]
            pieces.append(last[: len(last) - over])
            del last
        self._text = b"".join(pieces)
        return self._text

    def _pieces(self, size: int) -> list[bytes]:
        pieces, have = [self._text, self._rest], len(self._text) + len(self._rest)
        self._text = self._rest = b""  # or it would be held twice while the pieces are joined
        while have < size and not self.ended:
            piece = self._stream.read()
            self.ended = not piece
            pieces.append(piece)
            have += len(piece)
        return pieces

    def drop(self, size: int) -> None:
        """Forget the first bytes."""
        self._text = self._text[size:]


def too_long(name: str, line: int, text: bytes, bounds: Bounds) -> str:
    """That a record, of which this is the beginning, has no end within the bounds."""
    if b"\r" in text and b"\n" not in text:
        return f"{name!r}: {BARE_RETURNS}"
    guess = "most likely a quote in it is never closed." if b'"' in text else "is it CSV?"
    return (
        f"{name!r}: the record that begins in line {line:,} is longer than {bounds.max_record_bytes:,} bytes; "
        f"{guess} If it is as it should be, allow more by --max-record-bytes"
    )
