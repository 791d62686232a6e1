"""Where records end in a text.

A newline ends a record where an even number of quotes stands before it. That is right as long as every quote
delimits a cell; where one does not (``5" pipe``), the text is ``stray`` and read by :mod:`importer.source.cells`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, pairwise

import numpy as np
import numpy.typing as npt

from importer.records import Quoting
from importer.source.cells import careful_ends
from importer.source.places import NEWLINE, QUOTE, RETURN, Places, newlines, outside_quotes

__all__ = ["Cut", "cut_lines", "cut_records", "first_record", "parts"]


@dataclass(frozen=True, slots=True)
class Cut:
    """Where the last whole record of a text ends.

    Attributes:
        end: of the record, in the text; 0: none ends.
        records: how many there are up to there.
        lines: how many newlines there are, those in cells included; None: not counted.
        quoting: what the quotes of the text do.
    """

    end: int
    records: int
    lines: int | None
    quoting: Quoting


def cut_records(text: bytes, delimiter: str, *, limit: int | None = None) -> Cut:
    """Where the last whole record of a text ends, or the ``limit``-th; 0 if none does."""
    octets = np.frombuffer(text, dtype=np.uint8)
    if b'"' not in text and limit is None:
        count = int(np.count_nonzero(octets == NEWLINE))
        return Cut(text.rfind(b"\n") + 1, count, count, "none")
    lines = np.flatnonzero(octets == NEWLINE)
    if b'"' not in text:
        return _at(lines[:limit], lines, "none")
    quotes = np.flatnonzero(octets == QUOTE)
    if not _has_stray_quote(octets, quotes, delimiter):
        return _at(outside_quotes(lines, quotes)[:limit], lines, "regular")
    found = list(islice(careful_ends(text, delimiter), limit))
    return Cut(found[-1] if found else 0, len(found), None, "stray")


def cut_lines(text: bytes, *, limit: int | None = None) -> Cut:
    """Where the last whole line of a text ends, or the ``limit``-th; quotes mean nothing."""
    if limit is None:
        count = text.count(b"\n")
        return Cut(text.rfind(b"\n") + 1, count, count, "none")
    octets = np.frombuffer(text, dtype=np.uint8)
    ends = np.flatnonzero(octets == NEWLINE)[:limit]
    return _at(ends, ends, "none")


def first_record(text: bytes, delimiter: str) -> Cut:
    """Where the first record of a text ends, which may be very long: nothing is held but the text itself."""
    end = next(careful_ends(text, delimiter), 0)
    if not end:
        return Cut(0, 0, None, "none")
    # Reading with care is right for any quotes, and costs no memory that grows with their number.
    return Cut(end, 1, None, "stray" if text.find(b'"', 0, end) >= 0 else "none")


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


def _at(ends: Places, lines: Places, quoting: Quoting) -> Cut:
    if not len(ends):
        return Cut(0, 0, 0, quoting)
    return Cut(int(ends[-1]) + 1, len(ends), int(np.searchsorted(lines, ends[-1])) + 1, quoting)


def _has_stray_quote(octets: npt.NDArray[np.uint8], quotes: Places, delimiter: str) -> bool:
    opening, closing = quotes[0::2], quotes[1::2]
    opens, closes = _neighbours(delimiter)
    at_start = opening[:1] == 0
    inner = closing[:-1] if len(closing) and closing[-1] == len(octets) - 1 else closing
    before = opens[octets[opening - 1]]
    before[:1] |= at_start
    return not (before.all() and closes[octets[inner + 1]].all())


@lru_cache(maxsize=8)
def _neighbours(delimiter: str) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """What may stand before an opening and behind a closing quote."""
    opens, closes = np.zeros((2, 256), dtype=np.bool_)
    opens[[ord(delimiter), NEWLINE, QUOTE]] = True
    closes[[ord(delimiter), NEWLINE, RETURN, QUOTE]] = True
    return opens, closes
