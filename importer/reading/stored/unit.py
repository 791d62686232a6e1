"""The files of a span of time: those of a shard group, or of several that overlap.

Goes in: a backup's folder and what its manifest says of a bucket. Comes out: a :class:`Unit` for each span, in the
order of time, with its files unpacked.
"""

from __future__ import annotations

import heapq
import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from importer.backups.layout import ManifestBucket, ManifestShard, Sidecar
from importer.backups.shards import window_of
from importer.backups.unpacking import unpack
from importer.errors import SourceError, SpoolError
from importer.reading.window import ALL_OF_TIME, TimeRange
from importer.tsm import IndexedKey, Reader

__all__ = ["KeyInFiles", "Unit", "pieces_of", "units_of"]

KeyInFiles = list[tuple[Reader, IndexedKey]]
"""A key in each of the files that have it; where two of them have a point of one time, the later one is right."""

BLOCKS_AT_ONCE = 64
BYTES_AT_ONCE = 1 << 20
"""Of blocks that are read together, unless one has more."""

Runs = dict[int, list[tuple[int, int]]]
"""Parts of the indexes of files, by the file's number."""


@dataclass(frozen=True, slots=True)
class Unit:
    """The files of a span of time.

    Attributes:
        span: of the shard groups.
        shards: what the manifest says of them.
        archives: their files in the backup.
        folder: where they are unpacked, each in a folder of its own.
        runs: where in the files the keys of each measurement are.
        block_bytes: of each measurement, in all files.
    """

    span: TimeRange
    shards: tuple[ManifestShard, ...]
    archives: tuple[Path, ...]
    folder: Path
    runs: dict[str, Runs] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))
    block_bytes: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def unpack(self, sidecar: Sidecar | None, stop: threading.Event) -> None:
        """Unpack all archives.

        Raises:
            SourceError: one is missing or damaged.
            SpoolError: there is no room for them.
            LoadInterruptedError: it was told to stop.
        """
        for shard, archive in zip(self.shards, self.archives, strict=True):
            into = self.folder / str(shard.id)
            try:
                into.mkdir(parents=True)
            except OSError as error:
                raise SpoolError(f"cannot unpack the backup to {str(into)!r}: {error.strerror}") from error
            unpack(archive.parent, shard, sidecar, into, stop)

    @contextmanager
    def opened(self) -> Iterator[list[Reader]]:
        """Its storage files, in the order in which the server wrote them; what is wrong with one names the archive.

        Raises:
            SourceError: one is damaged.
        """
        try:
            with ExitStack() as stack:
                paths = (path for shard in self.shards for path in sorted((self.folder / str(shard.id)).glob("*.tsm")))
                yield [stack.enter_context(Reader(path)) for path in paths]
        except SourceError as error:
            raise SourceError(self._named(str(error))) from error

    def _named(self, said: str) -> str:
        for shard, archive in zip(self.shards, self.archives, strict=True):
            inside = f"{self.folder / str(shard.id)}/"
            if inside in said:
                return f"{str(archive)!r} is damaged: {said.replace(inside, '')}"
        return f"{' or '.join(repr(str(each)) for each in self.archives)} is damaged: {said}"

    def keys_of(self, measurement: str, readers: Sequence[Reader]) -> Iterator[tuple[bytes, KeyInFiles]]:
        """The keys of a measurement, in their order.

        Args:
            measurement: its name.
            readers: as :meth:`opened` gives them.

        Raises:
            SourceError: an index is damaged.
        """
        of_files = (_keys(number, readers[number], runs) for number, runs in self.runs[measurement].items())
        merged = heapq.merge(*of_files, key=itemgetter(0, 1))
        for key, same in groupby(merged, key=itemgetter(0)):
            yield key, [(readers[number], indexed) for _, number, indexed in same]


def pieces_of(key: IndexedKey, span: TimeRange = ALL_OF_TIME) -> Iterator[IndexedKey]:
    """The same key with some of its blocks at a time: those that reach into a range of time."""
    entries = key.entries[(key.entries["last"] >= span.start_ns) & (key.entries["first"] < span.stop_ns)]
    begin = size = 0
    for end, each in enumerate(entries["size"].tolist()):
        if end > begin and (end - begin >= BLOCKS_AT_ONCE or size + each > BYTES_AT_ONCE):
            yield IndexedKey(key.key, key.type, entries[begin:end])
            begin, size = end, 0
        size += each
    if begin < entries.size:
        yield IndexedKey(key.key, key.type, entries[begin:])


def _keys(number: int, reader: Reader, runs: Sequence[tuple[int, int]]) -> Iterator[tuple[bytes, int, IndexedKey]]:
    for run in runs:
        for indexed in reader.indexed_keys(run):
            yield indexed.key, number, indexed


def units_of(bucket: ManifestBucket, chosen: TimeRange, backup: Path, scratch: Path) -> list[Unit]:
    """The units of a bucket in which there may be points of a range of time; nothing is unpacked yet.

    Args:
        bucket: what the manifest says of it.
        chosen: the range.
        backup: the backup's folder.
        scratch: where they will be unpacked.
    """
    found: list[Unit] = []
    groups = ((TimeRange(*window_of(group.start, group.stop)), group.shards) for group in bucket.groups)
    for span, shards in sorted(groups, key=lambda each: (each[0].start_ns, each[0].stop_ns)):
        if span.start_ns >= chosen.stop_ns or span.stop_ns <= chosen.start_ns:
            continue
        archives = tuple(backup / shard.file_name for shard in shards)
        unit = Unit(span, tuple(shards), archives, scratch / str(len(found)))
        if found and span.start_ns < found[-1].span.stop_ns:  # else its rows would come behind later ones
            before = found.pop()
            reach = TimeRange(before.span.start_ns, max(before.span.stop_ns, span.stop_ns))
            unit = replace(before, span=reach, shards=before.shards + unit.shards, archives=before.archives + archives)
        found.append(unit)
    return found
