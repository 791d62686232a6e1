"""Texts of blocks: each behind its length, all of a block's pressed by snappy.

Goes in: the texts of many blocks, as Arrow arrays (any bytes, UTF-8 or not). Comes out: each block's bytes; and back.
The server's snappy finds other repetitions than Arrow's, so that its bytes differ; both read both. Source:
``batch_string.go`` of influxdb 2.7.12.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from importer.errors import SourceError
from importer.tsm.ragged import Counts
from importer.tsm.varint import read_uvarint, uvarints

__all__ = ["decode", "decoded_bytes", "encode", "lengths_of"]

_HEAD = b"\x10"
_LONGEST_OF_ONE_BYTE = 0x7F
"""Whose length is one byte."""

_MOST_PRESSED = 32
"""No snappy copy gives more bytes for one of its own; what claims to is not believed."""

# Not of pa.scalar: given something of Python's, pyarrow imports pandas where it is installed.
_NOTHING = pa.LargeBinaryArray.from_buffers(pa.large_binary(), 1, [None, pa.py_buffer(bytes(16)), pa.py_buffer(b"")])[0]


def lengths_of(texts: pa.LargeBinaryArray) -> Counts:
    """How many bytes each text has (int64)."""
    offsets = np.frombuffer(texts.buffers()[1], dtype=np.int64)[texts.offset : texts.offset + len(texts) + 1]
    found: Counts = np.diff(offsets)
    return found


def encode(texts: pa.LargeBinaryArray, lengths: Counts) -> list[bytes]:
    """The texts of many blocks as bytes.

    Args:
        texts: of all blocks, one behind the other; none is null.
        lengths: of the blocks (int64), in texts.

    Returns:
        as many as blocks.
    """
    if not len(texts):
        return []
    heads, sizes = uvarints(lengths_of(texts).view(np.uint64))
    offsets = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(sizes)])
    prefixes = pa.LargeBinaryArray.from_buffers(
        pa.large_binary(), len(texts), [None, pa.py_buffer(offsets), pa.py_buffer(heads)]
    )
    joined = pc.binary_join_element_wise(prefixes, texts, _NOTHING)
    _, ends, data = joined.buffers()
    bounds = np.frombuffer(ends, dtype=np.int64)[joined.offset : joined.offset + len(joined) + 1]
    stops = bounds[np.cumsum(lengths)].tolist()
    codec = pa.Codec("snappy")
    data = data or pa.py_buffer(b"")
    return [
        _HEAD + codec.compress(data.slice(start, stop - start), asbytes=True)
        for start, stop in zip([int(bounds[0]), *stops], stops, strict=False)
    ]


def decoded_bytes(data: bytes) -> int:
    """How many bytes a block's texts take, with their lengths.

    Raises:
        SourceError: these are none.
    """
    if data[:1] != _HEAD:
        raise SourceError("the texts of a block are damaged")
    size, _ = read_uvarint(data, 1)
    if size > _MOST_PRESSED * len(data):
        raise SourceError(f"the texts of a block claim to have {size} bytes")
    return size


def decode(data: bytes) -> pa.LargeBinaryArray:
    """A block's texts, as bytes.

    Raises:
        SourceError: these are none.
    """
    size = decoded_bytes(data)
    try:
        plain: bytes = pa.Codec("snappy").decompress(data[1:], decompressed_size=size, asbytes=True)
    except (OSError, ValueError) as error:
        raise SourceError("the texts of a block are damaged") from error
    texts: list[bytes] = []
    at = 0
    while at < len(plain):
        length, start = plain[at], at + 1
        if length > _LONGEST_OF_ONE_BYTE:
            length, start = read_uvarint(plain, at)
        at = start + length
        texts.append(plain[start:at])
    if at > len(plain):
        raise SourceError("the last text of a block is cut off")
    return pa.array(texts, type=pa.large_binary())
