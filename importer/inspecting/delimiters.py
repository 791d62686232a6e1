"""Which sign parts the cells of a text.

Goes in: its beginning. Comes out: :class:`FoundDelimiter`.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import islice

from importer.source.cells import UnclosedQuoteError, careful_ends, cells

__all__ = ["FoundDelimiter", "find_delimiter"]

RECORDS = 200
"""Of the beginning: enough to tell the delimiter."""

DELIMITERS = ",;\t|"
_SEPARATOR = re.compile(rb"sep=([\x01-\x21\x23-\x7f])\r?\n")


@dataclass(frozen=True, slots=True)
class FoundDelimiter:
    """The delimiter of a text.

    Attributes:
        sign: what it is.
        is_open: any other would do as well: nothing is parted, or the text says itself what it is parted by.
        why: in words, why it is this one; empty where it is given.
    """

    sign: str = ","
    is_open: bool = True
    why: str = ""


def find_delimiter(text: bytes, skipped: int) -> FoundDelimiter:
    """The sign that cuts the first records into as many cells as the header, and into most of them.

    Args:
        text: the beginning, in UTF-8.
        skipped: lines of it that say nothing.
    """
    for _ in range(skipped):
        text = text.partition(b"\n")[2]
    said = _SEPARATOR.match(text)
    if said is not None:
        return FoundDelimiter(said.group(1).decode(), is_open=True, why="the first line says which delimiter")
    best, best_score, cut = ",", (0.0, 0), 1
    for delimiter in DELIMITERS:
        counts = _cells_by_record(text, delimiter)
        if not counts or counts[0] < 2:  # noqa: PLR2004 - nothing is delimited
            continue
        same = sum(count == counts[0] for count in counts) / len(counts)
        score = (round(same, 1), counts[0])
        if score > best_score:
            best, best_score, cut = delimiter, score, counts[0]
    shown = {"\t": "tab"}.get(best, best)
    if cut == 1:
        return FoundDelimiter(best, is_open=True, why="no delimiter was seen: there is one column")
    return FoundDelimiter(best, is_open=False, why=f"{shown!r} cuts the first lines into {cut} cells each")


def _cells_by_record(text: bytes, delimiter: str) -> list[int]:
    if not text.endswith(b"\n"):
        text += b"\n"
    counts, start = [], 0
    for end in islice(careful_ends(text, delimiter), RECORDS):
        record = text[start:end]
        start = end
        if not record.strip():
            continue
        try:
            counts.append(len(cells(record, delimiter)))
        except UnclosedQuoteError:
            break
    usual = Counter(counts[1:]).most_common(1)
    return counts if usual else counts[:1]
