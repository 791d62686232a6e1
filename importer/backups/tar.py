"""What a stream of tar holds, found while it passes by.

Goes in: the stream's bytes, in pieces of any size. Comes out: the members' names and sizes, and an error where the
stream ends before the archive does: a server that fails while it answers can only break off.
"""

from __future__ import annotations

from dataclasses import dataclass

from importer.errors import TransientServerError

__all__ = ["Member", "TarWalk"]

BLOCK = 512
_EMPTY = bytes(BLOCK)


@dataclass(frozen=True, slots=True)
class Member:
    """A file in the archive.

    Attributes:
        name: without folders.
        size: bytes.
    """

    name: str
    size: int


class TarWalk:
    """Follows one archive.

    Attributes:
        members: found so far.
    """

    def __init__(self) -> None:
        self.members: list[Member] = []
        self._pending = b""
        self._skipped = 0
        self._empty_blocks = 0

    def feed(self, piece: bytes) -> None:
        """Take the next bytes.

        Raises:
            TransientServerError: they are no tar.
        """
        at = min(self._skipped, len(piece))
        self._skipped -= at
        if self._skipped:
            return
        data = self._pending + piece[at:]
        at = 0
        while len(data) - at >= BLOCK:
            size = self._block(data[at : at + BLOCK])
            at += BLOCK + size
        self._skipped, self._pending = max(0, at - len(data)), data[at:]

    def finish(self) -> list[Member]:
        """The members, at the end of the stream.

        Raises:
            TransientServerError: the archive is not complete.
        """
        if self._skipped or self._pending or self._empty_blocks < 2:  # noqa: PLR2004 - so tar ends
            raise TransientServerError("the server's answer broke off within a shard's files")
        return self.members

    def _block(self, block: bytes) -> int:
        """One block that is not a file's: how many bytes of a file follow, padded."""
        if block == _EMPTY:
            self._empty_blocks += 1
            return 0
        if self._empty_blocks or not _is_header(block):
            raise TransientServerError("the server's answer is no tar archive")
        size = _number(block[124:136])
        if block[156:157] in b"0\0":
            name = block[:100].split(b"\0")[0].decode(errors="replace")
            self.members.append(Member(name.rpartition("/")[2], size))
        return -(-size // BLOCK) * BLOCK


def _is_header(block: bytes) -> bool:
    summed = sum(block[:148]) + 8 * ord(" ") + sum(block[156:])
    try:
        return int(block[148:156].rstrip(b"\0 ") or b"0", 8) == summed
    except ValueError:
        return False


def _number(digits: bytes) -> int:
    """Octal, or where that is too short, binary behind a set bit."""
    if digits[0] & 0x80:
        return int.from_bytes(digits, "big") & ~(0x80 << 88)
    return int(digits.rstrip(b"\0 ") or b"0", 8)
