"""Random bytes in, in pieces as a pipe may give them; rows and their places out."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

from importer.records import RECORD, Block, Fault, Reject, Table
from importer.source.open import canonical_encoding, expand
from importer.source.places import locate
from importer.source.reader import Reader

Row = tuple[str | None, ...]


class Pipe(io.BytesIO):
    """Gives no more at once than up to the next of the cuts."""

    def __init__(self, data: bytes, sizes: Sequence[int]) -> None:
        super().__init__(data)
        self._sizes = list(sizes) or [len(data) + 1]
        self._reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        piece = self._sizes[self._reads % len(self._sizes)]
        self._reads += 1
        return super().read(piece if size is None or size < 0 else min(size, piece))


@dataclass(frozen=True)
class Read:
    """What became of the text behind the header."""

    columns: tuple[str, ...]
    blocks: list[Block]
    tables: list[Table]
    rows: list[Row]
    places: list[tuple[int, int]]
    rejects: list[Reject]
    blank: int


def read(
    data: bytes, sizes: Sequence[int], *, delimiter: str = ",", encoding: str = "utf-8", block_bytes: int = 1 << 20
) -> Read:
    """Read a pipe as a load does.

    Raises:
        SourceError: as the reader does.
    """
    columns: list[tuple[str, ...]] = []

    def all_columns(header: Sequence[str], _source: str) -> tuple[str, ...]:
        columns.append(tuple(header))
        return tuple(dict.fromkeys(header))

    reader = Reader(
        expand(["-"]),
        delimiter=delimiter,
        encoding=canonical_encoding(encoding),
        wanted=all_columns,
        block_bytes=block_bytes,
        stdin=Pipe(data, sizes),
    )
    with reader:
        blocks = list(reader.blocks())
        tables = [reader.table(block) for block in blocks]
    rows: list[Row] = []
    places: list[tuple[int, int]] = []
    rejects: list[Reject] = []
    for table in tables:
        rows += [tuple(cell or None for cell in row) for row in table.frame.drop(RECORD).rows()]
        marks = tuple(Fault(record, "", "here", "") for record in table.frame[RECORD])
        places += [(reject.line, reject.byte_offset) for reject in locate(table.block, marks)]
        rejects += locate(table.block, table.faults)
    return Read(columns[0], blocks, tables, rows, places, rejects, sum(table.blank for table in tables))
