"""Bytes that are to be text, as the server's own answers have them: each byte that is no UTF-8 becomes U+FFFD."""

from __future__ import annotations

import re
from dataclasses import dataclass

import polars as pl
import pyarrow as pa

from importer.tsm import parsed

__all__ = ["Series", "series_of", "text_of", "texts_of"]

# What Python makes of a byte that is no UTF-8 under "surrogateescape".
_ESCAPED = re.compile("[\udc80-\udcff]")


@dataclass(frozen=True, slots=True)
class Series:
    """What a series' key says.

    Attributes:
        measurement: its name.
        tags: by key.
        not_utf8: how many bytes of it were replaced.
    """

    measurement: str
    tags: dict[str, str]
    not_utf8: int


def text_of(data: bytes) -> tuple[str, int]:
    """The text, and how many bytes were replaced."""
    return _replaced(data.decode(errors="surrogateescape"))


def series_of(key: bytes) -> Series:
    """The series of a key of a storage file.

    Raises:
        SourceError: it is no such key.
    """
    found = parsed(key)
    measurement, replaced = _replaced(found.measurement)
    tags: dict[str, str] = {}
    for tag, value in found.tags:
        (tag_text, in_key), (value_text, in_value) = _replaced(tag), _replaced(value)
        tags[tag_text] = value_text
        replaced += in_key + in_value
    return Series(measurement, tags, replaced)


def texts_of(values: pa.LargeBinaryArray) -> tuple[pl.Series, int]:
    """The texts, null where there is none, and how many bytes were replaced."""
    try:
        return pl.Series(values.cast(pa.large_string()), dtype=pl.String), 0
    except pa.ArrowInvalid:
        pass
    found = [None if each is None else text_of(each) for each in values.to_pylist()]
    texts = [None if each is None else each[0] for each in found]
    return pl.Series(texts, dtype=pl.String), sum(each[1] for each in found if each is not None)


def _replaced(text: str) -> tuple[str, int]:
    return _ESCAPED.subn("\N{REPLACEMENT CHARACTER}", text)
