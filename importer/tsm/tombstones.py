"""Tombstones: the file beside a storage file that says which of its values were deleted.

Source: ``tombstone.go`` of influxdb 2.7.12, which writes the fourth version and reads all four.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from importer.errors import SourceError

__all__ = ["Tombstone", "read_tombstones", "tombstones_path"]

_PLAIN, _PRESSED = 0x1502, frozenset({0x1503, 0x1504})
_HEAD = 4
_LENGTH = 4
_TIME = 8


@dataclass(frozen=True, slots=True)
class Tombstone:
    """Values that were deleted.

    Attributes:
        key: whose.
        first: the first time (ns).
        last: the last one.
    """

    key: bytes
    first: int
    last: int


def tombstones_path(path: Path) -> Path:
    """Where the tombstones of a storage file would be."""
    return path.with_suffix(".tombstone")


def read_tombstones(path: Path) -> list[Tombstone]:
    """What a file of tombstones says; nothing where there is no such file.

    Raises:
        SourceError: it is damaged or cannot be read.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise SourceError(f"cannot read {str(path)!r}: {error.strerror or error}") from error
    version = int.from_bytes(data[:_HEAD])
    if version == _PLAIN:
        return list(_records(path, data[_HEAD:]))
    if version in _PRESSED:
        try:
            return list(_records(path, gzip.decompress(data[_HEAD:])))
        except (OSError, EOFError, zlib.error) as error:
            raise SourceError(f"{str(path)!r} is damaged") from error
    return [Tombstone(line, -(1 << 63), (1 << 63) - 1) for line in data.splitlines() if line]


def _records(path: Path, data: bytes) -> Iterator[Tombstone]:
    at = 0
    while at < len(data):
        key_start = at + _LENGTH
        key_end = key_start + int.from_bytes(data[at:key_start])
        at = key_end + 2 * _TIME
        if at > len(data):
            raise SourceError(f"{str(path)!r} is cut off")
        first = int.from_bytes(data[key_end : key_end + _TIME], signed=True)
        yield Tombstone(data[key_start:key_end], first, int.from_bytes(data[key_end + _TIME : at], signed=True))
