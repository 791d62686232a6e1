"""Read records with care, cell by cell: only a quote at a cell's start opens a quoted cell (RFC 4180)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

__all__ = ["UnclosedQuoteError", "careful_ends", "cells", "record_end"]


class UnclosedQuoteError(ValueError):
    """A record's quoted cell has no end."""


def careful_ends(text: bytes, delimiter: str) -> Iterator[int]:
    """Where each whole record of a text ends, read cell by cell."""
    pattern = _record_pattern(delimiter)
    position = 0
    while match := pattern.match(text, position):
        position = match.end()
        yield position


def record_end(text: bytes, start: int, delimiter: str) -> int:
    """Where the record that begins at ``start`` ends, read cell by cell; 0 if it does not."""
    match = _record_pattern(delimiter).match(text, start)
    return match.end() if match else 0


def cells(record: bytes, delimiter: str, *, most: int | None = None) -> list[bytes]:
    """The cells of one record, read with care: only a quote at a cell's start opens a quoted cell.

    Args:
        record: with or without its newline.
        delimiter: between cells.
        most: read no more than so many; a record may hold millions.

    Raises:
        UnclosedQuoteError: a quoted cell has no end.
    """
    body = record[:-1] if record.endswith(b"\n") else record
    body = body.removesuffix(b"\r")
    found = []
    position = 0
    pattern = _cell_pattern(delimiter)
    while True:
        match = pattern.match(body, position)
        if match is None:
            raise UnclosedQuoteError
        quoted, tail, plain = match.groups()
        found.append(plain if quoted is None else quoted.replace(b'""', b'"') + tail)
        position = match.end()
        if position >= len(body) or len(found) == most:
            return found
        position += 1


@lru_cache(maxsize=8)
def _cell_pattern(delimiter: str) -> re.Pattern[bytes]:
    """One cell: quoted, with whatever follows the closing quote; or plain."""
    stop = re.escape(delimiter.encode())
    return re.compile(rb'"((?:[^"]++|"")*+)"([^' + stop + rb'\n]*+)|((?!")[^' + stop + rb"\n]*+)")


@lru_cache(maxsize=8)
def _record_pattern(delimiter: str) -> re.Pattern[bytes]:
    """One whole record with its newline."""
    stop = re.escape(delimiter.encode())
    cell = rb'(?:"(?:[^"]++|"")*+"[^' + stop + rb'\n]*+|(?!")[^' + stop + rb"\n]*+)"
    return re.compile(cell + rb"(?:" + stop + cell + rb")*+\n")
