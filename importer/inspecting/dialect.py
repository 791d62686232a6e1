"""How text is written: encoding, delimiter, ends of lines.

Goes in: sources. Comes out: :class:`Sniffed`. The encoding is checked over all of it (UTF-8 can be told from all
others), the rest is seen in its beginning.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from importer.errors import LoadInterruptedError, SourceError
from importer.inspecting.delimiters import FoundDelimiter, find_delimiter
from importer.inspecting.encodings import FoundEncoding, find_encoding, to_utf8
from importer.inspecting.records import Dialect
from importer.mapping.parts import CsvOptions
from importer.source.bounds import Bounds
from importer.source.compression import GZIP_MAGIC, ZSTD_MAGIC
from importer.source.kinds import Kind
from importer.source.open import Source, Stream, canonical_encoding

__all__ = ["Sniffed", "looks_like_data", "sniff_all"]

HEAD_BYTES = 1 << 18
_DATA = re.compile(r"\s*[+-]?[0-9][0-9.,:/ TZe+-]*\s*")

Newline = Literal["\n", "\r\n", "mixed"]

_JSON = FoundEncoding("utf-8")
"""What JSON is written in, whatever letters there are."""


@dataclass(frozen=True, slots=True)
class Sniffed:
    """How a source is written; ``decimal`` is found out later, by its columns.

    Attributes:
        found_delimiter: between cells.
        found_encoding: None of what is no text.
        byte_order_mark: whether the text begins with one.
        newline: how lines end.
        quote: the sign around cells.
        compression: ``gzip``, ``zstd`` or None.
        kind: what it is.
    """

    found_delimiter: FoundDelimiter = FoundDelimiter()  # noqa: RUF009 - frozen
    found_encoding: FoundEncoding | None = None
    byte_order_mark: bool = False
    newline: Newline = "\n"
    quote: str | None = None
    compression: str | None = None
    kind: Kind = "csv"

    @property
    def delimiter(self) -> str:
        """Between cells."""
        return self.found_delimiter.sign

    @property
    def encoding(self) -> str:
        """Its canonical name."""
        return "utf-8" if self.found_encoding is None else self.found_encoding.name

    @property
    def guess(self) -> str:
        """What one should know of an encoding that is not certain; empty of one that is."""
        return "" if self.found_encoding is None or self.found_encoding.is_certain else self.found_encoding.why

    def dialect(self, decimal: Literal[".", ","], *, header: bool) -> Dialect:
        """As the inspection shows it."""
        return Dialect(
            kind=self.kind,
            delimiter=self.delimiter if self.kind == "csv" else None,
            quote=self.quote,
            header=header,
            newline=self.newline if self.kind == "csv" else None,
            decimal=decimal,
            encoding=self.encoding if self.kind in {"csv", "json"} else None,
            byte_order_mark=self.byte_order_mark,
            encoding_is_certain=not self.guess,
            compression=self.compression,
            reasons=tuple(found.why for found in (self.found_encoding, self.found_delimiter) if found and found.why),
        )


def sniff_all(
    sources: Sequence[Source],
    given: Mapping[str, Any],
    *,
    whole: bool,
    bounds: Bounds = Bounds(),  # noqa: B008 - frozen
    scratch: Path | None = None,
    stop: threading.Event | None = None,
) -> Sniffed:
    """Find out how sources are written: all in the same way, as they are read by one mapping.

    Args:
        sources: such as can be read again.
        given: ``encoding``, ``delimiter`` and ``skip_header``, where the user says them.
        whole: check all of each for letters that are not UTF-8.
        bounds: what is too much.
        scratch: folder for what must be kept in a file.
        stop: when set, the reading ends.

    Returns:
        how the first is written, with the encoding and the delimiter of those that say them.

    Raises:
        SourceError: one cannot be read, or two are written in different ways; it names both.
        LoadInterruptedError: it was told to stop.
    """
    all_of_them: Sniffed | None = None
    encoding_of = delimiter_of = ""
    for source in sources:
        found = _sniff(source, given, whole=whole, bounds=bounds, scratch=scratch, stop=stop)
        if all_of_them is None:
            all_of_them, encoding_of, delimiter_of = found, source.name, source.name
            continue
        one, other = all_of_them.found_encoding, found.found_encoding
        if not whole and one is not None and other is not None and one.name != other.name:
            # What begins in ASCII may go on in any encoding: where that matters, all is read.
            return sniff_all(sources, given, whole=True, bounds=bounds, scratch=scratch, stop=stop)
        if one is not None and other is not None and not one.agrees_with(other):
            raise SourceError(
                f"{encoding_of!r} is written in {one.name}, but {source.name!r} in {other.name}: load them one after "
                "the other, or say --encoding if both are in the same"
            )
        if one is None or (one.is_ascii and other is not None):
            all_of_them, encoding_of = replace(all_of_them, found_encoding=other), source.name
        if all_of_them.found_delimiter.is_open:
            all_of_them, delimiter_of = replace(all_of_them, found_delimiter=found.found_delimiter), source.name
        elif not found.found_delimiter.is_open and found.delimiter != all_of_them.delimiter:
            raise SourceError(
                f"the cells of {delimiter_of!r} are parted by {all_of_them.delimiter!r}, but those of {source.name!r} "
                f"by {found.delimiter!r}: load them one after the other, or say --delimiter if both have the same"
            )
    return all_of_them or Sniffed()


def _sniff(
    source: Source,
    given: Mapping[str, Any],
    *,
    whole: bool,
    bounds: Bounds,
    scratch: Path | None,
    stop: threading.Event | None,
) -> Sniffed:
    # In Latin-1 each byte is a letter: so the bytes come through as they are, decompressed.
    with Stream(source, "iso8859-1", bounds=bounds, scratch=scratch, stop=stop) as stream:
        compression = _compression(source)
        if stream.kind != "csv":
            is_text = stream.kind == "json"
            return Sniffed(kind=stream.kind, compression=compression, found_encoding=_JSON if is_text else None)
        pieces = _raw(stream, stop or threading.Event())
        first = _head(pieces)
        is_all = whole or next(pieces, None) is None
        if given.get("encoding"):
            encoding = FoundEncoding(canonical_encoding(given["encoding"]), why="the encoding is as given")
        else:
            encoding = find_encoding(chain(first, pieces if whole else ()), source.name, is_all=is_all)
    text, mark = to_utf8(first[0], encoding.name)
    if given.get("delimiter") is not None:
        sign = CsvOptions.from_dict({"delimiter": given["delimiter"]}).delimiter
        delimiter = FoundDelimiter(sign, is_open=False)
    else:
        delimiter = find_delimiter(text, int(given.get("skip_header") or 0))
    return Sniffed(
        found_delimiter=delimiter,
        found_encoding=encoding,
        byte_order_mark=mark,
        newline=_newline(text),
        quote='"' if b'"' in text else None,
        compression=compression,
    )


def looks_like_data(header: tuple[str, ...], second: tuple[str, ...]) -> bool:
    """Whether a header is rather a row: no cell of it could name a column, and the next row is like it."""
    filled = [cell for cell in header if cell.strip()]
    return (
        bool(filled)
        and all(_DATA.fullmatch(cell) for cell in filled)
        and any(_DATA.fullmatch(cell) for cell in second)
        and not (len(header) > 1 and not _DATA.fullmatch(header[0]))
    )


def _raw(stream: Stream, stop: threading.Event) -> Iterator[bytes]:
    while piece := stream.read():
        if stop.is_set():
            raise LoadInterruptedError("interrupted while the data was looked at: nothing was written")
        yield piece.decode().encode("iso8859-1")


def _head(pieces: Iterator[bytes]) -> list[bytes]:
    """The beginning, and what was read beyond it."""
    read = b""
    for piece in pieces:
        read += piece
        if len(read) >= HEAD_BYTES:
            break
    return [read[:HEAD_BYTES], read[HEAD_BYTES:]]


def _compression(source: Source) -> str | None:
    if source.path is None:
        return None
    with source.path.open("rb") as file:
        magic = file.read(len(ZSTD_MAGIC))
    return "gzip" if magic.startswith(GZIP_MAGIC) else "zstd" if magic == ZSTD_MAGIC else None


def _newline(text: bytes) -> Newline:
    returns, lines = text.count(b"\r\n"), text.count(b"\n")
    if not returns:
        return "\n"
    return "\r\n" if returns == lines else "mixed"
