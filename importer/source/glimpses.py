"""Pieces of plain files, evenly spread, without reading all of them.

Goes in: a file. Comes out: :class:`~importer.records.Block`, for a rough idea of the data and nothing else: a piece
may begin within a quoted cell, so that some of its records are none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from importer.errors import SourceError
from importer.records import Block, BlockKind, Quoting
from importer.source.compression import is_compressed
from importer.source.cutting import Cut, cut_lines, cut_records
from importer.source.header import Header
from importer.source.kinds import LONGEST_START, kind_of
from importer.source.open import Source

__all__ = ["can_be_glimpsed", "glimpses", "pieces_of"]

PIECES = 64
PIECE_BYTES = 48 << 10
"""Of all sources together, so many pieces of so many bytes: three megabytes, however large or many they are."""

LARGEST_PIECE_BYTES = 4 << 20
"""Where a piece holds no whole line, it is taken larger, up to this."""


def can_be_glimpsed(source: Source, encoding: str) -> bool:
    """Whether one can go to any place of the file: it is plain text in UTF-8.

    Raises:
        SourceError: the file cannot be read.
    """
    if source.path is None or source.size_bytes is None or encoding != "utf-8":
        return False
    try:
        with source.path.open("rb") as file:
            first = file.read(LONGEST_START)
            return not is_compressed(first) and kind_of(first, source.name) in {"csv", "json"}
    except OSError as error:
        raise _unreadable(source, error) from error


def pieces_of(sources: Sequence[Source]) -> list[int]:
    """How many pieces of each are enough: as its part of all bytes; 0: it is passed over.

    Of more sources than there are pieces, as many evenly spread ones are looked at, the first and the last included.
    """
    sizes = [source.size_bytes or 0 for source in sources]
    total = max(1, sum(sizes))
    wanted = [max(2, round(PIECES * size / total)) for size in sizes]
    if len(sources) > PIECES // 2:
        looked_at = {(len(sources) - 1) * place // (PIECES // 2 - 1) for place in range(PIECES // 2)}
        wanted = [pieces if number in looked_at else 0 for number, pieces in enumerate(wanted)]
    return wanted


def glimpses(source: Source, header: Header, delimiter: str, pieces: int, kind: BlockKind = "csv") -> Iterator[Block]:
    """Whole lines from evenly spread places, the beginning and the end included.

    Args:
        source: a file.
        header: of it.
        delimiter: between cells.
        pieces: how many, at least two.
        kind: what the text is.

    Yields:
        the lines of all pieces together, or of the whole file where they would cover it; those apart in which quotes
        are not as they should be.

    Raises:
        SourceError: the file cannot be read.
    """
    if source.path is None or source.size_bytes is None:
        return
    together: dict[Quoting, list[tuple[bytes, int]]] = {}
    start, end = header.byte_offset, source.size_bytes
    if start >= end:
        return
    size = PIECE_BYTES
    if pieces * size >= end - start:
        pieces, size = 1, end - start
    for number in range(pieces):
        offset = start + (end - start - size) * number // max(1, pieces - 1)
        between = None if kind == "json" else delimiter
        text, cut = _piece(source, source.path, offset, size, between, is_first=not number)
        if cut.end:
            together.setdefault(cut.quoting, []).append((text[: cut.end], cut.records))
    for number, (quoting, found) in enumerate(together.items()):
        yield Block(
            source=source.name,
            number=number,
            byte_offset=0,
            first_line=0,
            data=b"".join(text for text, _ in found),
            records=sum(records for _, records in found),
            quoting=quoting,
            columns=header.columns,
            delimiter=delimiter,
            kind=kind,
        )


def _piece(
    source: Source, path: Path, offset: int, size: int, delimiter: str | None, *, is_first: bool
) -> tuple[bytes, Cut]:
    """Whole lines at a place, at least one unless it is very long; no delimiter: quotes mean nothing."""
    try:
        with path.open("rb") as file:
            while True:
                file.seek(offset)
                text = file.read(size)
                is_last = offset + len(text) >= (source.size_bytes or 0)
                if not is_first:
                    text = text[text.find(b"\n") + 1 :] if b"\n" in text else b""
                if is_last and text and not text.endswith(b"\n"):
                    text += b"\n"
                cut = cut_lines(text) if delimiter is None else cut_records(text, delimiter)
                if cut.end or size >= LARGEST_PIECE_BYTES:
                    return text, cut
                size *= 4
                if is_last and not is_first:
                    offset = max(0, (source.size_bytes or 0) - size)
    except OSError as error:
        raise _unreadable(source, error) from error


def _unreadable(source: Source, error: OSError) -> SourceError:
    return SourceError(f"cannot read {source.name!r}: {error.strerror}")
