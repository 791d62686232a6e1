"""The rejects of a job, as CSV, a piece at a time."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from itertools import islice
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
        if limit is None:
            yield from hidden.pieces(file)
            return
        rows = csv.reader(io.TextIOWrapper(file, encoding="utf-8", errors="replace", newline=""))
        for row in islice(rows, limit + 1):
            text = io.StringIO(newline="")
            csv.writer(text).writerow([hidden.text(cell) for cell in row])
            yield text.getvalue().encode()
