"""The request bodies that the importer sends, written to a file beforehand.

They come from a dry run, which writes the lines of a block in one go, sorted by series; a block is cut as it is for
the server. So what is posted ready-made is what the importer posts.
"""

from __future__ import annotations

import io
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import BinaryIO

import importer
from benchmarks.cached import Data
from benchmarks.ready_lines import LENGTH_BYTES
from importer.bucket import fitting_duration
from importer.sink.pacing import Pace

__all__ = ["Bodies", "write_bodies"]


@dataclass(frozen=True, slots=True)
class Bodies:
    """A file of bodies.

    Attributes:
        path: where it is; each body behind its length.
        count: how many there are.
        shard_group_seconds: that the importer chooses for this time span.
    """

    path: Path
    count: int
    shard_group_seconds: int


class _Recorder(io.RawIOBase):
    """Takes what a dry run writes: a block at a time; joins and cuts blocks as the importer does when it begins."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._pace = Pace()
        self._held: list[bytes] = []
        self.count = 0
        self.first_ns: int | None = None
        self.last_ns: int | None = None

    def writable(self) -> bool:
        return True

    def write(self, block: object) -> int:
        text = bytes(block)  # type: ignore[call-overload]
        self._held.append(text)
        rows = [each.count(b"\n") for each in self._held]
        if self._pace.are_enough(rows, [len(each) - lines for each, lines in zip(self._held, rows, strict=True)]):
            self.finish()
        times = [int(line.rpartition(b" ")[2]) for line in text.splitlines()]
        self.first_ns = min([*times, *([] if self.first_ns is None else [self.first_ns])])
        self.last_ns = max([*times, *([] if self.last_ns is None else [self.last_ns])])
        return len(text)

    def finish(self) -> None:
        """Write what is held."""
        if not self._held:
            return
        joined, held = b"".join(self._held), self._held
        self._held = []
        lines = joined.count(b"\n")
        fits = self._pace.next_rows(lines, len(joined)) == lines
        for body in [joined] if fits else (body for block in held for body in _cut(block, self._pace)):
            self._file.write(len(body).to_bytes(LENGTH_BYTES))
            self._file.write(body)
            self.count += 1


def write_bodies(data: Data, path: Path) -> Bodies:
    """Encode a file as the importer does, into bodies as it sends them.

    Raises:
        ImporterError: the importer does not take the file.
    """
    options = importer.LoadOptions(bucket="bodies", dry_run=True, rejects=path.with_suffix(".rejects.csv"))
    mapping = path.with_suffix(".toml")
    mapping.write_text(data.dataset.spec.mapping, encoding="utf-8")
    with path.open("wb") as file:
        recorder = _Recorder(file)
        importer.load(data.csv, mapping=mapping, options=options, stdout=recorder)  # type: ignore[arg-type]
        recorder.finish()
    if recorder.first_ns is None or recorder.last_ns is None:
        raise ValueError(f"{data.dataset.name}: no line came of the file")
    return Bodies(path, recorder.count, fitting_duration((recorder.last_ns - recorder.first_ns) / 1e9))


def _cut(block: bytes, pace: Pace) -> Iterator[bytes]:
    """Whole lines, at the pace with which the importer begins; no two lines of these files have the same key."""
    ends = list(accumulate(map(len, block.splitlines(keepends=True))))
    start = before = 0
    while start < len(ends):
        end = start + pace.next_rows(len(ends) - start, len(block) - before)
        start = max(start + 1, min(end, bisect_right(ends, before + pace.batch_bytes)))
        yield block[before : ends[start - 1]]
        before = ends[start - 1]
