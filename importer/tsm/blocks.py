"""Blocks: a checksum, a type, the times, the values.

Goes in: times and values of one type. Comes out: blocks as they stand in the file; and back. Source: ``encoding.go``
(``packBlock``) and ``writer.go`` of influxdb 2.7.12.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from importer.errors import SourceError
from importer.records import FieldType
from importer.tsm import booleans, floats, integers, strings, times
from importer.tsm.layout import BLOCK_TYPES, FIELD_TYPES, Origin, Times, Values
from importer.tsm.ragged import Counts
from importer.tsm.varint import read_uvarint, uvarint

__all__ = ["Block", "decode", "decode_times", "encode_times", "encode_values", "join"]

CHECKSUM_BYTES = 4
VALUES_AT_ONCE = 1 << 17
"""Encoded together: fewer cost more calls, and more of them more page faults than that saves."""


@dataclass(frozen=True, slots=True)
class Block:
    """What a block holds.

    Attributes:
        type: of its values.
        times: int64, ns since 1970 UTC.
        values: as many; float64, int64, uint64, bool, or Arrow's LargeBinaryArray.
    """

    type: FieldType
    times: Times = field(repr=False)
    values: Values = field(repr=False)


def encode_times(all_times: Times, lengths: Counts, origin: Origin) -> list[bytes]:
    """The times of many blocks, encoded; see :func:`importer.tsm.times.encode`."""
    return [
        each
        for some, start, stop in _parts(lengths)
        for each in times.encode(all_times[start:stop], lengths[some], origin)
    ]


def encode_values(kind: FieldType, values: Values, lengths: Counts, origin: Origin) -> list[bytes]:
    """The values of many blocks, encoded.

    Args:
        kind: their type.
        values: of all blocks, one behind the other, as in :class:`Block`.
        lengths: of the blocks (int64), at least 1 each.
        origin: whose choice of encodings is made.

    Returns:
        as many as blocks.
    """
    found: list[bytes] = []
    for some, start, stop in _parts(lengths):
        part: Any = values[start:stop]
        if kind == "float":
            found += floats.encode(part, lengths[some])
        elif kind == "boolean":
            found += booleans.encode(part, lengths[some])
        elif kind == "string":
            found += strings.encode(part, lengths[some])
        else:
            found += integers.encode(part, lengths[some], origin)
    return found


def _parts(lengths: Counts) -> Iterator[tuple[slice, int, int]]:
    """Blocks that are encoded together, and the values that are theirs."""
    stops = np.cumsum(lengths)
    first = start = 0
    while first < lengths.size:
        last = max(int(np.searchsorted(stops, start + VALUES_AT_ONCE, side="right")), first + 1)
        stop = int(stops[last - 1])
        yield slice(first, last), start, stop
        first, start = last, stop


def join(kind: FieldType, block_times: list[bytes], block_values: list[bytes]) -> list[bytes]:
    """Blocks of encoded times and values, as many as these."""
    number = bytes([BLOCK_TYPES[kind]])
    bodies = [
        b"".join((number, uvarint(len(each)), each, values))
        for each, values in zip(block_times, block_values, strict=True)
    ]
    return [zlib.crc32(body).to_bytes(CHECKSUM_BYTES) + body for body in bodies]


def decode(block: bytes) -> Block:
    """Check a block, and read it.

    Raises:
        SourceError: it is damaged.
    """
    kind, encoded_times, values = _checked(block)
    found = Block(kind, times.decode(encoded_times), _DECODERS[kind](values))
    if found.times.size != len(found.values):
        raise SourceError(f"a block with {found.times.size} times and {len(found.values)} values")
    return found


def decode_times(block: bytes) -> tuple[Times, int]:
    """Check a block, and read its times alone, which is cheap; and how many bytes its values will take.

    Raises:
        SourceError: it is damaged.
    """
    kind, encoded_times, values = _checked(block)
    found = times.decode(encoded_times)
    return found, strings.decoded_bytes(values) if kind == "string" else found.nbytes


def _checked(block: bytes) -> tuple[FieldType, bytes, bytes]:
    """A block's type, and its times and values, encoded."""
    body = block[CHECKSUM_BYTES:]
    if len(block) <= CHECKSUM_BYTES or zlib.crc32(body).to_bytes(CHECKSUM_BYTES) != block[:CHECKSUM_BYTES]:
        raise SourceError("a block's checksum is wrong")
    kind = FIELD_TYPES.get(body[0])
    if kind is None:
        raise SourceError(f"a block of the unknown type {body[0]}")
    size, at = read_uvarint(body, 1)
    if size > len(body) - at:
        raise SourceError("a block's times are cut off")
    return kind, body[at : at + size], body[at + size :]


_DECODERS: dict[FieldType, Callable[[bytes], Values]] = {
    "float": floats.decode,
    "integer": integers.decode,
    "unsigned": integers.decode_unsigned,
    "boolean": booleans.decode,
    "string": strings.decode,
}
