"""Cut a stream of CSV text into blocks of whole records (RFC 4180: a quoted cell may hold newlines).

Goes in: a :class:`~importer.source.open.Stream`. Comes out: :class:`~importer.records.Block`.
"""

from __future__ import annotations

from collections.abc import Iterator

from importer.errors import SourceError
from importer.records import Block, BlockKind
from importer.source.bounds import Bounds
from importer.source.cutting import Cut, cut_lines, cut_records, first_record, parts
from importer.source.header import Header
from importer.source.open import Stream
from importer.source.places import source_length
from importer.source.taken import Taken, too_long

__all__ = ["BLOCK_BYTES", "blocks"]

BLOCK_BYTES = 4 << 20
"""Text per block: some 30,000 rows of 140 bytes. The server takes larger batches hardly faster; memory grows."""

BLOCK_RECORDS = 1 << 18
"""In a block at the most: what is kept of each record would else outgrow the text, where it is but a newline."""


def blocks(
    stream: Stream,
    header: Header,
    *,
    delimiter: str = ",",
    first_number: int = 0,
    block_bytes: int = BLOCK_BYTES,
    limit: int | None = None,
    bounds: Bounds = Bounds(),  # noqa: B008 - frozen
) -> Iterator[Block]:
    """Cut what follows the header into blocks.

    Where a block ends depends on the text and the sizes asked for alone, never on how the reads fall.

    Args:
        stream: open, its header read.
        header: what :func:`read_header` gave.
        delimiter: between cells.
        first_number: number of the first block.
        block_bytes: a block is no longer than this, unless it is a single record that is; nor has it more than
            :data:`BLOCK_RECORDS`.
        limit: stop after so many records.
        bounds: how long a record may be; blocks are no longer, either.

    Raises:
        SourceError: as the stream does, and for a record that is too long.
    """
    offset, line, number = header.byte_offset, header.first_line, first_number
    taken = Taken(stream, header.rest)
    usual = min(block_bytes, bounds.max_record_bytes)
    wanted = usual
    while limit is None or limit > 0:
        head = taken.up_to(wanted)
        is_last = taken.is_whole
        if is_last and head and not head.endswith(b"\n"):
            head += b"\n"
        cut = _cut(stream.block_kind, head, delimiter, limit, is_usual=wanted == usual)
        if cut.end == 0 and is_last and head:
            cut = Cut(len(head), 1, None, "stray")  # an unclosed quote: the table says so of the record
        if cut.end == 0:
            if is_last:
                return
            if wanted >= bounds.max_record_bytes:
                raise SourceError(too_long(stream.source.name, line, head, bounds))
            wanted = min(2 * wanted, bounds.max_record_bytes)
            continue
        data = head[: cut.end]
        del head
        taken.drop(cut.end)
        cuts = parts(data, cut, delimiter, BLOCK_RECORDS)
        for start, end, records in cuts:
            part = data[start:end]
            yield Block(
                source=stream.source.name,
                number=number,
                byte_offset=offset,
                first_line=line,
                data=part,
                records=records,
                quoting=cut.quoting,
                columns=header.columns,
                delimiter=delimiter,
                encoding=stream.encoding,
                kind=stream.block_kind,
                time_formats=stream.time_formats,
            )
            offset += source_length(part, stream.encoding)
            line += _lines(stream.block_kind, cut, part, records, is_whole=len(cuts) == 1)
            number += 1
        if limit is not None:
            limit -= cut.records
        wanted = usual
        if taken.ended and not taken:
            return


def _cut(kind: BlockKind, head: bytes, delimiter: str, limit: int | None, *, is_usual: bool) -> Cut:
    """Where the last whole record ends; of text that is longer than usual, the first one."""
    if kind == "json":
        return cut_lines(head, limit=limit if is_usual else 1)
    return cut_records(head, delimiter, limit=limit) if is_usual else first_record(head, delimiter)


def _lines(kind: BlockKind, cut: Cut, part: bytes, records: int, *, is_whole: bool) -> int:
    """By how many line numbers the next part is further behind; a row of typed columns counts as one."""
    if kind == "rows":
        return records
    return cut.lines if is_whole and cut.lines is not None else part.count(b"\n")
