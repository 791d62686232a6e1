"""In which encoding a text is written: UTF-8 can be told from all others, which are guessed from their letters.

Goes in: bytes. Comes out: :class:`FoundEncoding`.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

from importer.errors import SourceError
from importer.source.open import canonical_encoding

__all__ = ["FoundEncoding", "find_encoding", "to_utf8"]

LETTERS_BYTES = 1 << 16
"""Of lines with other than ASCII letters: so many are looked at to guess the encoding."""

_LIKELY = ("cp1252", "iso8859_15", "cp1250", "cp1251", "iso8859_2", "iso8859_7", "mac_roman", "cp850", "cp437",
           "shift_jis", "gb18030", "euc_kr", "big5")  # fmt: skip
_WESTERN = frozenset("ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜßàáâãäåæçèéêëìíîïñòóôõöøùúûüœŒµ")
_WESTERN_SIGNS = frozenset("€\u2019\u2018“”„\u2013—…°²³½¼«»§±·\u00b4¡¿\xa0")


@dataclass(frozen=True, slots=True)
class FoundEncoding:
    """The encoding of a text.

    Attributes:
        name: canonical.
        is_certain: False where it was guessed from the letters.
        is_ascii: all of it that was looked at is ASCII, and the same in nearly any encoding.
        why: in words; empty of plain UTF-8.
    """

    name: str
    is_certain: bool = True
    is_ascii: bool = False
    why: str = ""

    def agrees_with(self, other: FoundEncoding) -> bool:
        """Whether both texts can be read in the encoding of one of them."""
        if self.is_ascii != other.is_ascii:
            return not (other if self.is_ascii else self).name.startswith(("utf-16", "utf-32"))
        return self.name == other.name


def find_encoding(pieces: Iterable[bytes], name: str, *, is_all: bool) -> FoundEncoding:
    """Look at a text.

    Args:
        pieces: of it; the first tells a byte-order mark.
        name: of the source, for messages.
        is_all: the last piece is the end of the text.

    Raises:
        SourceError: it is of no encoding that could be found.
    """
    remaining = iter(pieces)
    first = next(remaining, b"")
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF32_LE, "utf-32"),
        (codecs.BOM_UTF32_BE, "utf-32"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if first.startswith(mark):
            return FoundEncoding(encoding, why=f"it begins with the byte-order mark of {encoding.upper()}")
    beginning = first[:1000]
    if len(beginning) > 1 and beginning.count(0) * 3 > len(beginning):
        order = "utf-16-be" if beginning[0] == 0 else "utf-16-le"
        return FoundEncoding(order, why="every other byte of it is 0, as in UTF-16")
    decoder, before, is_ascii = codecs.getincrementaldecoder("utf-8")(), b"", True
    for piece in chain([first], remaining):
        try:
            is_ascii = decoder.decode(piece).isascii() and is_ascii
        except UnicodeDecodeError:
            return _guessed(before + piece, name)
        before = (before + piece[-1000:])[-1000:]
    unfinished, _ = decoder.getstate()
    if unfinished and is_all and is_ascii:  # not the last letter of a text in UTF-8 that was cut off, but the only one
        return _guessed(before, name)
    return FoundEncoding("utf-8", is_ascii=is_ascii and not unfinished)


def _guessed(text: bytes, name: str) -> FoundEncoding:
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
    why = f"it is not UTF-8; by its letters it is {found} ({shown}): if that is wrong, say --encoding"
    return FoundEncoding(found, is_certain=False, why=why)


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


def to_utf8(first: bytes, encoding: str) -> tuple[bytes, bool]:
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
