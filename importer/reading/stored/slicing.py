"""Values of many keys, each in the order of time, put into slices of time.

Goes in: where to cut, and values key by key. Comes out: each slice's values, field by field. What is too much for
memory waits in a file without a name; each value is written and read once, however many slices there are.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from importer.errors import SpoolError
from importer.records import FieldType
from importer.tsm.layout import Times, Values
from importer.tsm.strings import lengths_of

__all__ = ["KEY_BYTES", "FieldValues", "Slices"]

IN_MEMORY_BYTES = 16 << 20
"""Of the values that are on their way into slices."""

KEY_BYTES = 12
"""Of a value's series and time."""

_LOOSE = 256
"""Pieces of arrays that are joined, because each takes some hundred bytes besides what it holds."""

_LOOSE_BYTES = 400

_TYPES: dict[FieldType, pa.DataType] = {
    "float": pa.float64(),
    "integer": pa.int64(),
    "unsigned": pa.uint64(),
    "boolean": pa.bool_(),
    "string": pa.large_binary(),
}


@dataclass(frozen=True, slots=True)
class FieldValues:
    """Values of one field, of one series behind the other; of one series and time the last one is right.

    Attributes:
        series: of each value, its number (uint32).
        times: ns (int64).
        values: as in :class:`importer.tsm.blocks.Block`.
    """

    series: npt.NDArray[np.uint32] = field(repr=False)
    times: Times = field(repr=False)
    values: Values = field(repr=False)

    @property
    def size_bytes(self) -> int:
        """Of all of them."""
        own = int(lengths_of(self.values).sum()) + 8 * len(self.values) if _is_text(self) else self.values.nbytes
        return KEY_BYTES * self.times.size + own


@dataclass(slots=True)
class _Pile:
    """Values of one field for one slice: single pieces, and before them those that were joined."""

    joined: list[FieldValues] = field(default_factory=list)
    loose: list[FieldValues] = field(default_factory=list)

    def whole(self) -> FieldValues:
        return _joined([*self.joined, *self.loose])


def _is_text(values: FieldValues) -> bool:
    return isinstance(values.values, pa.Array)


class Slices:
    """Values on their way.

    Args:
        cuts: the first times of all slices but the first, rising.
        types: of the fields.
        folder: for the file.

    Attributes:
        size_bytes: of all values that were added.
    """

    def __init__(self, cuts: Times, types: Sequence[FieldType], folder: Path) -> None:
        self.size_bytes = 0
        self._cuts = cuts
        self._types = types
        self._folder = folder
        self._held: dict[tuple[int, int], _Pile] = defaultdict(_Pile)
        self._held_bytes = 0
        self._file: Any = None
        self._segments: dict[int, list[tuple[int, int, int]]] = defaultdict(list)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._held.clear()
        if self._file is not None:
            self._file.close()

    def add(self, number: int, found: FieldValues) -> None:
        """Take values of one key.

        Args:
            number: the field's.
            found: values of one series, in the order of time.

        Raises:
            SpoolError: the disk refuses.
        """
        if not found.times.size:
            return
        first, last = np.searchsorted(self._cuts, found.times[[0, -1]], side="right").tolist()
        ends = [*np.searchsorted(found.times, self._cuts[first:last]).tolist(), found.times.size]
        begin = 0
        for slice_number, end in enumerate(ends, first):
            if end > begin:
                part = slice(begin, end)
                self._hold(
                    (slice_number, number), FieldValues(found.series[part], found.times[part], found.values[part])
                )
            begin = end
        if self._held_bytes > IN_MEMORY_BYTES:
            self._write()

    def _hold(self, place: tuple[int, int], found: FieldValues) -> None:
        pile, size = self._held[place], found.size_bytes
        pile.loose.append(found)
        self.size_bytes += size
        self._held_bytes += size + _LOOSE_BYTES
        if len(pile.loose) == _LOOSE:
            pile.joined.append(_joined(pile.loose))
            pile.loose.clear()
            self._held_bytes -= _LOOSE_BYTES * (_LOOSE - 1)

    def _write(self) -> None:
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - closed at the end
            at = self._file.seek(0, 2)
            for (slice_number, number), pile in self._held.items():
                data = _as_bytes(pile.whole(), self._types[number])
                self._file.write(data)
                self._segments[slice_number].append((number, at, data.size))
                at += data.size
            self._file.flush()
        except OSError as error:
            raise SpoolError(
                f"cannot sort the rows in {str(self._folder)!r}: {error.strerror}; make room, or name another folder "
                "by --state-dir"
            ) from error
        self._held.clear()
        self._held_bytes = 0

    def slices(self) -> Iterator[dict[int, FieldValues]]:
        """The slices that hold anything, in the order of time: the values of each field that has any there.

        Raises:
            SpoolError: the disk refuses.
        """
        if self._file is not None:
            self._write()
        for slice_number in range(self._cuts.size + 1):
            found: dict[int, list[FieldValues]] = defaultdict(list)
            for number, at, size in self._segments.pop(slice_number, ()):
                self._file.seek(at)
                found[number].append(_of_bytes(self._file.read(size), self._types[number]))
            for number in range(len(self._types)):
                if pile := self._held.pop((slice_number, number), None):
                    found[number].append(pile.whole())
            joined = {number: _joined(parts) for number, parts in found.items() if parts}
            if joined:
                yield joined


def _joined(parts: Sequence[FieldValues]) -> FieldValues:
    if len(parts) == 1:
        return parts[0]
    values: Values
    if _is_text(parts[0]):
        values = pa.concat_arrays([each.values for each in parts])
    else:
        values = np.concatenate([each.values for each in parts])
    return FieldValues(
        np.concatenate([each.series for each in parts]), np.concatenate([each.times for each in parts]), values
    )


def _schema(kind: FieldType) -> pa.Schema:
    return pa.schema([("series", pa.uint32()), ("time", pa.int64()), ("value", _TYPES[kind])])


def _as_bytes(found: FieldValues, kind: FieldType) -> pa.Buffer:
    arrays = [pa.array(found.series), pa.array(found.times), pa.array(found.values, type=_TYPES[kind])]
    return pa.RecordBatch.from_arrays(arrays, schema=_schema(kind)).serialize()


def _of_bytes(data: bytes, kind: FieldType) -> FieldValues:
    batch = pa.ipc.read_record_batch(pa.py_buffer(data), _schema(kind))
    series, times, values = batch.columns
    plain = values if kind == "string" else values.to_numpy(zero_copy_only=False)
    return FieldValues(series.to_numpy(), times.to_numpy(), plain)
