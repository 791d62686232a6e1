"""Compressed sources: gzip and zstd are told by their first bytes and read; others are refused by name."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from typing import Protocol

import zstandard

from importer.errors import SourceError

__all__ = ["LONGEST_MAGIC", "DamagedError", "Decompressor", "check_readable", "decompressor", "is_compressed"]

GZIP_MAGIC = b"\x1f\x8b"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
LONGEST_MAGIC = len(ZSTD_MAGIC)

_SLICE_BYTES = 1 << 9
"""Compressed bytes at a time: what they swell to is held in memory, a thousandfold or more at worst."""

_NOT_READ = {
    b"BZh": ("bzip2", "bzip2 -dc"),
    b"\xfd7zXZ\x00": ("xz", "xz -dc"),
    b"PK\x03\x04": ("a zip archive", "unzip -p"),
}
"""What files begin with that are no text, and how to make text of them."""


_HUGE_WINDOW = "requires too much memory"


class DamagedError(ValueError):
    """Compressed data that cannot be read; the message says why."""


def is_compressed(first: bytes) -> bool:
    """Whether a source that begins with these bytes is gzip or zstd."""
    return first.startswith((GZIP_MAGIC, ZSTD_MAGIC))


def check_readable(first: bytes, name: str) -> None:
    """Refuse what is no text, and say how to make text of it.

    Raises:
        SourceError: it is compressed in a way that is not read, or no CSV.
    """
    for magic, (kind, command) in _NOT_READ.items():
        if first.startswith(magic):
            raise SourceError(
                f"{name!r} is {kind}; gzip and zstd are read. Try: {command} {name} | importer load - ..."
            )


class Decompressor(Protocol):
    """Takes what is stored, gives what it stands for."""

    def feed(self, stored: bytes, most_bytes: int) -> tuple[bytes, bytes]:
        """What it gives, about so many bytes at the most, and what of it is still to be fed; raises DamagedError."""
        ...

    def finish(self) -> None:
        """Hear that there is no more; raises DamagedError in the middle of compressed data."""


class _Plain:
    def feed(self, stored: bytes, most_bytes: int) -> tuple[bytes, bytes]:  # noqa: ARG002 - it gives what it gets
        return stored, b""

    def finish(self) -> None:
        pass


class _Members:
    """Gzip members or zstd frames, one after another, as both formats allow."""

    def __init__(self, new: Callable[[], zlib._Decompress | zstandard.ZstdDecompressionObj]) -> None:
        self._new = new
        self._member = new()
        self._begun = False
        self._members_read = 0

    def feed(self, stored: bytes, most_bytes: int) -> tuple[bytes, bytes]:
        out, position = io.BytesIO(), 0
        while position < len(stored) and out.tell() < most_bytes:
            piece = stored[position : position + _SLICE_BYTES]
            position += len(piece)
            if self._member.eof:
                piece = piece.lstrip(b"\0")  # gzip pads with zeros on block devices
                if not piece:
                    continue
                self._member = self._new()
                self._members_read += 1
            self._begun = True
            try:
                out.write(self._member.decompress(piece))
            except (zlib.error, zstandard.ZstdError) as error:
                raise DamagedError(self._reason(str(error))) from error
            position -= len(self._member.unused_data) if self._member.eof else 0
        return out.getvalue(), stored[position:]

    def finish(self) -> None:
        if self._begun and not self._member.eof:
            raise DamagedError("it ends in the middle of the compressed data")

    def _reason(self, said: str) -> str:
        if _HUGE_WINDOW in said:
            return "it asks for more than 128 MiB of memory to be read; unpack it by zstd -dc --long=31"
        if "incorrect header check" in said or "Unknown frame descriptor" in said:
            return (
                f"what follows its part {self._members_read} is not compressed ({said})" if self._members_read else said
            )
        if "data check" in said or "checksum" in said:
            return f"its checksum is wrong ({said})"
        return said


def decompressor(magic: bytes) -> Decompressor:
    """What reads a source that begins with these bytes."""
    if magic.startswith(GZIP_MAGIC):
        return _Members(lambda: zlib.decompressobj(wbits=zlib.MAX_WBITS | 16))
    if magic.startswith(ZSTD_MAGIC):
        return _Members(lambda: zstandard.ZstdDecompressor().decompressobj())
    return _Plain()
