"""The rejects of a job, as CSV, a piece at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from importer.jobs.naming import Hidden
from importer.ledger.rejects import COLUMNS

__all__ = ["rejects_csv"]


def rejects_csv(path: Path, hidden: Hidden, limit: int | None) -> Iterator[bytes]:
    """The rejects file.

    Args:
        path: of it; where there is none, there are no rejects.
        hidden: what is not shown of the sources' paths.
        limit: so many rejects at the most; None: all.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        yield (",".join(COLUMNS) + "\r\n").encode()
        return
    with file:
        pieces = hidden.pieces(file)
        yield from pieces if limit is None else _first_records(pieces, limit + 1)


def _first_records(pieces: Iterator[bytes], most: int) -> Iterator[bytes]:
    """So many records, the header counted: a newline ends one where an even number of quotes stands before it."""
    quotes = 0
    for piece in pieces:
        start = 0
        while (newline := piece.find(b"\n", start)) >= 0:
            quotes += piece.count(b'"', start, newline)
            start = newline + 1
            if quotes % 2 == 0:
                most -= 1
                if not most:
                    yield piece[:start]
                    return
        quotes += piece.count(b'"', start)
        yield piece
