"""Storage files read again, whoever wrote them.

Goes in: a file's path. Comes out: its keys, their blocks, their values; what its tombstones say is deleted left out.
The file is mapped into memory, and read as far as is asked for.
"""

from __future__ import annotations

import mmap
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from importer.errors import SourceError
from importer.tsm import blocks
from importer.tsm.blocks import Block
from importer.tsm.index import IndexedKey, read_index
from importer.tsm.layout import HEADER, Times, Values
from importer.tsm.tombstones import Tombstone, read_tombstones, tombstones_path

__all__ = ["Reader"]

_FOOTER_BYTES = 8
_CHECKSUM_BYTES = 4


class Reader:
    """Reads one storage file.

    Args:
        path: of the file; tombstones are looked for beside it.

    Raises:
        SourceError: it cannot be read, is no storage file, or is damaged.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._deleted: dict[bytes, list[Tombstone]] = defaultdict(list)
        for each in read_tombstones(tombstones_path(path)):
            self._deleted[each.key].append(each)
        try:
            with path.open("rb") as file:
                if file.read(len(HEADER)) != HEADER:
                    raise SourceError(f"{str(path)!r} is no storage file of version 1")
                self._data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except OSError as error:
            raise SourceError(f"cannot read {str(path)!r}: {error.strerror or error}") from error
        self._index_end = len(self._data) - _FOOTER_BYTES
        self._index_start = int.from_bytes(self._data[max(self._index_end, 0) :])
        if not len(HEADER) <= self._index_start < self._index_end:
            self.close()
            raise SourceError(f"{str(path)!r} is cut off: no index is where its end says")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the memory back."""
        self._data.close()

    @property
    def index_span(self) -> tuple[int, int]:
        """Where in the file the index begins, and where it ends."""
        return self._index_start, self._index_end

    def indexed_keys(self, span: tuple[int, int] | None = None) -> Iterator[IndexedKey]:
        """All keys, in their order, with where their blocks are; deleted ones too.

        Args:
            span: where in the index those begin and end that are wanted; None: all of it.

        Raises:
            SourceError: the index is damaged.
        """
        try:
            yield from read_index(self._data, *(span or self.index_span))
        except SourceError as error:
            raise SourceError(f"{str(self._path)!r}: {error}") from error

    def raw_blocks(self, key: IndexedKey) -> Iterator[bytes]:
        """A key's blocks as they stand in the file, checksum, type and all; deleted values too.

        Raises:
            SourceError: the index names blocks where none can be.
        """
        for offset, size in zip(key.entries["offset"].tolist(), key.entries["size"].tolist(), strict=True):
            if offset < len(HEADER) or size <= _CHECKSUM_BYTES or offset + size > self._index_start:
                raise SourceError(f"{str(self._path)!r}: the index names a block where none is: {key.key[:200]!r}")
            yield self._data[offset : offset + size]

    def blocks(self, key: IndexedKey) -> Iterator[Block]:
        """A key's blocks, checked and decoded; deleted values too.

        Raises:
            SourceError: one is damaged.
        """
        for entry, raw in zip(key.entries, self.raw_blocks(key), strict=True):
            try:
                found = blocks.decode(raw)
                if found.type != key.type:
                    raise SourceError(f"a block of type {found.type} in a key of type {key.type}")  # noqa: TRY301
            except SourceError as error:
                raise SourceError(
                    f"{str(self._path)!r}: {error} (key {key.key[:200]!r}, block at byte {entry['offset']})"
                ) from error
            yield found

    def points(self, key: IndexedKey) -> tuple[Times, Values]:
        """A key's times (int64, ns) and values (as in :class:`importer.tsm.blocks.Block`), deleted ones left out.

        Raises:
            SourceError: a block is damaged.
        """
        found = list(self.blocks(key))
        times = np.concatenate([block.times for block in found])
        values: Values
        if key.type == "string":
            values = pa.concat_arrays([block.values for block in found])
        else:
            values = np.concatenate([block.values for block in found])
        kept = self._kept(key.key, times)
        if kept.all():
            return times, values
        return times[kept], values.filter(pa.array(kept)) if key.type == "string" else values[kept]

    def has_deleted(self, key: bytes) -> bool:
        """Whether tombstones name this key, so that some of its values, or all, are left out."""
        return key in self._deleted

    def check(self) -> int:
        """Check and decode all blocks; returns how many there are.

        Raises:
            SourceError: the index or a block is damaged.
        """
        return sum(1 for key in self.indexed_keys() for _ in self.blocks(key))

    def _kept(self, key: bytes, times: Times) -> npt.NDArray[np.bool_]:
        kept = np.ones(times.size, dtype=np.bool_)
        for each in self._deleted.get(key, ()):
            kept &= (times < each.first) | (times > each.last)
        return kept
