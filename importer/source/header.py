"""A source's first record, which names the columns.

Goes in: a :class:`~importer.source.open.Stream`. Comes out: :class:`Header`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from importer.errors import SourceError
from importer.source.bounds import Bounds
from importer.source.cells import UnclosedQuoteError, cells
from importer.source.cutting import first_record
from importer.source.open import Stream
from importer.source.places import source_length
from importer.source.taken import BARE_RETURNS, Taken, too_long

__all__ = ["Header", "read_header"]


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


def read_header(stream: Stream, delimiter: str, bounds: Bounds = Bounds()) -> Header:  # noqa: B008 - frozen
    """Read the first record, which names the columns.

    Raises:
        SourceError: the source is empty, or its first line is not a header, or one of too many columns.
    """
    name = stream.source.name
    taken = Taken(stream, b"")
    wanted = 1  # what a pipe gives first is enough, if it holds a line: no more is waited for
    while True:
        text = taken.at_least(wanted)
        head = text[: bounds.max_record_bytes]
        cut = first_record(head, delimiter)
        if cut.end or taken.ended or len(text) >= bounds.max_record_bytes:
            break
        wanted = min(2 * len(text), bounds.max_record_bytes)
    if not text:
        called = "standard input" if stream.source.path is None else repr(name)
        raise SourceError(f"{called} is empty: a header line with the column names is needed")
    if not cut.end:
        if not taken.ended or len(text) > len(head):
            raise SourceError(too_long(name, 1, head, bounds))
        text += b"\n"
        cut = replace(cut, end=len(text))
    record = text[: cut.end]
    columns = _names(record, delimiter, name, bounds)
    offset = stream.mark_bytes + source_length(record, stream.encoding)
    return Header(columns, text[cut.end :], offset, 1 + record.count(b"\n"))


def _names(record: bytes, delimiter: str, source: str, bounds: Bounds) -> tuple[str, ...]:
    try:
        found = cells(record, delimiter, most=bounds.max_columns + 1)
    except UnclosedQuoteError:
        raise SourceError(f"{source!r}: line 1: the header has a quote that is never closed") from None
    if len(found) > bounds.max_columns:
        raise SourceError(
            f"{source!r}: the header has more than {bounds.max_columns:,} columns; "
            "if they are meant to be, allow more by --max-columns"
        )
    if b"\0" in record:
        raise SourceError(f"{source!r} is no text: its first line holds NUL bytes (if it is UTF-16, say --encoding)")
    try:
        columns = tuple(cell.decode() for cell in found)
    except UnicodeDecodeError:
        raise SourceError(
            f"{source!r}: the header is not UTF-8: say --encoding NAME, such as latin-1 or cp1252"
        ) from None
    if not any(column.strip() for column in columns):
        raise SourceError(f"{source!r}: the first line is blank; it must name the columns")
    if any("\r" in column.replace("\r\n", "") for column in columns):
        raise SourceError(f"{source!r}: {BARE_RETURNS}")
    return columns
