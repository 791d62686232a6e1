"""Columns with types as text, from which the very same values are read again.

Goes in: Arrow arrays. Comes out: for each a polars column that CSV carries unchanged: numbers, booleans and decimals as
they are, everything else as text.

Floats get the fewest digits that give them back in their own width (a Float32 of 0.1 is ``0.1``), decimals all digits
of their scale, instants RFC 3339 with all digits of their unit, durations the number of their unit, lists and maps
JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as is_type

__all__ = ["Leaf", "column_of", "leaves_of", "refused"]

_DIGITS = {"s": "", "ms": "%.3f", "us": "%.6f", "ns": "%.9f"}


@dataclass(frozen=True, slots=True)
class Leaf:
    """A column of text that a file of typed columns gives; each field of a struct is one.

    Attributes:
        name: as a mapping names it; a struct's field is ``struct.field``.
        path: positions, from the file's own columns down into structs.
        type: of its values.
    """

    name: str
    path: tuple[int, ...]
    type: pa.DataType

    @property
    def time_format(self) -> str | None:
        """The format that its text is in, where its values are instants, local times or dates; else None."""
        kind = _plain_type(self.type)
        if is_type.is_timestamp(kind):
            return "rfc3339" if kind.tz is not None else "%Y-%m-%dT%H:%M:%S%.f"
        return "%Y-%m-%d" if is_type.is_date(kind) else None

    def of(self, batch: pa.RecordBatch) -> pa.Array:
        """Its values in a batch; null where a struct around them is."""
        array = batch.column(self.path[0])
        for position in self.path[1:]:
            array = pc.struct_field(_plain(array), [position])
        return array


def leaves_of(schema: pa.Schema) -> Iterator[Leaf]:
    """All columns of text that a file of this schema gives."""
    for position, field in enumerate(schema):
        yield from _leaves(field.name, (position,), field.type)


def _leaves(name: str, path: tuple[int, ...], kind: pa.DataType) -> Iterator[Leaf]:
    plain = _plain_type(kind)
    if not is_type.is_struct(plain):
        yield Leaf(name, path, kind)
        return
    for position in range(plain.num_fields):
        field = plain.field(position)
        yield from _leaves(f"{name}.{field.name}", (*path, position), field.type)


def refused(kind: pa.DataType) -> str | None:
    """Why values of a type have no text; None if they have one."""
    kind = _plain_type(kind)
    if kind == pa.binary_view() or any(
        is_bytes(kind) for is_bytes in (is_type.is_binary, is_type.is_large_binary, is_type.is_fixed_size_binary)
    ):
        return "bytes, which are no text"
    if kind == pa.month_day_nano_interval() or is_type.is_union(kind):
        return f"{kind}, which has no text"
    if is_type.is_nested(kind):
        inner = (refused(kind.field(position).type) for position in range(kind.num_fields))
        return next((f"holds {why}" for why in inner if why), None)
    return None


def column_of(array: pa.Array) -> pl.Series:  # noqa: PLR0911 - a line per type
    """The values as a polars column that CSV carries unchanged.

    Raises:
        pyarrow.ArrowException: a value is beyond what its type allows.
    """
    array = _plain(array)
    kind = array.type
    if is_type.is_null(kind):
        return pl.Series([None], dtype=pl.String).new_from_index(0, len(array))
    if is_type.is_timestamp(kind):
        return _instants(array)
    if is_type.is_date(kind):
        return _series(array.cast(pa.date32())).dt.to_string("%Y-%m-%d")
    if is_type.is_time(kind):
        return _series(array).dt.to_string("%H:%M:%S" + _DIGITS[kind.unit])
    if is_type.is_duration(kind):
        return _series(array.view(pa.int64()))
    if is_type.is_float16(kind):
        return _series(array.cast(pa.float32()))
    if is_type.is_decimal(kind) and not (is_type.is_decimal128(kind) and 0 <= kind.scale <= kind.precision):
        return _series(array.cast(pa.string()))
    if is_type.is_nested(kind):
        valid = pc.is_valid(array).to_pylist()
        texts = [text if there else None for text, there in zip(_json(array), valid, strict=True)]
        return pl.Series(texts, dtype=pl.String)
    return _series(array)


def _instants(array: pa.Array) -> pl.Series:
    unit, zone = array.type.unit, array.type.tz
    local = array.view(pa.timestamp(unit))  # a zone only says how to show an instant, which counts from 1970 UTC
    form = "%Y-%m-%dT%H:%M:%S" + _DIGITS[unit] + ("Z" if zone is not None else "")
    return _series(local.cast(pa.timestamp("ms")) if unit == "s" else local).dt.to_string(form)


def _series(array: pa.Array) -> pl.Series:
    found = pl.from_arrow(array)
    assert isinstance(found, pl.Series)  # noqa: S101 - of an array; a table would be a frame
    return found


def _plain_type(kind: pa.DataType) -> pa.DataType:
    """The type of the values themselves."""
    while True:
        if isinstance(kind, pa.BaseExtensionType):
            kind = kind.storage_type
        elif is_type.is_dictionary(kind) or is_type.is_run_end_encoded(kind):
            kind = kind.value_type
        else:
            return kind


def _plain(array: pa.Array) -> pa.Array:
    """The values themselves, of an array that is a dictionary, runs, or of a type of somebody's own."""
    while True:
        if isinstance(array, pa.ExtensionArray):
            array = array.storage
        elif is_type.is_dictionary(array.type):
            words = array.dictionary
            if words.type == pa.string_view():
                array = pa.DictionaryArray.from_arrays(array.indices, words.cast(pa.large_string()))
            array = array.dictionary_decode()
        elif is_type.is_run_end_encoded(array.type):
            array = pc.run_end_decode(array)
        else:
            return array


def _json(array: pa.Array) -> list[str]:
    """Each value as JSON; numbers with the digits that they have as cells."""
    array = _plain(array)
    kind = array.type
    if is_type.is_struct(kind):
        names = [json.dumps(kind.field(position).name, ensure_ascii=False) for position in range(kind.num_fields)]
        children = [_json(pc.struct_field(array, [position])) for position in range(kind.num_fields)]
        pairs = (", ".join(map("{}: {}".format, names, row)) for row in zip(*children, strict=True))
        found = [f"{{{text}}}" for text in pairs] if children else ["{}"] * len(array)
        return _with_nulls(found, array)
    if is_type.is_nested(kind):
        return _json_lists(array)
    column = column_of(array)
    texts = column.cast(pl.String).to_list()
    is_plain = column.dtype.is_numeric() or column.dtype == pl.Boolean
    if is_plain and column.dtype.is_float():
        finite = column.is_finite().fill_null(value=True).to_list()
        texts = [text if good else json.dumps(text) for text, good in zip(texts, finite, strict=True)]
    elif not is_plain:
        texts = [json.dumps(text, ensure_ascii=False) for text in texts]
    return _with_nulls(texts, array)


def _json_lists(array: pa.Array) -> list[str]:
    kind: Any = array.type
    if is_type.is_map(kind):
        entry = pa.struct([pa.field("key", kind.key_type), pa.field("value", kind.item_type)])
        array = array.cast(pa.list_(entry))
    elif not (is_type.is_list(kind) or is_type.is_large_list(kind)):
        array = array.cast(pa.large_list(kind.value_type))
    # By lengths, because a part of an array has all values of the whole beneath it.
    lengths = pc.fill_null(pc.list_value_length(array), 0).to_pylist()
    values = iter(_json(pc.list_flatten(array)))
    return _with_nulls([f"[{', '.join(islice(values, length))}]" for length in lengths], array)


def _with_nulls(texts: list[str], array: pa.Array) -> list[str]:
    if not array.null_count:
        return texts
    return [text if there else "null" for text, there in zip(texts, pc.is_valid(array).to_pylist(), strict=True)]
