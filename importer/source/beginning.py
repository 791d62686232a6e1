"""Where a source's rows begin, and which columns they have, whatever kind of source it is.

Goes in: a :class:`~importer.source.open.Stream`. Comes out: :class:`~importer.source.header.Header`.
"""

from __future__ import annotations

import csv
import io

from importer.errors import ConfigurationError, SourceError
from importer.source.bounds import Bounds
from importer.source.header import Head, Header, read_header
from importer.source.json_lines import keys_of
from importer.source.kinds import NOT_BY_LINES
from importer.source.open import Stream
from importer.source.taken import Taken

__all__ = ["begin"]

JSON_BYTES = 1 << 20
"""Of JSON Lines: the keys in so much text are the columns, until others are asked for."""


def begin(stream: Stream, delimiter: str, bounds: Bounds, head: Head) -> Header:
    """Read what stands before the rows.

    Args:
        stream: just opened.
        delimiter: between cells of CSV.
        bounds: how many columns there may be.
        head: what is to be done with the lines before the rows of CSV.

    Raises:
        SourceError: nothing stands there that could name columns, or too many are named.
        ConfigurationError: lines are to be left out of what is no CSV.
        MappingError: annotations cannot be used.
    """
    if stream.kind == "csv":
        return read_header(stream, delimiter, bounds, head)
    name = stream.source.name
    if head != Head():
        raise ConfigurationError(f"{name!r} is no CSV: header lines are neither given to it nor skipped")
    if stream.kind == "json":
        header = _of_json(stream, bounds)
    else:
        line = io.StringIO()
        csv.writer(line, delimiter=delimiter, lineterminator="\n").writerow(stream.columns)
        # Lines and offsets are those of the CSV that the rows are written as, header included.
        header = Header(stream.columns, b"", len(line.getvalue().encode(errors="surrogateescape")), 2, delimiter)
    if len(header.columns) > bounds.max_columns:
        raise SourceError(
            f"{name!r} has more than {bounds.max_columns:,} columns; "
            "if they are meant to be, allow more by --max-columns"
        )
    if any("\r" in column for column in header.columns):
        raise SourceError(f"{name!r} has a column with a carriage return in its name: give it another one")
    return header


def _of_json(stream: Stream, bounds: Bounds) -> Header:
    # So much and no more, however much comes at once: which columns there are must not depend on how a pipe is filled.
    name, taken, wanted = stream.source.name, Taken(stream, b""), JSON_BYTES
    text = taken.at_least(wanted)
    while b"\n" not in text and not taken.ended and wanted < bounds.max_record_bytes:
        wanted = min(2 * wanted, bounds.max_record_bytes)
        text = taken.at_least(wanted)
    whole = text[: text.rfind(b"\n", 0, JSON_BYTES) + 1] or text.partition(b"\n")[0]
    columns = tuple(keys_of(whole))
    if not columns:
        if not text.strip():
            raise SourceError(f"{'standard input' if stream.source.path is None else repr(name)} is empty")
        advice = NOT_BY_LINES.format(filter=".", name=name)
        raise SourceError(f"{name!r}: none of its first lines is a record. {advice}")
    return Header(columns, text, stream.mark_bytes, 1)
