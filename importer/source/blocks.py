"""Cut a stream of CSV text into blocks of whole records (RFC 4180: a quoted cell may hold newlines).

Goes in: a :class:`~importer.source.open.Stream`. Comes out: :class:`~importer.records.Block`.

The cut is found in columns: a newline ends a record where an even number of quotes stands before it.
That is right as long as every quote delimits a cell; where one does not (``5" pipe``), the block is
marked as ``stray`` and read by :mod:`importer.source.cells`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt

from importer.errors import SourceError
from importer.records import Block, Quoting
from importer.source.cells import careful_ends, cells
from importer.source.open import Stream
from importer.source.places import NEWLINE, QUOTE, RETURN, newlines, source_length

__all__ = ["BLOCK_BYTES", "Cut", "Header", "blocks", "cut_records", "read_header"]

BLOCK_BYTES = 4 << 20
"""Text per block: some 30,000 rows of 140 bytes. The server takes larger batches hardly faster; memory grows."""

MAX_RECORD_BYTES = 64 << 20
"""A longer record is taken for an unclosed quote."""


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
        name = "standard input" if stream.source.path is None else repr(stream.source.name)
        raise SourceError(f"{name} is empty: a header line with the column names is needed")
    while (cut := cut_records(text, delimiter, first_only=True)).end == 0:
        if len(text) > MAX_RECORD_BYTES:
            raise SourceError(_too_long(stream.source.name, 1))
        more = stream.read()
        if not more:
            text += b"\n"
            cut = cut_records(text, delimiter, first_only=True)
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
    offset = stream.mark_bytes + source_length(record, stream.encoding)
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
        cut = cut_records(head, delimiter, limit=limit)
        if cut.end == 0 and is_last and head:
            cut = Cut(len(head), 1, "stray")  # an unclosed quote: the table says so of the record
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
        offset += source_length(data, stream.encoding)
        line += data.count(b"\n")
        number += 1
        if limit is not None:
            limit -= cut.records
        rest = text[cut.end :]
        pieces, size, wanted = [rest], len(rest), block_bytes
        if ended and not rest:
            return


@dataclass(frozen=True, slots=True)
class Cut:
    """Where the last whole record of a text ends (0: nowhere), how many there are, and what its quotes do."""

    end: int
    records: int
    quoting: Quoting


def cut_records(text: bytes, delimiter: str, *, first_only: bool = False, limit: int | None = None) -> Cut:
    """Where the last whole record (or the first, or the ``limit``-th) of a text ends; 0 if none does."""
    wanted = 1 if first_only else limit
    if b'"' not in text:
        ends = newlines(text, quoted=False) if wanted is not None else None
        if ends is None:
            return Cut(text.rfind(b"\n") + 1, text.count(b"\n"), "none")
        return _at(ends[:wanted] + 1, "none")
    if not _has_stray_quote(text, delimiter):
        ends = newlines(text, quoted=True)
        return _at(ends[:wanted] + 1, "regular")
    found = list(islice(careful_ends(text, delimiter), wanted))
    return _at(np.array(found, dtype=np.int64), "stray")


def _at(ends: npt.NDArray[np.int64], quoting: Quoting) -> Cut:
    return Cut(int(ends[-1]) if len(ends) else 0, len(ends), quoting)


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


def _too_long(name: str, line: int) -> str:
    return (
        f"{name!r}: the record that begins in line {line} is longer than {MAX_RECORD_BYTES >> 20} MiB; "
        "most likely a quote in it is never closed"
    )
