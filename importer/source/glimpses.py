"""Pieces of a large plain file, evenly spread, without reading all of it.

Goes in: a file. Comes out: :class:`~importer.records.Block`, for a rough idea of the data and nothing else: a piece
may begin within a quoted cell, so that some of its records are none.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from importer.errors import SourceError
from importer.records import Block
from importer.source.compression import is_compressed
from importer.source.cutting import cut_records
from importer.source.header import Header
from importer.source.open import Source

__all__ = ["GLIMPSED_BYTES", "can_be_glimpsed", "glimpses"]

PIECES = 64
PIECE_BYTES = 48 << 10
GLIMPSED_BYTES = PIECES * PIECE_BYTES
"""What is read of a file, however large; a smaller one is read whole."""


def can_be_glimpsed(source: Source, encoding: str) -> bool:
    """Whether one can go to any place of the file: it is large, plain and in UTF-8.

    Raises:
        SourceError: the file cannot be read.
    """
    if source.path is None or source.size_bytes is None or source.size_bytes <= GLIMPSED_BYTES or encoding != "utf-8":
        return False
    try:
        with source.path.open("rb") as file:
            return not is_compressed(file.read(8))
    except OSError as error:
        raise _unreadable(source, error) from error


def glimpses(source: Source, header: Header, delimiter: str) -> Iterator[Block]:
    """Whole lines from evenly spread places, the beginning and the end included.

    Raises:
        SourceError: the file cannot be read.
    """
    if source.path is None or source.size_bytes is None:
        return
    span = source.size_bytes - header.byte_offset - PIECE_BYTES
    for number in range(PIECES):
        text = _piece(source, source.path, header.byte_offset + span * number // (PIECES - 1))
        if number:
            text = text[text.find(b"\n") + 1 :]
        if number == PIECES - 1 and not text.endswith(b"\n"):
            text += b"\n"
        found = cut_records(text, delimiter)
        if found.end:
            yield Block(
                source=source.name,
                number=number,
                byte_offset=0,
                first_line=0,
                data=text[: found.end],
                records=found.records,
                quoting=found.quoting,
                columns=header.columns,
                delimiter=delimiter,
            )


def _piece(source: Source, path: Path, offset: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(max(0, offset))
            return file.read(PIECE_BYTES)
    except OSError as error:
        raise _unreadable(source, error) from error


def _unreadable(source: Source, error: OSError) -> SourceError:
    return SourceError(f"cannot read {source.name!r}: {error.strerror}")
