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
from importer.tsm.index import Entries, IndexDraft, index_bytes
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
from importer.tsm.ragged import Counts, starts

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
    """The blocks of some columns, key by key in the columns' order.

    Attributes:
        blocks: their bytes.
        entries: what the index says of them, offsets apart.
        counts: how many each key has.
    """

    blocks: list[bytes]
    entries: Entries
    counts: Counts


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
        keys = [key for column in columns for key in column.keys]
        types = [column.type for column in columns for _ in column.keys]
        if not keys:
            return
        order = sorted(range(len(keys)), key=keys.__getitem__)
        keys, types = [keys[number] for number in order], [types[number] for number in order]
        self._check_order(keys, columns)
        encoded = self._encoded(columns)
        counts = encoded.counts[order]
        places = np.repeat(starts(encoded.counts)[order] - starts(counts), counts) + np.arange(len(encoded.blocks))
        entries = encoded.entries[places]
        sizes = entries["size"].astype(np.int64)
        begin = self._data_bytes or len(HEADER)
        entries["offset"] = begin + starts(sizes)
        end = begin + int(sizes.sum())
        self._check_sizes(keys, counts, entries, end)
        if not self._data_bytes:
            self._file.write(HEADER)
        self._file.writelines(map(encoded.blocks.__getitem__, places.tolist()))
        self._index.add(keys, types, counts, entries)
        self._data_bytes = end
        self.values += sum(column.times.size for column in columns)

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

    def _encoded(self, columns: Sequence[Column]) -> _Encoded:
        blocks: list[bytes] = []
        all_entries: list[Entries] = []
        all_counts: list[Counts] = []
        known: dict[tuple[int, int], list[bytes]] = {}
        for column in columns:
            counts, lengths = column.block_lengths()
            same = (id(column.times), id(column.counts))
            if same not in known:
                known[same] = encode_times(column.times, lengths, self._origin)
            made = join(column.type, known[same], encode_values(column.type, column.values, lengths, self._origin))
            ends = np.cumsum(lengths)
            entries = np.zeros(lengths.size, dtype=ENTRY)
            entries["first"] = column.times[ends - lengths]
            entries["last"] = column.times[ends - 1]
            entries["size"] = np.fromiter(map(len, made), dtype=np.int64, count=len(made))
            blocks += made
            all_entries.append(entries)
            all_counts.append(counts)
        return _Encoded(blocks, np.concatenate(all_entries, dtype=ENTRY), np.concatenate(all_counts))

    def _check_order(self, keys: list[bytes], columns: Sequence[Column]) -> None:
        for one, other in pairwise(keys):
            if one == other:
                raise UnstorableError(f"the key {one[:_SHOWN]!r} is in two columns")
        last = self._index.last
        if last is None or keys[0] > last.key:
            return
        if keys[0] < last.key:
            raise UnstorableError(f"keys have to rise: {keys[0][:_SHOWN]!r} comes behind {last.key[:_SHOWN]!r}")
        column = next(column for column in columns if column.keys and column.keys[0] == keys[0])
        if column.type != last.type:
            raise UnstorableError(f"the key {keys[0][:_SHOWN]!r} has two types: {last.type} and {column.type}")
        if int(column.times[0]) <= int(last.entries["last"][-1]):
            raise UnstorableError(f"times have to rise within a key: {keys[0][:_SHOWN]!r}, {column.times[0]} ns")

    def _check_sizes(self, keys: list[bytes], counts: Counts, entries: Entries, data_bytes: int) -> None:
        last = self._index.last
        totals = counts.copy()
        if last is not None and last.key == keys[0]:
            totals[0] += last.entries.size
        if int(totals.max()) > MAX_ENTRIES:
            most = int(totals.argmax())
            raise UnstorableError(
                f"a key has at most {MAX_ENTRIES:,} blocks in a file, and {keys[most][:_SHOWN]!r} has "
                f"{totals[most]:,}: begin another file"
            )
        size = self._index.size + index_bytes(keys, entries)
        if size > MAX_INDEX_BYTES or data_bytes + size + _FOOTER_BYTES > MAX_FILE_BYTES:
            raise UnstorableError(
                f"a storage file of {data_bytes + size:,} bytes, {size:,} of them its index, is more than the server "
                "reads: begin another file"
            )
