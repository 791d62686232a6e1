"""The numbers of the format, and what a storage file cannot hold.

Source: ``tsdb/engine/tsm1`` of influxdb 2.7.12: ``writer.go``, ``encoding.go``, ``reader.go``, ``compact.go``.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from importer.errors import LoadError
from importer.records import FieldType

__all__ = [
    "BLOCK_TYPES",
    "ENTRY",
    "FIELD_TYPES",
    "FULL_BYTES",
    "HEADER",
    "MAX_ENTRIES",
    "MAX_FILE_BYTES",
    "MAX_INDEX_BYTES",
    "VALUES_PER_BLOCK",
    "Origin",
    "Times",
    "UnstorableError",
    "Values",
]

HEADER = bytes.fromhex("16d116d1 01")
"""Magic number and version."""

BLOCK_TYPES: dict[FieldType, int] = {"float": 0, "integer": 1, "boolean": 2, "string": 3, "unsigned": 4}
FIELD_TYPES: dict[int, FieldType] = {number: name for name, number in BLOCK_TYPES.items()}

VALUES_PER_BLOCK = 1_000
"""At most; the server's own blocks have as many, but for the last of a key."""

MAX_ENTRIES = 65_535
"""Blocks of a key in one file: their number has two bytes."""

MAX_INDEX_BYTES = (1 << 31) - 1
"""The server counts positions in the index in signed numbers of four bytes."""

MAX_FILE_BYTES = (1 << 32) - 1
"""The server counts a file's bytes in unsigned numbers of four bytes."""

FULL_BYTES = 2 << 30
"""Where the server's compactions end a file and begin another."""

ENTRY = np.dtype([("first", ">i8"), ("last", ">i8"), ("offset", ">i8"), ("size", ">u4")])
"""What the index says of a block: its first and its last time (ns), where it begins in the file, and its bytes."""

Origin = Literal["compaction", "snapshot"]
"""Whose choice of encodings: that of the server's compactions, or that of the first file that it makes of its memory.
They differ where many differences are 1, and where the first integer of a block has more than 60 bits."""

Times = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64] | npt.NDArray[np.int64] | npt.NDArray[np.uint64] | npt.NDArray[np.bool_] | pa.Array


class UnstorableError(LoadError):
    """A storage file cannot hold this; nothing of it was written."""
