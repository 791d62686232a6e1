"""Where records stand: in their block, and in the user's file."""

from __future__ import annotations

import codecs
from collections import Counter

import numpy as np
import numpy.typing as npt

from importer.records import Block, Fault, Reject
from importer.source.cells import careful_ends

__all__ = [
    "NEWLINE",
    "QUOTE",
    "RETURN",
    "Places",
    "locate",
    "newlines",
    "outside_quotes",
    "record_starts",
    "source_length",
]

QUOTE, NEWLINE, RETURN = b'"\n\r'

Places = npt.NDArray[np.int64]
"""Offsets, rising."""

RAW_BYTES = 64 << 10
"""Of a record's text in its rejects, all of them together: a rejects file of junk stays small."""

RAW_LEAST_BYTES = 200
"""In each of them, however many there are."""

MESSAGE_CHARACTERS = 1_000
"""Some messages quote a cell, which may be as long as a record."""


def record_starts(block: Block) -> npt.NDArray[np.int64]:
    """Offsets in ``block.data`` at which the records start, and the end of the last: records + 1 values."""
    if block.quoting == "stray":
        ends = list(careful_ends(block.data, block.delimiter))
        if len(ends) < block.records:
            ends.append(len(block.data))
        return np.array([0, *ends], dtype=np.int64)
    ends_array = newlines(block.data, quoted=block.quoting == "regular") + 1
    return np.concatenate(([0], ends_array)).astype(np.int64)


def locate(block: Block, faults: tuple[Fault, ...]) -> list[Reject]:
    """Turn positions in a block into places in the user's file.

    Args:
        block: the block.
        faults: what is wrong with records of it.

    Returns:
        one reject per fault, in the order of the file.
    """
    if not faults:
        return []
    starts = record_starts(block)
    by_record = Counter(fault.record for fault in faults)
    rejects = []
    reached, passed, line, byte_offset = 0, 0, block.first_line, block.byte_offset
    for fault in sorted(faults, key=lambda fault: fault.record):
        start, end = int(starts[fault.record]), int(starts[fault.record + 1])
        # Counted on from the fault before: a block may be nothing but faults.
        rows = fault.record - passed if block.kind == "rows" else block.data.count(b"\n", reached, start)
        line, passed = line + rows, fault.record
        byte_offset += source_length(block.data[reached:start], block.encoding)
        reached = start
        rejects.append(
            Reject(
                source=block.source,
                line=line,
                byte_offset=byte_offset,
                column=fault.column,
                error_type=fault.error_type,
                error_message=_shortened(fault.message),
                raw=_raw(block.data, start, end, max(RAW_LEAST_BYTES, RAW_BYTES // by_record[fault.record])),
            )
        )
    return rejects


def _raw(data: bytes, start: int, end: int, most_bytes: int) -> str:
    if end - start <= most_bytes:
        return data[start:end].decode(errors="backslashreplace").rstrip("\r\n")
    # A character that is cut in two is left out, and is not shown as broken bytes.
    text = codecs.getincrementaldecoder("utf-8")("backslashreplace").decode(data[start : start + most_bytes])
    return f"{text}… (cut: {end - start:,} bytes)"


def _shortened(message: str) -> str:
    if len(message) <= MESSAGE_CHARACTERS:
        return message
    return f"{message[:MESSAGE_CHARACTERS]}… (cut: {len(message):,} characters)"


def newlines(text: bytes, *, quoted: bool) -> Places:
    """Offsets of the newlines that end records."""
    octets = np.frombuffer(text, dtype=np.uint8)
    lines = np.flatnonzero(octets == NEWLINE)
    return outside_quotes(lines, np.flatnonzero(octets == QUOTE)) if quoted else lines


def outside_quotes(lines: Places, quotes: Places) -> Places:
    """The newlines before which an even number of quotes stands."""
    outside: Places = lines[np.searchsorted(quotes, lines) % 2 == 0]
    return outside


def source_length(text: bytes, encoding: str) -> int:
    """Bytes that a piece of UTF-8 text takes in the source's own encoding."""
    if encoding == "utf-8" or (text.isascii() and encoding in _ASCII_ALIKE):
        return len(text)
    return len(text.decode().encode(encoding))


_ASCII_ALIKE = frozenset({"ascii", "iso8859-1", "iso8859-15", "cp1252", "cp1250", "cp1251", "cp437", "cp850"})
