"""Where the rows of annotated CSV stand in its blocks.

Goes in: blocks as they are cut from any CSV. Comes out: the same blocks with their
:class:`~importer.records.Section` s; annotations, headers and comments stand between these.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np
import numpy.typing as npt

from importer.annotated.annotations import Tables
from importer.annotated.layouts import Layout
from importer.errors import MappingError
from importer.records import Block, Section
from importer.source.cells import UnclosedQuoteError, cells
from importer.source.header import row_kind, with_place
from importer.source.places import QUOTE, record_starts

__all__ = ["sectioned"]

_MARK = ord("#")


def sectioned(blocks: Iterator[Block], tables: Tables, *, limit: int | None = None) -> Iterator[Block]:
    """Find the rows of each block.

    Args:
        blocks: in the order of their source.
        tables: as they are behind the source's first header; goes on with the blocks.
        limit: stop after so many rows.

    Raises:
        MappingError: annotations or a header cannot be used.
    """
    for block in blocks:
        found = _sectioned(block, tables)
        if limit is not None and found.rows >= limit:
            yield _first_rows(found, limit)
            return
        yield found
        limit = None if limit is None else limit - found.rows


def _sectioned(block: Block, tables: Tables) -> Block:
    if not _may_have_marks(block.data) and tables.layout is not None:
        whole = Section(_layout(block, tables, np.zeros(1, dtype=np.int64), 0), 0, len(block.data), 0, block.records)
        return replace(block, sections=(whole,))
    return replace(block, sections=tuple(_sections(block, tables)))


def _may_have_marks(data: bytes) -> bool:
    return data.startswith((b"#", b'"#')) or b"\n#" in data or b'\n"#' in data


def _sections(block: Block, tables: Tables) -> Iterator[Section]:
    starts = record_starts(block)
    marked = _marked(block.data, starts)
    record, nth = 0, 0
    while record < block.records:
        if tables.layout is None:
            record = _read_head(block, tables, starts, record)
            continue
        nth += int(np.searchsorted(marked[nth:], record))
        while nth < len(marked) and row_kind(_text(block, starts, int(marked[nth])), block.delimiter) is None:
            nth += 1  # data that begin with the sign
        end = int(marked[nth]) if nth < len(marked) else block.records
        if end > record:
            layout = _layout(block, tables, starts, record)
            yield Section(layout, int(starts[record]), int(starts[end]), record, end - record)
        record = end
        if record < block.records:
            _take(block, tables, starts, record)
            record += 1


def _marked(data: bytes, starts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The records that begin with the sign, in quotes or without."""
    octets = np.frombuffer(data, dtype=np.uint8)
    first = octets[starts[:-1]]
    second = octets[np.minimum(starts[:-1] + 1, len(octets) - 1)]
    found: npt.NDArray[np.int64] = np.flatnonzero((first == _MARK) | ((first == QUOTE) & (second == _MARK)))
    return found


def _read_head(block: Block, tables: Tables, starts: npt.NDArray[np.int64], record: int) -> int:
    """Take a record before a header, or the header; the number of the next record."""
    text = _text(block, starts, record)
    if text.strip():
        _take(block, tables, starts, record)
    return record + 1


def _take(block: Block, tables: Tables, starts: npt.NDArray[np.int64], record: int) -> None:
    text = _text(block, starts, record)
    kind = row_kind(text, block.delimiter)
    if kind == "comment":
        return
    place = partial(_place, block, starts, record)
    try:
        found = [cell.decode() for cell in cells(text, block.delimiter, most=tables.most_columns + 1)]
    except (UnclosedQuoteError, UnicodeDecodeError) as error:
        reason = "is not UTF-8" if isinstance(error, UnicodeDecodeError) else "has a quote that is never closed"
        raise MappingError(f"{place()}: the {kind or 'header'} {reason}") from None
    if len(found) > tables.most_columns:
        most = f"{tables.most_columns:,}"
        raise MappingError(f"{place()}: more than {most} columns; if they are meant to be, allow more by --max-columns")
    with_place(partial(tables.annotate if kind == "annotation" else tables.head, found), place)


def _layout(block: Block, tables: Tables, starts: npt.NDArray[np.int64], record: int) -> Layout:
    found: list[Layout] = []
    with_place(lambda: found.append(tables.rows_follow()), partial(_place, block, starts, record))
    return found[0]


def _place(block: Block, starts: npt.NDArray[np.int64], record: int) -> str:
    line = block.first_line + block.data.count(b"\n", 0, int(starts[record]))
    return f"{block.source!r}, line {line:,}"


def _text(block: Block, starts: npt.NDArray[np.int64], record: int) -> bytes:
    return block.data[starts[record] : starts[record + 1]]


def _first_rows(block: Block, rows: int) -> Block:
    """A block cut off behind so many rows."""
    kept: list[Section] = []
    starts = record_starts(block)
    for section in block.sections or ():
        records = min(section.records, rows)
        rows -= records
        kept.append(replace(section, records=records, end=int(starts[section.first + records])))
        if not rows:
            break
    last = kept[-1]
    return replace(block, data=block.data[: last.end], records=last.first + last.records, sections=tuple(kept))
