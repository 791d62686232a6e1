"""What goes into a storage file: the values of one type under many keys, as columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pyarrow as pa

from importer.limits import MAX_STRING_BYTES, MAX_TIME_NS, MIN_TIME_NS
from importer.records import FieldType
from importer.tsm.keys import check_key
from importer.tsm.layout import VALUES_PER_BLOCK, Times, UnstorableError, Values
from importer.tsm.ragged import Counts, starts
from importer.tsm.strings import lengths_of

__all__ = ["Column"]

_DTYPES = {"float": np.float64, "integer": np.int64, "unsigned": np.uint64, "boolean": np.bool_}
_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Column:
    """Values of one type under one or many keys: those of the first key, then those of the second, and so on.

    Where several columns are about the same rows, let them share the very arrays `counts` and `times`: these are then
    encoded only once.

    Attributes:
        type: of all values.
        keys: as :func:`importer.tsm.keys.field_key` makes them, strictly rising by their bytes.
        counts: how many values each key has (int64), at least 1.
        times: of the values (int64, ns since 1970 UTC), strictly rising within each key.
        values: float64, int64, uint64 or bool; of strings an Arrow array of text or bytes, without nulls.

    Raises:
        UnstorableError: anything is otherwise, is NaN or infinite, or is out of what the server itself takes.
    """

    type: FieldType
    keys: Sequence[bytes] = field(repr=False)
    counts: Counts = field(repr=False)
    times: Times = field(repr=False)
    values: Values = field(repr=False)

    def __post_init__(self) -> None:
        if self.type == "string":
            object.__setattr__(self, "values", _as_bytes(self.values))
        self._check_shape()
        self._check_keys()
        self._check_times()
        self._check_values()

    def _check_shape(self) -> None:
        expected = _DTYPES.get(self.type)
        if self.counts.dtype != np.int64 or self.times.dtype != np.int64:
            raise UnstorableError("counts and times have to be whole numbers of 64 bits with a sign")
        if expected is not None and (not isinstance(self.values, np.ndarray) or self.values.dtype != expected):
            raise UnstorableError(f"the values of a column of type {self.type} have to be an array of {expected}")
        if not len(self.keys) == self.counts.size or not self.times.size == len(self.values) == self.counts.sum():
            raise UnstorableError(
                f"{len(self.keys)} keys, {self.counts.size} counts of {int(self.counts.sum())} values in all, "
                f"{self.times.size} times and {len(self.values)} values do not fit each other"
            )
        if self.counts.size and int(self.counts.min()) < 1:
            raise UnstorableError(f"a key without a value: {self._key(int(self.counts.argmin()))}")

    def _check_keys(self) -> None:
        for key in self.keys:
            check_key(key)
        for one, other in pairwise(self.keys):
            if one >= other:
                raise UnstorableError(f"keys have to rise: {other[:_SHOWN]!r} stands behind {one[:_SHOWN]!r}")

    def _check_times(self) -> None:
        if not self.times.size:
            return
        if int(self.times.min()) < MIN_TIME_NS or int(self.times.max()) > MAX_TIME_NS:
            raise UnstorableError(f"times lie from {MIN_TIME_NS} to {MAX_TIME_NS} ns since 1970")
        falling = self.times[1:] <= self.times[:-1]
        falling[starts(self.counts)[1:] - 1] = False
        if falling.any():
            at = int(np.flatnonzero(falling)[0]) + 1
            raise UnstorableError(f"times have to rise within a key: {self._key_at(at)}, {self.times[at]} ns")

    def _check_values(self) -> None:
        if self.type == "float" and not np.isfinite(self.values).all():
            at = int(np.flatnonzero(~np.isfinite(self.values))[0])
            raise UnstorableError(f"{self.values[at]} cannot be stored: {self._key_at(at)}, {self.times[at]} ns")
        if self.type == "string":
            if self.values.null_count:
                raise UnstorableError("a text that is null cannot be stored")
            if self.times.size and int(lengths_of(self.values).max()) > MAX_STRING_BYTES:
                at = int(lengths_of(self.values).argmax())
                raise UnstorableError(f"a text of more than {MAX_STRING_BYTES:,} bytes: {self._key_at(at)}")

    def _key_at(self, value: int) -> str:
        return self._key(int(np.searchsorted(np.cumsum(self.counts), value, side="right")))

    def _key(self, number: int) -> str:
        return f"key {self.keys[number][:_SHOWN]!r}"

    def block_lengths(self) -> tuple[Counts, Counts]:
        """How many blocks each key has, and how many values each block; the last of a key has what is left."""
        blocks = (self.counts + VALUES_PER_BLOCK - 1) // VALUES_PER_BLOCK
        lengths = np.full(int(blocks.sum()), VALUES_PER_BLOCK, dtype=np.int64)
        lengths[np.cumsum(blocks) - 1] = self.counts - (blocks - 1) * VALUES_PER_BLOCK
        return blocks, lengths


def _as_bytes(texts: Values) -> pa.LargeBinaryArray:
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks()
    if not isinstance(texts, pa.Array):
        raise UnstorableError("texts have to be an array of Arrow's")
    try:
        return texts.cast(pa.large_binary())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise UnstorableError(f"an array of {texts.type} is none of texts") from error
