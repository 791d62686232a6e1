"""Cut a stream of CSV text into blocks of whole records (RFC 4180: a quoted cell may hold newlines).

Goes in: a :class:`~importer.source.open.Stream`. Comes out: :class:`~importer.records.Block`.

The cut is found in columns: a newline ends a record where an even number of quotes stands before it.
That is right as long as every quote delimits a cell; where one does not (``5" pipe``), the block is
marked as ``stray`` and read by :data:`RECORD`, cell by cell.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

import numpy as np
import numpy.typing as npt

from importer.errors import SourceError
from importer.records import Block, Fault, Quoting, Reject
from importer.source.open import Stream

__all__ = [
    "BLOCK_BYTES",
    "NEWLINE",
    "QUOTE",
    "Header",
    "UnclosedQuoteError",
    "blocks",
    "cells",
    "locate",
    "read_header",
    "record_starts",
]

BLOCK_BYTES = 4 << 20
"""Text per block: some 30,000 rows of 140 bytes. The server takes larger batches hardly faster; memory grows."""

MAX_RECORD_BYTES = 64 << 20
"""A longer record is taken for an unclosed quote."""

QUOTE, NEWLINE, RETURN = b'"\n\r'


class UnclosedQuoteError(ValueError):
    """A record's quoted cell has no end."""


@dataclass(frozen=True, slots=True)
class Header:
    """A source's first record.

    Attributes:
        columns: its cells.
        rest: what was read of the text behind it.
        byte_offset: where the rows begin, in the decompressed source.
        first_line: line number of the first row.
    """

    columns: tuple[str, ...]
    rest: bytes
    byte_offset: int
    first_line: int


def read_header(stream: Stream, delimiter: str) -> Header:
    """Read the first record, which names the columns.

    Raises:
        SourceError: the source is empty, or its first line is not a header.
    """
    text = stream.read()
    if not text:
        raise SourceError(f"{stream.source.name!r} is empty: a header line with the column names is needed")
    while (cut := _cut(text, delimiter, first_only=True)).end == 0:
        if len(text) > MAX_RECORD_BYTES:
            raise SourceError(_too_long(stream.source.name, 1))
        more = stream.read()
        if not more:
            text += b"\n"
            cut = _cut(text, delimiter, first_only=True)
            if cut.end == 0:
                raise SourceError(f"{stream.source.name!r}: the header has a quote that is never closed")
            break
        text += more
    record = text[: cut.end]
    try:
        columns = tuple(cell.decode() for cell in cells(record, delimiter))
    except UnicodeDecodeError:
        raise SourceError(
            f"{stream.source.name!r}: the header is not UTF-8: say --encoding NAME, such as latin-1 or cp1252"
        ) from None
    if not any(column.strip() for column in columns):
        raise SourceError(f"{stream.source.name!r}: the first line is blank; it must name the columns")
    if any("\r" in column.replace("\r\n", "") for column in columns):
        raise SourceError(f"{stream.source.name!r}: lines end with a bare CR; convert them to LF or CRLF")
    offset = stream.mark_bytes + _source_length(record, stream.encoding)
    return Header(columns, text[cut.end :], offset, 1 + record.count(b"\n"))


def blocks(
    stream: Stream,
    header: Header,
    *,
    delimiter: str = ",",
    first_number: int = 0,
    block_bytes: int = BLOCK_BYTES,
    limit: int | None = None,
) -> Iterator[Block]:
    """Cut what follows the header into blocks.

    Args:
        stream: open, its header read.
        header: what :func:`read_header` gave.
        delimiter: between cells.
        first_number: number of the first block.
        block_bytes: a block is no longer than this, unless a single record is.
        limit: stop after so many records.

    Raises:
        SourceError: as the stream does, and for a record longer than :data:`MAX_RECORD_BYTES`.
    """
    offset, line, number = header.byte_offset, header.first_line, first_number
    pieces, size, ended = [header.rest], len(header.rest), False
    wanted = block_bytes
    while limit is None or limit > 0:
        while size < wanted and not ended:
            piece = stream.read()
            ended = not piece
            pieces.append(piece)
            size += len(piece)
        text = b"".join(pieces)
        head, is_last = text[:wanted], ended and size <= wanted
        if is_last and head and not head.endswith(b"\n"):
            head += b"\n"
        cut = _cut(head, delimiter, limit=limit)
        if cut.end == 0 and is_last and head:
            cut = _Cut(len(head), 1, "stray")  # an unclosed quote: the table says so of the record
        if cut.end == 0:
            if is_last:
                return
            if len(head) > MAX_RECORD_BYTES:
                raise SourceError(_too_long(stream.source.name, line))
            pieces, wanted = [text], wanted + block_bytes
            continue
        data = head[: cut.end]
        yield Block(
            source=stream.source.name,
            number=number,
            byte_offset=offset,
            first_line=line,
            data=data,
            records=cut.records,
            quoting=cut.quoting,
            columns=header.columns,
            delimiter=delimiter,
            encoding=stream.encoding,
        )
        offset += _source_length(data, stream.encoding)
        line += data.count(b"\n")
        number += 1
        if limit is not None:
            limit -= cut.records
        rest = text[cut.end :]
        pieces, size, wanted = [rest], len(rest), block_bytes
        if ended and not rest:
            return


def record_starts(block: Block) -> npt.NDArray[np.int64]:
    """Offsets in ``block.data`` at which the records start, and the end of the last: records + 1 values."""
    if block.quoting == "stray":
        ends = list(_careful_ends(block.data, block.delimiter))
        if len(ends) < block.records:
            ends.append(len(block.data))
        return np.array([0, *ends], dtype=np.int64)
    ends_array = _newlines(block.data, quoted=block.quoting == "regular") + 1
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
    rejects = []
    reached, line, byte_offset = 0, block.first_line, block.byte_offset
    for fault in sorted(faults, key=lambda fault: fault.record):
        start, end = int(starts[fault.record]), int(starts[fault.record + 1])
        # Counted on from the fault before: a block may be nothing but faults.
        line += block.data.count(b"\n", reached, start)
        byte_offset += _source_length(block.data[reached:start], block.encoding)
        reached = start
        rejects.append(
            Reject(
                source=block.source,
                line=line,
                byte_offset=byte_offset,
                column=fault.column,
                error_type=fault.error_type,
                error_message=fault.message,
                raw=block.data[start:end].decode(errors="backslashreplace").rstrip("\r\n"),
            )
        )
    return rejects


def cells(record: bytes, delimiter: str) -> list[bytes]:
    """The cells of one record, read with care: only a quote at a cell's start opens a quoted cell.

    Raises:
        UnclosedQuoteError: a quoted cell has no end.
    """
    body = record[:-1] if record.endswith(b"\n") else record
    body = body.removesuffix(b"\r")
    found = []
    position = 0
    pattern = _cell_pattern(delimiter)
    while True:
        match = pattern.match(body, position)
        if match is None:
            raise UnclosedQuoteError
        quoted, tail, plain = match.groups()
        found.append(plain if quoted is None else quoted.replace(b'""', b'"') + tail)
        position = match.end()
        if position >= len(body):
            return found
        position += 1


@lru_cache(maxsize=8)
def _cell_pattern(delimiter: str) -> re.Pattern[bytes]:
    """One cell: quoted, with whatever follows the closing quote; or plain."""
    stop = re.escape(delimiter.encode())
    return re.compile(rb'"((?:[^"]++|"")*+)"([^' + stop + rb'\n]*+)|((?!")[^' + stop + rb"\n]*+)")


@lru_cache(maxsize=8)
def _record_pattern(delimiter: str) -> re.Pattern[bytes]:
    """One whole record with its newline."""
    stop = re.escape(delimiter.encode())
    cell = rb'(?:"(?:[^"]++|"")*+"[^' + stop + rb'\n]*+|(?!")[^' + stop + rb"\n]*+)"
    return re.compile(cell + rb"(?:" + stop + cell + rb")*+\n")


@dataclass(frozen=True, slots=True)
class _Cut:
    end: int
    records: int
    quoting: Quoting


def _cut(text: bytes, delimiter: str, *, first_only: bool = False, limit: int | None = None) -> _Cut:
    """Where the last whole record (or the first, or the ``limit``-th) of a text ends; 0 if none does."""
    wanted = 1 if first_only else limit
    if b'"' not in text:
        ends = _newlines(text, quoted=False) if wanted is not None else None
        if ends is None:
            return _Cut(text.rfind(b"\n") + 1, text.count(b"\n"), "none")
        return _at(ends[:wanted] + 1, "none")
    if not _has_stray_quote(text, delimiter):
        ends = _newlines(text, quoted=True)
        return _at(ends[:wanted] + 1, "regular")
    found = list(islice(_careful_ends(text, delimiter), wanted))
    return _at(np.array(found, dtype=np.int64), "stray")


def _careful_ends(text: bytes, delimiter: str) -> Iterator[int]:
    pattern = _record_pattern(delimiter)
    position = 0
    while match := pattern.match(text, position):
        position = match.end()
        yield position


def _at(ends: npt.NDArray[np.int64], quoting: Quoting) -> _Cut:
    return _Cut(int(ends[-1]) if len(ends) else 0, len(ends), quoting)


def _newlines(text: bytes, *, quoted: bool) -> npt.NDArray[np.int64]:
    """Offsets of the newlines that end records."""
    octets = np.frombuffer(text, dtype=np.uint8)
    newlines: npt.NDArray[np.int64] = np.flatnonzero(octets == NEWLINE)
    if not quoted:
        return newlines
    quotes_before = np.searchsorted(np.flatnonzero(octets == QUOTE), newlines)
    ends: npt.NDArray[np.int64] = newlines[quotes_before % 2 == 0]
    return ends


def _has_stray_quote(text: bytes, delimiter: str) -> bool:
    octets = np.frombuffer(text, dtype=np.uint8)
    quotes = np.flatnonzero(octets == QUOTE)
    opening, closing = quotes[0::2], quotes[1::2]
    before = octets[opening - 1]
    stop = ord(delimiter)
    opens = (before == stop) | (before == NEWLINE) | (before == QUOTE) | (opening == 0)
    inner = closing[closing < len(octets) - 1]
    after = octets[inner + 1]
    closes = (after == stop) | (after == NEWLINE) | (after == RETURN) | (after == QUOTE)
    return not (opens.all() and closes.all())


def _source_length(text: bytes, encoding: str) -> int:
    """Bytes that a piece of UTF-8 text takes in the source's own encoding."""
    if encoding == "utf-8" or (text.isascii() and encoding in _ASCII_ALIKE):
        return len(text)
    return len(text.decode().encode(encoding))


_ASCII_ALIKE = frozenset({"ascii", "iso8859-1", "iso8859-15", "cp1252", "cp1250", "cp1251", "cp437", "cp850"})


def _too_long(name: str, line: int) -> str:
    return (
        f"{name!r}: the record that begins in line {line} is longer than {MAX_RECORD_BYTES >> 20} MiB; "
        "most likely a quote in it is never closed"
    )
