"""The index at a file's end: each key, its type, and where its blocks are.

Source: ``writer.go`` and ``reader.go`` (``directIndex``, ``indirectIndex``) of influxdb 2.7.12.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Protocol

import numpy as np
import numpy.typing as npt

from importer.errors import SourceError
from importer.records import FieldType
from importer.tsm.layout import BLOCK_TYPES, ENTRY, FIELD_TYPES

__all__ = ["Entries", "IndexDraft", "IndexedKey", "read_index"]

Entries = npt.NDArray[np.void]
"""Of the dtype :data:`importer.tsm.layout.ENTRY`."""

IN_MEMORY_BYTES = 8 << 20
"""Of an index that is being made; what is more goes to a temporary file."""

_AROUND_KEY = 5
"""Bytes: the key's length before it, its type and the number of its blocks behind it."""


@dataclass(frozen=True, slots=True)
class IndexedKey:
    """What the index says of a key.

    Attributes:
        key: as :func:`importer.tsm.keys.parsed` reads it.
        type: of its values.
        entries: its blocks, in the order of time.
    """

    key: bytes
    type: FieldType
    entries: Entries = field(repr=False)

    @property
    def size(self) -> int:
        """How many bytes the index has for it."""
        return _AROUND_KEY + len(self.key) + self.entries.nbytes


class IndexDraft:
    """The index of a file that is being written: short of its last key, which may still get blocks.

    Attributes:
        last: the last key; None before the first.
        size: bytes, the last key's included.
    """

    def __init__(self) -> None:
        self.last: IndexedKey | None = None
        self.size = 0
        self._file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES)  # noqa: SIM115 - closed by close()

    def add(self, key: IndexedKey) -> None:
        """Take the next key, or further blocks of the last one."""
        if self.last is not None and key.key == self.last.key:
            self.size += key.entries.nbytes
            entries = np.concatenate([self.last.entries, key.entries], dtype=ENTRY)  # the bytes stay in their order
            self.last = IndexedKey(key.key, key.type, entries)
            return
        self._write_last()
        self.last = key
        self.size += key.size

    def write_to(self, file: BinaryIO) -> None:
        """Write all of it; nothing can be added any more."""
        self._write_last()
        self.last = None
        self._file.seek(0)
        shutil.copyfileobj(self._file, file)

    def close(self) -> None:
        """Give the memory or the temporary file back."""
        self._file.close()

    def _write_last(self) -> None:
        if self.last is None:
            return
        key = self.last
        self._file.write(len(key.key).to_bytes(2) + key.key)
        self._file.write(bytes([BLOCK_TYPES[key.type]]) + key.entries.size.to_bytes(2))
        self._file.write(key.entries.tobytes())


class Sliceable(Protocol):
    """Bytes, or a file mapped into memory."""

    def __getitem__(self, part: Any, /) -> Any: ...


def read_index(data: Sliceable, start: int, stop: int) -> Iterator[IndexedKey]:
    """The keys of an index, one by one.

    Args:
        data: the file.
        start: where the index begins.
        stop: where it ends.

    Raises:
        SourceError: it is damaged.
    """
    at = start
    while at < stop:
        key_end = at + 2 + int.from_bytes(data[at : at + 2])
        entries_start = key_end + 3
        count = int.from_bytes(data[key_end + 1 : entries_start])
        end = entries_start + count * ENTRY.itemsize
        kind = FIELD_TYPES.get(data[key_end]) if entries_start <= stop else None
        if kind is None or not count or end > stop:
            raise SourceError(f"the index is damaged at byte {at}")
        yield IndexedKey(data[at + 2 : key_end], kind, np.frombuffer(data[entries_start:end], dtype=ENTRY))
        at = end
