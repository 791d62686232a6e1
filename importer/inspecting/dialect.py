"""How a text is written: encoding, delimiter, ends of lines.

Goes in: a source. Comes out: :class:`Sniffed`. The encoding is checked over all of it (UTF-8 can be told from all
others), the rest is seen in its beginning.
"""

from __future__ import annotations

import codecs
import re
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, Literal

from importer.errors import LoadInterruptedError, SourceError
from importer.inspecting.records import Dialect
from importer.mapping.parts import CsvOptions
from importer.source.bounds import Bounds
from importer.source.cells import UnclosedQuoteError, careful_ends, cells
from importer.source.compression import GZIP_MAGIC, ZSTD_MAGIC
from importer.source.open import Source, Stream, canonical_encoding

__all__ = ["Sniffed", "looks_like_data", "sniff"]

HEAD_BYTES = 1 << 18
RECORDS = 200
"""Of the beginning: enough to tell the delimiter."""

DELIMITERS = ",;\t|"
LETTERS_BYTES = 1 << 16
"""Of lines with other than ASCII letters: so many are looked at to guess the encoding."""

_LIKELY = ("cp1252", "iso8859_15", "cp1250", "cp1251", "iso8859_2", "iso8859_7", "mac_roman", "cp850", "cp437",
           "shift_jis", "gb18030", "euc_kr", "big5")  # fmt: skip
_WESTERN = frozenset("ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜßàáâãäåæçèéêëìíîïñòóôõöøùúûüœŒµ")
_WESTERN_SIGNS = frozenset("€\u2019\u2018“”„\u2013—…°²³½¼«»§±·\u00b4¡¿\xa0")
_SEPARATOR = re.compile(rb"sep=([\x01-\x21\x23-\x7f])\r?\n")
_DATA = re.compile(r"\s*[+-]?[0-9][0-9.,:/ TZe+-]*\s*")

Newline = Literal["\n", "\r\n", "mixed"]


@dataclass(frozen=True, slots=True)
class Sniffed:
    """How a source is written; ``decimal`` is found out later, by its columns."""

    delimiter: str
    encoding: str
    is_certain: bool = True
    byte_order_mark: bool = False
    newline: Newline = "\n"
    quote: str | None = None
    compression: str | None = None
    reasons: tuple[str, ...] = ()

    def dialect(self, decimal: Literal[".", ","], *, header: bool) -> Dialect:
        """As the inspection shows it."""
        return Dialect(
            delimiter=self.delimiter,
            quote=self.quote,
            header=header,
            newline=self.newline,
            decimal=decimal,
            encoding=self.encoding,
            byte_order_mark=self.byte_order_mark,
            encoding_is_certain=self.is_certain,
            compression=self.compression,
            reasons=self.reasons,
        )


def sniff(
    source: Source,
    given: Mapping[str, Any],
    *,
    whole: bool,
    bounds: Bounds = Bounds(),  # noqa: B008 - frozen
    scratch: Path | None = None,
    stop: threading.Event | None = None,
) -> Sniffed:
    """Find out how a source is written.

    Args:
        source: one that can be read again.
        given: ``encoding``, ``delimiter`` and ``skip_header``, where the user says them.
        whole: check all of it for letters that are not UTF-8.
        bounds: what is too much.
        scratch: folder for what must be kept in a file.
        stop: when set, the reading ends.

    Raises:
        SourceError: it cannot be read.
        LoadInterruptedError: it was told to stop.
    """
    # In Latin-1 each byte is a letter: so the bytes come through as they are, decompressed.
    with Stream(source, "iso8859-1", bounds=bounds, scratch=scratch, stop=stop) as stream:
        if stream.kind != "csv":
            return Sniffed(",", "utf-8", compression=_compression(source))
        pieces = _raw(stream, stop or threading.Event())
        first = _head(pieces)
        compression = _compression(source)
        if given.get("encoding"):
            encoding, is_certain, reasons = canonical_encoding(given["encoding"]), True, ["the encoding is as given"]
        else:
            rest = chain(first[1:], pieces) if whole else iter(first[1:])
            encoding, is_certain, reasons = _encoding(first[0], rest, source.name)
    text, mark = _decoded(first[0], encoding)
    delimiter = given.get("delimiter")
    if delimiter is not None:
        delimiter = CsvOptions.from_dict({"delimiter": delimiter}).delimiter
    else:
        delimiter, why = _delimiter(_without_first_lines(text, int(given.get("skip_header") or 0)))
        reasons.append(why)
    return Sniffed(
        delimiter=delimiter,
        encoding=encoding,
        is_certain=is_certain,
        byte_order_mark=mark,
        newline=_newline(text),
        quote='"' if b'"' in text else None,
        compression=compression,
        reasons=tuple(reasons),
    )


def _without_first_lines(text: bytes, count: int) -> bytes:
    for _ in range(count):
        text = text.partition(b"\n")[2]
    return text


def looks_like_data(header: tuple[str, ...], second: tuple[str, ...]) -> bool:
    """Whether a header is rather a row: no cell of it could name a column, and the next row is like it."""
    filled = [cell for cell in header if cell.strip()]
    return (
        bool(filled)
        and all(_DATA.fullmatch(cell) for cell in filled)
        and len(header) == len(second)
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


def _encoding(first: bytes, rest: Iterator[bytes], name: str) -> tuple[str, bool, list[str]]:
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF32_LE, "utf-32"),
        (codecs.BOM_UTF32_BE, "utf-32"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if first.startswith(mark):
            return encoding, True, [f"it begins with the byte-order mark of {encoding.upper()}"]
    beginning = first[:1000]
    if len(beginning) > 1 and beginning.count(0) * 3 > len(beginning):
        order = "utf-16-be" if beginning[0] == 0 else "utf-16-le"
        return order, True, ["every other byte of it is 0, as in UTF-16"]
    decoder, before = codecs.getincrementaldecoder("utf-8")(), b""
    for piece in chain([first], rest):
        try:
            decoder.decode(piece)
        except UnicodeDecodeError:
            return _guessed(before + piece, name)
        before = piece[-1000:]
    return "utf-8", True, []


def _guessed(text: bytes, name: str) -> tuple[str, bool, list[str]]:
    from charset_normalizer import from_bytes  # noqa: PLC0415 - few files are not UTF-8

    lines = [line for line in text.splitlines() if not line.isascii()]
    letters = b"\n".join(lines)[:LETTERS_BYTES]
    if _is_western(letters):
        encoding = "cp1252"
    else:
        best = from_bytes(letters, cp_isolation=list(_LIKELY)).best()
        encoding = "cp1252" if best is None else best.encoding
    try:
        words = [word for word in re.findall(r"\w+", letters.decode(encoding)) if not word.isascii()]
    except UnicodeDecodeError:
        raise SourceError(f"{name!r} is not UTF-8, nor of an encoding that could be found: say --encoding") from None
    found, shown = canonical_encoding(encoding), ", ".join(dict.fromkeys(words[:3]))
    return found, False, [f"it is not UTF-8; by its letters it is {found} ({shown}): if that is wrong, say --encoding"]


def _is_western(letters: bytes) -> bool:
    """Whether words are of Latin letters with accents, as in Western Europe, where text is read as cp1252."""
    try:
        text = letters.decode("cp1252")
    except UnicodeDecodeError:
        return False
    words = [word for word in re.findall(r"[^\W\d_]+", text) if not word.isascii()]
    signs = {sign for sign in text if not sign.isascii() and not sign.isalpha()}
    accented = sum(not sign.isascii() for word in words for sign in word)
    plain = sum(sign.isascii() for word in words for sign in word)
    usual = all(sign in _WESTERN for word in words for sign in word if not sign.isascii())
    return usual and signs <= _WESTERN_SIGNS and (accented <= plain or not words)


def _decoded(first: bytes, encoding: str) -> tuple[bytes, bool]:
    """The beginning in UTF-8, without its mark; whether there was one."""
    if encoding == "utf-8":
        mark = first.startswith(codecs.BOM_UTF8)
        return first[len(codecs.BOM_UTF8) :] if mark else first, mark
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(first)
    except UnicodeError:
        return first, False
    mark = first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE))
    return text.removeprefix("\ufeff").encode(), mark


def _delimiter(text: bytes) -> tuple[str, str]:
    """The sign that cuts the first records into as many cells as the header, and into most of them."""
    said = _SEPARATOR.match(text)
    if said is not None:
        return said.group(1).decode(), "the first line says which delimiter"
    best, best_score, cut = ",", (0.0, 0), 1
    for delimiter in DELIMITERS:
        counts = _cells_by_record(text, delimiter)
        if not counts or counts[0] < 2:  # noqa: PLR2004 - nothing is delimited
            continue
        same = sum(count == counts[0] for count in counts) / len(counts)
        score = (round(same, 1), counts[0])
        if score > best_score:
            best, best_score, cut = delimiter, score, counts[0]
    shown = {"\t": "tab"}.get(best, best)
    if cut == 1:
        return best, "no delimiter was seen: there is one column"
    return best, f"{shown!r} cuts the first lines into {cut} cells each"


def _cells_by_record(text: bytes, delimiter: str) -> list[int]:
    if not text.endswith(b"\n"):
        text += b"\n"
    counts, start = [], 0
    for end in islice(careful_ends(text, delimiter), RECORDS):
        record = text[start:end]
        start = end
        if not record.strip():
            continue
        try:
            counts.append(len(cells(record, delimiter)))
        except UnclosedQuoteError:
            break
    usual = Counter(counts[1:]).most_common(1)
    return counts if usual else counts[:1]


def _newline(text: bytes) -> Newline:
    returns, lines = text.count(b"\r\n"), text.count(b"\n")
    if not returns:
        return "\n"
    return "\r\n" if returns == lines else "mixed"
