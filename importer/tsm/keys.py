"""Keys of storage files: a series' key (measurement and tags as line protocol writes them), a mark, a field.

Source: ``models/points.go`` (``MakeKey``, ``scanKey``) and ``tsdb/engine/tsm1/engine.go`` (``SeriesFieldKey``) of
influxdb 2.7.12.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from importer.errors import SourceError
from importer.limits import MAX_KEY_BYTES
from importer.tsm.layout import UnstorableError

__all__ = ["SEPARATOR", "ParsedKey", "check_key", "field_key", "parsed", "series_key"]

SEPARATOR = b"#!~#"

_IN_MEASUREMENT = str.maketrans({",": r"\,", " ": r"\ "})
_IN_TAG = str.maketrans({",": r"\,", " ": r"\ ", "=": r"\="})

# A backslash escapes only what it was put before; any other one is the name's own. A comma or an equals sign behind
# any backslash ends nothing, be it behind two of them.
_MEASUREMENT_END = re.compile(rb"(?<!\\),")
_ESCAPED_MEASUREMENT = re.compile(rb"\\([, ])")
_ESCAPED_TAG = re.compile(rb"\\([, =])")
_TAG = re.compile(rb",(.*?)(?<!\\)=(.*?)(?:(?<!\\)(?=,)|\Z)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ParsedKey:
    """What a key says.

    Attributes:
        measurement: plain.
        tags: keys and values, plain, in the key's order.
        field: plain.
    """

    measurement: str
    tags: tuple[tuple[str, str], ...]
    field: str


def series_key(measurement: str, tags: Iterable[tuple[str, str]]) -> bytes:
    """A series' key, as the server makes it of a line.

    Args:
        measurement: plain.
        tags: keys and values, plain, in any order; those without a value are left out.
    """
    # The server sorts tags as they are written, which differs from the order of their plain keys behind an escape.
    written = sorted((key.translate(_IN_TAG).encode(), value.translate(_IN_TAG).encode()) for key, value in tags)
    parts = [measurement.translate(_IN_MEASUREMENT).encode()]
    parts += [key + b"=" + value for key, value in written if value]
    return b",".join(parts)


def field_key(series: bytes, field: str) -> bytes:
    """The key of a field's values in a series; the field stands in it as it is.

    Raises:
        UnstorableError: no storage file can have such a key.
    """
    key = series + SEPARATOR + field.encode()
    check_key(key)
    if key.find(SEPARATOR) != len(series):
        raise UnstorableError(f"the server would take a part of this series for the field: {series!r}")
    return key


def check_key(key: bytes) -> None:
    """Refuse a key that is empty or too long.

    Raises:
        UnstorableError: it is.
    """
    if not key or len(key) > MAX_KEY_BYTES:
        raise UnstorableError(f"a key of {len(key):,} bytes: storage files take 1 to {MAX_KEY_BYTES:,}")


def parsed(key: bytes) -> ParsedKey:
    """What a key of a storage file says.

    Raises:
        SourceError: it is no such key.
    """
    series, mark, field = key.partition(SEPARATOR)
    if not mark:
        raise SourceError(f"a key without a field: {key[:200]!r}")
    comma = _MEASUREMENT_END.search(series)
    end = comma.start() if comma else len(series)
    tags: list[tuple[str, str]] = []
    at = end
    while at < len(series):
        tag = _TAG.match(series, at)
        if tag is None:
            raise SourceError(f"a key with a damaged tag: {key[:200]!r}")
        tags.append((_text(_ESCAPED_TAG.sub(rb"\1", tag[1])), _text(_ESCAPED_TAG.sub(rb"\1", tag[2]))))
        at = tag.end()
    return ParsedKey(_text(_ESCAPED_MEASUREMENT.sub(rb"\1", series[:end])), tuple(tags), _text(field))


def _text(data: bytes) -> str:
    return data.decode(errors="surrogateescape")
