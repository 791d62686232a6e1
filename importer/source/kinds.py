"""What a source is, told by how it begins: text, JSON Lines, or a file of typed columns.

Goes in: a name and the first bytes. Comes out: a word, or a SourceError for what is known and not read.
"""

from __future__ import annotations

import re
from typing import Literal

from importer.errors import SourceError

__all__ = ["LONGEST_START", "Kind", "kind_of"]

Kind = Literal["csv", "json", "parquet", "arrow", "arrow stream"]

LONGEST_START = 8
"""So many bytes are enough to tell."""

# What follows is no text: a header may well begin with PAR1, or with PARENT.
_STARTS: tuple[tuple[re.Pattern[bytes], Kind], ...] = (
    (re.compile(rb"PAR1[^\t\n\r\x20-\x7e]"), "parquet"),
    (re.compile(rb"ARROW1\0\0"), "arrow"),
    (re.compile(rb"\xff\xff\xff\xff"), "arrow stream"),
)
_NOT_READ = (
    (b"PARE\x15", "Parquet with an encrypted footer: write it again without encryption"),
    (b"FEA1\0", "Feather of version 1: write it again as version 2, which is Arrow's own format"),
    (b"Obj\x01", "Avro: write it as Parquet"),
    (b"SQLite f", "an SQLite database: write the table as CSV or Parquet"),
    (b"\x89HDF\r\n\x1a\n", "HDF5: write it as CSV or Parquet"),
    (b"\xd0\xcf\x11\xe0", "a workbook of Excel: save it as CSV"),
)
_JSON_NAME = re.compile(r"\.(jsonl|ndjson|jsonlines)(\.gz|\.gzip|\.zst|\.zstd)?$", re.IGNORECASE)
_JSON_START = re.compile(rb'\s*\{\s*("|\}|$)')
_ARRAY_START = re.compile(rb"\s*\[\s*(\{|$)")
_PLAIN_JSON_NAME = re.compile(r"\.json(\.gz|\.gzip|\.zst|\.zstd)?$", re.IGNORECASE)

NOT_BY_LINES = "JSON is read with one record per line. Try: jq -c {filter} {name} | importer load - ..."


def kind_of(first: bytes, name: str) -> Kind:
    """What a source is.

    Args:
        first: its first bytes, decompressed; the text of UTF-16 may be given as it is.
        name: of the source; a URL's query may follow it.

    Raises:
        SourceError: it is of a kind that is not read, with what to do about it.
    """
    for start, what in _NOT_READ:
        if first.startswith(start):
            raise SourceError(f"{name!r} is {what}")
    for pattern, kind in _STARTS:
        if pattern.match(first):
            return kind
    path = name.partition("?")[0]
    if _JSON_NAME.search(path):
        return "json"
    text = first.removeprefix(b"\xef\xbb\xbf")
    if _ARRAY_START.match(text) and (_PLAIN_JSON_NAME.search(path) or b"{" in text):
        raise SourceError(f"{name!r} is one JSON array: " + NOT_BY_LINES.format(filter="'.[]'", name=path))
    return "json" if _JSON_START.match(text) else "csv"
