"""Read a block's records into columns of text.

Goes in: a :class:`~importer.records.Block`. Comes out: a :class:`~importer.records.Table`.

polars reads regular blocks. It pads short records and cuts long ones without a word, so whether every
record has as many cells as the header is decided here: by totals where all is well, record by record
where it is not.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import polars as pl

from importer.records import RECORD, Block, Fault, Table
from importer.source.cells import UnclosedQuoteError, cells
from importer.source.json_lines import json_table
from importer.source.places import NEWLINE, QUOTE, record_starts

__all__ = ["to_table"]

MANY_CELLS = 1_000
"""Too many by so much are not counted further: a record may hold millions."""


def to_table(block: Block, columns: Sequence[str]) -> Table:
    """Read the asked-for columns.

    Args:
        block: whole records.
        columns: names that occur once in the header.

    Returns:
        the cells as text, null where a cell is empty; blank and ragged records are left out.
    """
    if block.kind == "json":
        return json_table(block, columns)
    if block.quoting != "stray" and not _has_bare_return(block.data):
        try:
            return _by_columns(block, columns)
        except pl.exceptions.PolarsError:
            pass  # such as text that is not UTF-8; the careful way finds the cell
    return _by_cells(block, columns)


def _has_bare_return(data: bytes) -> bool:
    """Polars loses some of the CRs that end no line."""
    return b"\r" in data and data.count(b"\r") != data.count(b"\r\n")


def _by_columns(block: Block, columns: Sequence[str]) -> Table:
    counts = _delimiters_by_record(block)
    if counts is None:
        frame = _read_csv(block, block.data, columns, block.records)
        return Table(block, frame.with_columns(_numbered(np.arange(block.records))), (), 0)
    expected = len(block.columns) - 1
    starts = record_starts(block)
    octets = np.frombuffer(block.data, dtype=np.uint8)
    blank = _blank(octets, starts, counts, block.delimiter)
    ragged = (counts != expected) & ~blank
    faults = tuple(_ragged(int(i), int(counts[i]) + 1, expected + 1) for i in np.flatnonzero(ragged))
    good = ~(blank | ragged)
    # polars takes as long for a blank line as for a row, and would read ragged ones wrongly.
    data = octets[np.repeat(good, np.diff(starts))].tobytes()
    records = np.flatnonzero(good)
    frame = _read_csv(block, data, columns, len(records))
    return Table(block, frame.with_columns(_numbered(records)), faults, int(blank.sum()))


def _numbered(records: npt.NDArray[np.int64]) -> pl.Series:
    return pl.Series(RECORD, records, dtype=pl.UInt32)


def _read_csv(block: Block, data: bytes, columns: Sequence[str], records: int) -> pl.DataFrame:
    if not records:
        return pl.DataFrame(schema=dict.fromkeys(columns, pl.String))
    positions = _positions(block, columns)
    # Numbered names: the header's own may be empty or occur twice.
    numbered = block.delimiter.join(map(str, range(len(block.columns)))).encode() + b"\n"
    frame = pl.read_csv(
        io.BytesIO(numbered + data),
        columns=[str(position) for position in sorted(positions)] or ["0"],
        separator=block.delimiter,
        quote_char='"' if block.quoting == "regular" else None,
        infer_schema=False,
        extra_columns="ignore",
        missing_columns="insert",
    )
    if frame.height != records:
        raise pl.exceptions.ComputeError("another number of records than was counted")
    return frame.select(
        pl.col(str(position)).alias(column) for position, column in zip(positions, columns, strict=True)
    )


def _positions(block: Block, columns: Sequence[str]) -> list[int]:
    where = {name: position for position, name in enumerate(block.columns)}
    return [where[column] for column in columns]


def _delimiters_by_record(block: Block) -> npt.NDArray[np.int64] | None:
    """Delimiters outside quotes in each record; None where each has as many as the header."""
    structure = np.frombuffer(block.data.translate(None, _all_but(block.delimiter)), dtype=np.uint8)
    if block.quoting == "regular":
        quotes = structure == QUOTE
        where = np.flatnonzero(quotes)
        # Nearly always nothing that matters stands within quotes: then each is followed by its other half.
        in_pairs = (where[1::2] == where[0::2] + 1).all()
        structure = structure[~quotes if in_pairs else ~(np.logical_xor.accumulate(quotes) | quotes)]
    ends = structure == NEWLINE
    width = len(block.columns)
    # With one column, an empty line cannot be told from a blank record by counting: look closer.
    if width > 1 and len(structure) == width * block.records and ends[width - 1 :: width].all():
        return None
    return np.diff(np.flatnonzero(ends), prepend=-1) - 1


@lru_cache(maxsize=8)
def _all_but(delimiter: str) -> bytes:
    return bytes(set(range(256)) - {QUOTE, NEWLINE, ord(delimiter)})


def _blanks(delimiter: str) -> bytes:
    """What may stand in a blank line; a tab that delimits cells is none of it."""
    return b" \t\r\n".replace(delimiter.encode(), b"")


def _blank(
    octets: npt.NDArray[np.uint8], starts: npt.NDArray[np.int64], counts: npt.NDArray[np.int64], delimiter: str
) -> npt.NDArray[np.bool_]:
    none: npt.NDArray[np.bool_] = counts == 0
    if not none.any():
        return np.zeros(len(counts), dtype=np.bool_)
    written = np.ones(256, dtype=np.bool_)
    written[list(_blanks(delimiter))] = False
    blank: npt.NDArray[np.bool_] = none & ~np.logical_or.reduceat(written[octets], starts[:-1])
    return blank


def _by_cells(block: Block, columns: Sequence[str]) -> Table:
    positions = _positions(block, columns)
    starts = record_starts(block)
    width = len(block.columns)
    faults: list[Fault] = []
    rows: list[list[str | None]] = []
    records: list[int] = []
    blank = 0
    for index in range(block.records):
        record = block.data[starts[index] : starts[index + 1]]
        if not record.strip(_blanks(block.delimiter)):
            blank += 1
            continue
        try:
            found = cells(record, block.delimiter, most=width + MANY_CELLS)
        except UnclosedQuoteError:
            faults.append(Fault(index, "", "quote", _unclosed(record)))
            continue
        if len(found) != width:
            faults.append(_ragged(index, len(found), width))
            continue
        row, broken = _decoded(found, positions, block.columns, index)
        faults.extend(broken)
        if not broken:
            rows.append(row)
            records.append(index)
    frame = pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row")
    frame = frame.with_columns(pl.Series(RECORD, records, dtype=pl.UInt32))
    return Table(block, frame, tuple(faults), blank)


def _decoded(
    found: list[bytes], positions: list[int], names: tuple[str, ...], index: int
) -> tuple[list[str | None], list[Fault]]:
    row: list[str | None] = []
    faults = []
    for position in positions:
        try:
            row.append(found[position].decode() or None)
        except UnicodeDecodeError as error:
            message = f"not UTF-8 at byte {error.start} of the cell; say --encoding if the file is in another"
            faults.append(Fault(index, names[position], "encoding", message))
    return row, faults


def _ragged(index: int, found: int, width: int) -> Fault:
    many = width + MANY_CELLS
    how_many = f"{found}" if found < many else f"{many} or more"
    return Fault(index, "", "ragged", f"{how_many} cells where the header has {width}")


def _unclosed(record: bytes) -> str:
    lines = record.count(b"\n")
    swallowed = f": it takes in all {lines:,} lines to the end of the source" if lines > 1 else ""
    return f"a quote is opened and never closed{swallowed}"
