"""Where records end in a text.

A newline ends a record where an even number of quotes stands before it. That is right as long as every quote
delimits a cell; where one does not (``5" pipe``), the text is ``stray`` and read by :mod:`importer.source.cells`.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice, pairwise

import numpy as np
import numpy.typing as npt

from importer.records import Quoting
from importer.source.cells import careful_ends
from importer.source.places import NEWLINE, QUOTE, RETURN, newlines

__all__ = ["Cut", "cut_records", "first_record", "parts"]


@dataclass(frozen=True, slots=True)
class Cut:
    """Where the last whole record of a text ends (0: nowhere), how many there are, and what its quotes do."""

    end: int
    records: int
    quoting: Quoting


def cut_records(text: bytes, delimiter: str, *, limit: int | None = None) -> Cut:
    """Where the last whole record of a text ends, or the ``limit``-th; 0 if none does."""
    if b'"' not in text:
        if limit is None:
            return Cut(text.rfind(b"\n") + 1, text.count(b"\n"), "none")
        return _at(newlines(text, quoted=False)[:limit] + 1, "none")
    if not _has_stray_quote(text, delimiter):
        ends = newlines(text, quoted=True)
        return _at(ends[:limit] + 1, "regular")
    found = list(islice(careful_ends(text, delimiter), limit))
    return _at(np.array(found, dtype=np.int64), "stray")


def first_record(text: bytes, delimiter: str) -> Cut:
    """Where the first record of a text ends, which may be very long: nothing is held but the text itself."""
    end = next(careful_ends(text, delimiter), 0)
    if not end:
        return Cut(0, 0, "none")
    # Reading with care is right for any quotes, and costs no memory that grows with their number.
    return Cut(end, 1, "stray" if text.find(b'"', 0, end) >= 0 else "none")


def parts(data: bytes, cut: Cut, delimiter: str, most_records: int) -> list[tuple[int, int, int]]:
    """Start, end and number of records of the parts of a cut text, none of more than so many records."""
    if cut.records <= most_records:
        return [(0, cut.end, cut.records)]
    if cut.quoting == "stray":
        ends = np.array(list(islice(careful_ends(data, delimiter), cut.records)), dtype=np.int64)
    else:
        ends = newlines(data, quoted=cut.quoting == "regular") + 1
    last = [*range(most_records - 1, cut.records - 1, most_records), cut.records - 1]
    return [
        (int(ends[before]) if before >= 0 else 0, int(ends[upto]), upto - before)
        for before, upto in pairwise([-1, *last])
    ]


def _at(ends: npt.NDArray[np.int64], quoting: Quoting) -> Cut:
    return Cut(int(ends[-1]) if len(ends) else 0, len(ends), quoting)


def _has_stray_quote(text: bytes, delimiter: str) -> bool:
    octets = np.frombuffer(text, dtype=np.uint8)
    quotes = np.flatnonzero(octets == QUOTE)
    opening, closing = quotes[0::2], quotes[1::2]
    before = octets[opening - 1]
    stop = ord(delimiter)
    opens = (before == stop) | (before == NEWLINE) | (before == QUOTE) | (opening == 0)
    inner = closing[closing < len(octets) - 1]
    after = octets[inner + 1]
    closes = (after == stop) | (after == NEWLINE) | (after == RETURN) | (after == QUOTE)
    return not (opens.all() and closes.all())
