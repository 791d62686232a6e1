"""How the tests of this folder read text: in pieces as small as they like."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from unittest.mock import patch

from importer.records import RECORD, Block, Fault, Reject, Table
from importer.source import open as opening
from importer.source.blocks import blocks
from importer.source.bounds import Bounds
from importer.source.header import read_header
from importer.source.open import Source, Stream
from importer.source.places import locate
from importer.source.table import to_table

Row = tuple[str | None, ...]


@dataclass(frozen=True)
class Read:
    """All of a source: its rows, each with its line and byte offset, and what is wrong with the others."""

    columns: tuple[str, ...]
    blocks: list[Block]
    tables: list[Table]
    rows: list[Row]
    places: list[tuple[int, int]]
    rejects: list[Reject]
    blank: int

    @property
    def complaints(self) -> list[tuple[int, str, str]]:
        return [(reject.line, reject.column, reject.error_type) for reject in self.rejects]


def read(
    data: bytes,
    *,
    delimiter: str = ",",
    block_bytes: int = 1 << 20,
    piece_bytes: int | None = None,
    encoding: str = "utf-8",
    limit: int | None = None,
    wanted: Sequence[str] | None = None,
    bounds: Bounds = Bounds(),  # noqa: B008 - frozen
) -> Read:
    with patch.object(opening, "READ_BYTES", piece_bytes or opening.READ_BYTES):
        stream = Stream(Source("in.csv", None, None), encoding, io.BytesIO(data), bounds)
        header = read_header(stream, delimiter, bounds)
        how = {"delimiter": delimiter, "block_bytes": block_bytes, "limit": limit, "bounds": bounds}
        found = list(blocks(stream, header, **how))  # type: ignore[arg-type]
    tables = [to_table(block, header.columns if wanted is None else wanted) for block in found]
    rows: list[Row] = []
    places, rejects = [], []
    for table in tables:
        rows += [tuple(cell or None for cell in row) for row in table.frame.drop(RECORD).rows()]
        marks = tuple(Fault(record, "", "here", "") for record in table.frame[RECORD])
        places += [(reject.line, reject.byte_offset) for reject in locate(table.block, marks)]
        rejects += locate(table.block, table.faults)
    return Read(header.columns, found, tables, rows, places, rejects, sum(table.blank for table in tables))


def as_csv_reads_it(text: str, *, delimiter: str = ",") -> tuple[list[Row], list[tuple[int, str]]]:
    """By the csv module: the rows behind the header; for each, its line number and all the text before it."""
    taken: list[str] = []

    def lines() -> Iterator[str]:
        for line in re.findall(r"[^\n]*\n|[^\n]+", text):
            taken.append(line)
            yield line

    rows: list[Row] = []
    places = []
    begun = 0
    for number, row in enumerate(csv.reader(lines(), delimiter=delimiter)):
        if number and row:
            rows.append(tuple(cell or None for cell in row))
            places.append((begun + 1, "".join(taken[:begun])))
        begun = len(taken)
    return rows, places
