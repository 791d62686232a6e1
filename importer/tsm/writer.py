"""Storage files out of columns.

Goes in: columns, in the order of their keys. Comes out: a file that the server takes as it is, or none at all. Blocks
are written as they come; what stays in memory is one call's columns, and some of the index.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

import numpy as np

from importer.new_files import new_file
from importer.tsm.blocks import encode_times, encode_values, join
from importer.tsm.columns import Column
from importer.tsm.index import Entries, IndexDraft, IndexedKey
from importer.tsm.layout import (
    ENTRY,
    FULL_BYTES,
    HEADER,
    MAX_ENTRIES,
    MAX_FILE_BYTES,
    MAX_INDEX_BYTES,
    Origin,
    UnstorableError,
)
from importer.tsm.ragged import starts

__all__ = ["Writer", "storage_file"]

_FOOTER_BYTES = 8
_SHOWN = 200


@contextmanager
def storage_file(path: Path, *, replace: bool = False, origin: Origin = "compaction") -> Iterator[Writer]:
    """Write a storage file with what this gives; where that ends well, the file is at `path`, else there is none.

    Args:
        path: of the file; the server's are named like ``000000001-000000001.tsm``.
        replace: whether a file that is there may go.
        origin: whose choice of encodings is made.

    Raises:
        ConfigurationError: there is a file already, or no folder to write to.
        UnstorableError: no value was written.
        ImporterError: the disk refuses.
    """
    with new_file(path, "the storage file", replace=replace) as file:
        writer = Writer(file, origin=origin)
        try:
            yield writer
            writer.finish()
        finally:
            writer.close()


@dataclass(frozen=True, slots=True)
class _Encoded:
    """A column's blocks, and what the index says of them, offsets apart."""

    column: Column
    blocks: list[bytes]
    block_starts: list[int]
    block_stops: list[int]
    entries: Entries


class Writer:
    """Writes one storage file.

    Args:
        file: to write to, at its beginning.
        origin: whose choice of encodings is made.

    Attributes:
        size: bytes so far, the index and the end included.
        values: how many were written.
    """

    def __init__(self, file: BinaryIO, *, origin: Origin = "compaction") -> None:
        self.values = 0
        self._file = file
        self._origin = origin
        self._index = IndexDraft()
        self._data_bytes = 0

    @property
    def size(self) -> int:
        """Bytes that the file has if it is finished now."""
        return max(self._data_bytes, len(HEADER)) + self._index.size + _FOOTER_BYTES

    @property
    def is_full(self) -> bool:
        """Whether it is time for another file: the server's own ones end where this size is passed."""
        return self.size > FULL_BYTES

    def write(self, columns: Sequence[Column]) -> None:
        """Write columns; their keys are merged into one order.

        A key that was the last one of the call before may go on here, at later times; its blocks are cut anew then, so
        that all but its last part should be multiples of 1,000 values.

        Args:
            columns: no key is in two of them, and none comes before the last one written.

        Raises:
            UnstorableError: keys or times do not rise, a key has more than 65,535 blocks, or the file would be larger
                than 4 GB: nothing of this call was written.
            OSError: the disk refuses.
        """
        order = sorted(
            (key, number, nth) for number, column in enumerate(columns) for nth, key in enumerate(column.keys)
        )
        if not order:
            return
        self._check_order([key for key, _, _ in order], columns[order[0][1]])
        encoded = self._encoded(columns)
        written: list[bytes] = []
        indexed: list[IndexedKey] = []
        offset = self._data_bytes or len(HEADER)
        for key, number, nth in order:
            part = encoded[number]
            start, stop = part.block_starts[nth], part.block_stops[nth]
            entries = part.entries[start:stop].copy()
            sizes = entries["size"].astype(np.int64)
            entries["offset"] = offset + starts(sizes)
            offset += int(sizes.sum())
            written += part.blocks[start:stop]
            indexed.append(IndexedKey(key, part.column.type, entries))
        self._check_sizes(indexed, offset)
        if not self._data_bytes:
            self._file.write(HEADER)
        self._file.writelines(written)
        for each in indexed:
            self._index.add(each)
        self._data_bytes = offset
        self.values += sum(int(column.times.size) for column in columns)

    def finish(self) -> None:
        """Write the index; nothing can be written any more.

        Raises:
            UnstorableError: there is no value, and the server takes no file without one.
            OSError: the disk refuses.
        """
        if not self._data_bytes:
            raise UnstorableError("a storage file without a value")
        self._index.write_to(self._file)
        self._file.write(self._data_bytes.to_bytes(_FOOTER_BYTES))

    def close(self) -> None:
        """Give memory and temporary files back; the file itself is its opener's to close."""
        self._index.close()

    def _encoded(self, columns: Sequence[Column]) -> list[_Encoded]:
        found: list[_Encoded] = []
        known: dict[tuple[int, int], list[bytes]] = {}
        for column in columns:
            counts, lengths = column.block_lengths()
            same = (id(column.times), id(column.counts))
            if same not in known:
                known[same] = encode_times(column.times, lengths, self._origin)
            values = encode_values(column.type, column.values, lengths, self._origin)
            blocks = join(column.type, known[same], values)
            stops = np.cumsum(counts)
            ends = np.cumsum(lengths)
            entries = np.zeros(lengths.size, dtype=ENTRY)
            entries["first"] = column.times[ends - lengths]
            entries["last"] = column.times[ends - 1]
            entries["size"] = np.fromiter(map(len, blocks), dtype=np.int64, count=len(blocks))
            found.append(_Encoded(column, blocks, (stops - counts).tolist(), stops.tolist(), entries))
        return found

    def _check_order(self, keys: list[bytes], first: Column) -> None:
        for one, other in pairwise(keys):
            if one == other:
                raise UnstorableError(f"the key {one[:_SHOWN]!r} is in two columns")
        last = self._index.last
        if last is None or keys[0] > last.key:
            return
        if keys[0] < last.key:
            raise UnstorableError(f"keys have to rise: {keys[0][:_SHOWN]!r} comes behind {last.key[:_SHOWN]!r}")
        if first.type != last.type:
            raise UnstorableError(f"the key {keys[0][:_SHOWN]!r} has two types: {last.type} and {first.type}")
        if int(first.times[0]) <= int(last.entries["last"][-1]):
            raise UnstorableError(f"times have to rise within a key: {keys[0][:_SHOWN]!r}, {first.times[0]} ns")

    def _check_sizes(self, indexed: list[IndexedKey], data_bytes: int) -> None:
        last = self._index.last
        before = last.entries.size if last is not None and last.key == indexed[0].key else 0
        for key in indexed:
            if before + key.entries.size > MAX_ENTRIES:
                raise UnstorableError(
                    f"a key has at most {MAX_ENTRIES:,} blocks in a file, and {key.key[:_SHOWN]!r} has "
                    f"{before + key.entries.size:,}: begin another file"
                )
            before = 0
        index_bytes = self._index.size + sum(key.size for key in indexed)
        if index_bytes > MAX_INDEX_BYTES or data_bytes + index_bytes + _FOOTER_BYTES > MAX_FILE_BYTES:
            raise UnstorableError(
                f"a storage file of {data_bytes + index_bytes:,} bytes, {index_bytes:,} of them its index, is more "
                "than the server reads: begin another file"
            )
