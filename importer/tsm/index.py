"""The index at a file's end: each key, its type, and where its blocks are.

Source: ``writer.go`` and ``reader.go`` (``directIndex``, ``indirectIndex``) of influxdb 2.7.12.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Protocol

import numpy as np
import numpy.typing as npt

from importer.errors import SourceError
from importer.records import FieldType
from importer.tsm.layout import BLOCK_TYPES, ENTRY, FIELD_TYPES
from importer.tsm.ragged import Counts

__all__ = ["Entries", "IndexDraft", "IndexedKey", "index_bytes", "read_index"]

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


class IndexDraft:
    """The index of a file that is being written: short of its last key, which may still get blocks.

    Attributes:
        last: the last key; None before the first.
    """

    def __init__(self) -> None:
        self.last: IndexedKey | None = None
        self._written = 0
        self._file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES)  # noqa: SIM115 - closed by close()

    @property
    def size(self) -> int:
        """Bytes, the last key's included."""
        return self._written + (index_bytes([self.last.key], self.last.entries) if self.last is not None else 0)

    def add(self, keys: Sequence[bytes], types: Sequence[FieldType], counts: Counts, entries: Entries) -> None:
        """Take the next keys; the first of them may be the last one so far, which gets further blocks then.

        Args:
            keys: in their order.
            types: as many.
            counts: how many blocks each has (int64).
            entries: the blocks, one key's behind the other's.
        """
        last = self.last
        if last is not None:
            # The bytes of numbers stay in their order only where the dtype is named.
            entries = np.concatenate([last.entries, entries], dtype=ENTRY)
            if keys[0] == last.key:
                counts = np.concatenate([counts[:1] + last.entries.size, counts[1:]])
            else:
                keys, types = [last.key, *keys], [last.type, *types]
                counts = np.concatenate([np.array([last.entries.size]), counts])
        pending = entries.size - int(counts[-1])
        self._write(keys[:-1], types, counts, entries[:pending])
        self.last = IndexedKey(keys[-1], types[-1], entries[pending:].copy())

    def write_to(self, file: BinaryIO) -> None:
        """Write all of it; nothing can be added any more."""
        if self.last is not None:
            self._write([self.last.key], [self.last.type], np.array([self.last.entries.size]), self.last.entries)
        self.last = None
        self._file.seek(0)
        shutil.copyfileobj(self._file, file)

    def close(self) -> None:
        """Give the memory or the temporary file back."""
        self._file.close()

    def _write(self, keys: Sequence[bytes], types: Sequence[FieldType], counts: Counts, entries: Entries) -> None:
        data, start = entries.tobytes(), 0
        parts: list[bytes] = []
        for key, kind, count in zip(keys, types, counts.tolist(), strict=False):
            stop = start + count * ENTRY.itemsize
            parts += (len(key).to_bytes(2), key, _TYPE_BYTES[kind], count.to_bytes(2), data[start:stop])
            start = stop
        self._file.write(b"".join(parts))
        self._written += index_bytes(keys, entries)


_TYPE_BYTES = {kind: bytes([number]) for kind, number in BLOCK_TYPES.items()}


def index_bytes(keys: Sequence[bytes], entries: Entries) -> int:
    """How many bytes of an index these keys take, with all of their blocks."""
    return sum(map(len, keys)) + _AROUND_KEY * len(keys) + entries.nbytes


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
