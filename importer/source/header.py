"""What stands before a source's rows: lines that are skipped, annotations, and the record that names the columns.

Goes in: a :class:`~importer.source.open.Stream`. Comes out: :class:`Header`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from importer.annotated.annotations import RowKind, Tables, annotation_of, has_types
from importer.annotated.datatypes import LayoutError
from importer.errors import MappingError, SourceError
from importer.source.bounds import Bounds
from importer.source.cells import UnclosedQuoteError, cells, record_end
from importer.source.open import Stream
from importer.source.places import source_length
from importer.source.taken import BARE_RETURNS, Taken, too_long

__all__ = ["Head", "Header", "read_header", "row_kind", "with_place"]

_SEPARATOR = re.compile(rb"sep=([\x01-\x21\x23-\x7f])\r?\n")


@dataclass(frozen=True, slots=True)
class Head:
    """What is to be done with the lines before the rows.

    Attributes:
        lines: put before the source's own.
        skip_header: records of the source that are left out at its beginning.
        skip_rows: records behind the header that are left out.
    """

    lines: tuple[str, ...] = ()
    skip_header: int = 0
    skip_rows: int = 0


@dataclass(frozen=True, slots=True)
class Header:
    """What stands before the rows.

    Attributes:
        columns: the header's cells.
        rest: what was read of the text behind it.
        byte_offset: where the rows begin, in the decompressed source.
        first_line: line number of the first row.
        delimiter: between cells; another one than was asked for where the source itself says ``sep=;``.
        tables: of annotated CSV, what is known of the first table; None of other CSV.
        annotations: of a source that holds nothing but annotations: these, for the sources behind it.
    """

    columns: tuple[str, ...]
    rest: bytes
    byte_offset: int
    first_line: int
    delimiter: str = ","
    tables: Tables | None = field(default=None, compare=False)
    annotations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Record:
    """A record with its newline; ``line`` is None of one that is not the source's own."""

    text: bytes
    line: int | None


def read_header(
    stream: Stream,
    delimiter: str,
    bounds: Bounds = Bounds(),  # noqa: B008 - frozen
    head: Head = Head(),
) -> Header:
    """Read what stands before the rows.

    Raises:
        SourceError: the source is empty, or its first line is not a header, or one of too many columns.
        MappingError: annotations cannot be used.
    """
    name = stream.source.name
    records = _Records(stream, delimiter, bounds)
    if records.is_at_end():
        called = "standard input" if stream.source.path is None else repr(name)
        raise SourceError(f"{called} is empty: a header line with the column names is needed")
    for _ in range(head.skip_header):
        records.next()
    records.put_before([_Record(line.encode() + b"\n", None) for line in head.lines])
    _take_separator(records)
    tables = Tables(bounds.max_columns)
    annotations = _annotations(records, tables, name, bounds) if _are_annotations_ahead(records) else None
    record = records.next()
    if record is None and annotations is None:
        raise SourceError(f"{name!r} has no header behind the {head.skip_header:,} records that are skipped")
    columns: tuple[str, ...] = ()
    if record is not None:
        columns = _names(record, records.delimiter, name, bounds)
        if annotations is not None or has_types(columns):
            with_place(lambda: tables.head(columns), partial(_place, name, record))
    for _ in range(head.skip_rows):
        records.next()
    rest = records.rest()
    return Header(
        columns,
        rest,
        records.offset,
        records.line,
        records.delimiter,
        tables=tables if annotations is not None or tables.layout is not None else None,
        annotations=tuple(annotations or ()) if record is None else (),
    )


def with_place(do: Callable[[], None], place: Callable[[], str]) -> None:
    """Do something with an annotation or a header; where it is wrong, say where it stands.

    Raises:
        MappingError: it is wrong.
    """
    try:
        do()
    except LayoutError as error:
        raise MappingError(f"{place()}: {error}") from None


def _take_separator(records: _Records) -> None:
    record = records.next()
    match = _SEPARATOR.fullmatch(record.text) if record is not None else None
    if match is not None:
        records.delimiter = match.group(1).decode()
    elif record is not None:
        records.put_before([record])


def _are_annotations_ahead(records: _Records) -> bool:
    """Whether an annotation comes before the header; nothing but comments and blank lines may stand before it."""
    seen = []
    kind = None
    while kind != "annotation" and (record := records.next()) is not None:
        seen.append(record)
        kind = row_kind(record.text, records.delimiter)
        if kind is None and record.text.strip():
            break
    records.put_before(seen)
    return kind == "annotation"


def _annotations(records: _Records, tables: Tables, name: str, bounds: Bounds) -> list[str]:
    """Take the annotations up to the header; their texts."""
    texts = []
    while (record := records.next()) is not None:
        kind = row_kind(record.text, records.delimiter)
        if kind == "annotation":
            found = _cells(record, records.delimiter, name, bounds)
            with_place(partial(tables.annotate, found), partial(_place, name, record))
            texts.append(record.text.decode().rstrip("\r\n"))
        elif kind is None and record.text.strip():
            records.put_before([record])
            break
    return texts


def row_kind(record: bytes, delimiter: str) -> RowKind | None:
    """What a record is by its first cell; None: neither an annotation nor a comment."""
    if not record.startswith((b"#", b'"#')):
        return None
    try:
        first = cells(record, delimiter, most=1)[0].decode(errors="replace")
    except UnclosedQuoteError:
        return None
    return annotation_of(first)


def _place(name: str, record: _Record) -> str:
    if record.line is None:
        return f"--header {record.text.decode().rstrip()!r}"
    return f"{name!r}, line {record.line:,}"


class _Records:
    """The records of a source, one at a time.

    Attributes:
        delimiter: between cells.
        offset: of the next record, in the decompressed source.
        line: of the next record.
    """

    def __init__(self, stream: Stream, delimiter: str, bounds: Bounds) -> None:
        self.delimiter = delimiter
        self.offset, self.line = stream.mark_bytes, 1
        self._encoding, self._name, self._bounds = stream.encoding, stream.source.name, bounds
        self._taken = Taken(stream, b"")
        self._text = self._taken.at_least(1)  # what a pipe gives first is enough, if it holds a line
        self._at = 0
        self._before: list[_Record] = []

    def is_at_end(self) -> bool:
        """Whether there is no record any more."""
        return not self._before and self._taken.ended and self._at >= len(self._text)

    def put_before(self, records: list[_Record]) -> None:
        """Give these next."""
        for record in records:
            if record.line is not None:
                self.offset -= source_length(record.text, self._encoding)
                self.line -= record.text.count(b"\n")
        self._before[:0] = records

    def next(self) -> _Record | None:
        """The next record; None at the end."""
        record = self._before.pop(0) if self._before else self._own()
        if record is not None and record.line is not None:
            self.offset += source_length(record.text, self._encoding)
            self.line += record.text.count(b"\n")
        return record

    def rest(self) -> bytes:
        """What was read and not given."""
        self._taken.drop(self._at)
        self._text, self._at = b"", 0
        return b"".join(record.text for record in self._before) + self._taken.at_least(0)

    def _own(self) -> _Record | None:
        most = self._bounds.max_record_bytes
        while True:
            end = record_end(self._text, self._at, self.delimiter)
            size = (end or len(self._text)) - self._at
            if size > most or (size == most and not end):
                raise SourceError(too_long(self._name, self.line, self._text[self._at : self._at + most], self._bounds))
            if end:
                text = self._text[self._at : end]
                self._at = end
                return _Record(text, self.line)
            if self._taken.ended:
                text, self._at = self._text[self._at :], len(self._text)
                return _Record(text + b"\n", self.line) if text else None
            self._taken.drop(self._at)
            self._text, self._at = self._taken.at_least(min(max(1, 2 * size), most)), 0


def _cells(record: _Record, delimiter: str, source: str, bounds: Bounds) -> tuple[str, ...]:
    where = f"line {record.line:,}: the header" if record.line is not None else "the header that was given"
    try:
        found = cells(record.text, delimiter, most=bounds.max_columns + 1)
    except UnclosedQuoteError:
        raise SourceError(f"{source!r}: {where} has a quote that is never closed") from None
    if len(found) > bounds.max_columns:
        raise SourceError(
            f"{source!r}: the header has more than {bounds.max_columns:,} columns; "
            "if they are meant to be, allow more by --max-columns"
        )
    if b"\0" in record.text:
        raise SourceError(f"{source!r} is no text: its first line holds NUL bytes (if it is UTF-16, say --encoding)")
    try:
        return tuple(cell.decode() for cell in found)
    except UnicodeDecodeError:
        raise SourceError(
            f"{source!r}: the header is not UTF-8: say --encoding NAME, such as latin-1 or cp1252"
        ) from None


def _names(record: _Record, delimiter: str, source: str, bounds: Bounds) -> tuple[str, ...]:
    columns = _cells(record, delimiter, source, bounds)
    if not any(column.strip() for column in columns):
        raise SourceError(f"{source!r}: the first line is blank; it must name the columns")
    if any("\r" in column.replace("\r\n", "") for column in columns):
        raise SourceError(f"{source!r}: {BARE_RETURNS}")
    return columns
