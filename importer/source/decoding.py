"""From the source's own encoding to UTF-8.

Goes in: how a source begins, and its encoding. Comes out: a :class:`Decoding`.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable
from dataclasses import dataclass

from importer.errors import ConfigurationError, SourceError

__all__ = ["LONGEST_MARK", "Decoding", "canonical_encoding", "decoding"]

LONGEST_MARK = 4

_BYTE_ORDERS = {
    "utf-16": ((codecs.BOM_UTF16_LE, "-le"), (codecs.BOM_UTF16_BE, "-be")),
    "utf-32": ((codecs.BOM_UTF32_LE, "-le"), (codecs.BOM_UTF32_BE, "-be")),
}


def canonical_encoding(name: str) -> str:
    """The codec's own name for an encoding.

    Raises:
        ConfigurationError: there is no such text encoding.
    """
    try:
        codec = codecs.lookup(name)
        "".encode(name)
    except (LookupError, ValueError):
        raise ConfigurationError(f"unknown encoding {name!r}; examples: utf-8, utf-16, latin-1, cp1252") from None
    return codec.name.removesuffix("-sig")


@dataclass(frozen=True, slots=True)
class Decoding:
    """How a source's bytes become UTF-8.

    Attributes:
        encoding: in force; for UTF-16 with its byte order.
        mark_bytes: length of the byte-order mark, which is no text.
        decode: takes the next bytes, none at the end; raises SourceError.
    """

    encoding: str
    mark_bytes: int
    decode: Callable[[bytes], bytes]


def decoding(name: str, encoding: str, first: bytes) -> Decoding:
    """How to decode a source.

    Args:
        name: of the source.
        encoding: canonical name.
        first: its first bytes.

    Raises:
        SourceError: it is in another encoding.
    """
    if encoding == "utf-8":
        if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise SourceError(f"{name!r} is UTF-16: say --encoding utf-16")
        return Decoding(encoding, len(codecs.BOM_UTF8) if first.startswith(codecs.BOM_UTF8) else 0, lambda raw: raw)
    mark_bytes = 0
    family, _, given = encoding.rpartition("-")
    if f"-{given}" not in ("-le", "-be"):
        family, given = encoding, ""
    for mark, order in _BYTE_ORDERS.get(family, ()):
        if first.startswith(mark) and order.endswith(given):
            encoding = family + order
            mark_bytes = len(mark)
            break
    else:
        encoding += "-le" if encoding in _BYTE_ORDERS else ""
    decoder = codecs.getincrementaldecoder(encoding)()

    def decode(raw: bytes) -> bytes:
        try:
            return decoder.decode(raw, final=not raw).encode()
        except UnicodeError as error:
            raise SourceError(f"{name!r} is not {encoding} ({error}): say --encoding NAME") from error

    return Decoding(encoding, mark_bytes, decode)
