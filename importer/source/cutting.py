"""Where records end in a text.

A newline ends a record where an even number of quotes stands before it. That is right as long as every quote
delimits a cell; where one does not (``5" pipe``), the text is ``stray`` and read by :mod:`importer.source.cells`.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt

from importer.records import Quoting
from importer.source.cells import careful_ends
from importer.source.places import NEWLINE, QUOTE, RETURN, newlines

__all__ = ["Cut", "cut_records", "long_record"]


@dataclass(frozen=True, slots=True)
class Cut:
    """Where the last whole record of a text ends (0: nowhere), how many there are, and what its quotes do."""

    end: int
    records: int
    quoting: Quoting


def cut_records(text: bytes, delimiter: str, *, first_only: bool = False, limit: int | None = None) -> Cut:
    """Where the last whole record (or the first, or the ``limit``-th) of a text ends; 0 if none does."""
    wanted = 1 if first_only else limit
    if b'"' not in text:
        ends = newlines(text, quoted=False) if wanted is not None else None
        if ends is None:
            return Cut(text.rfind(b"\n") + 1, text.count(b"\n"), "none")
        return _at(ends[:wanted] + 1, "none")
    if not _has_stray_quote(text, delimiter):
        ends = newlines(text, quoted=True)
        return _at(ends[:wanted] + 1, "regular")
    found = list(islice(careful_ends(text, delimiter), wanted))
    return _at(np.array(found, dtype=np.int64), "stray")


def long_record(text: bytes, delimiter: str) -> Cut:
    """The first record alone, of a text that no shorter one held a whole record of."""
    end = cut_records(text, delimiter, first_only=True).end
    # How it is quoted must not depend on what happens to stand behind it.
    return cut_records(text[:end], delimiter) if end else Cut(0, 0, "none")


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
