"""The frozen records that the stages hand on, in the order of the flow.

``Block -> Table -> PointBatch -> Lines -> Outcome``; a row or a point that falls out on the way is
a ``Fault`` (a position in its block) and becomes a ``Reject`` (a place in the user's file).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import polars as pl

if TYPE_CHECKING:
    from importer.annotated.layouts import Layout

__all__ = [
    "RECORD",
    "Block",
    "BlockKind",
    "Counted",
    "Fault",
    "FieldColumn",
    "FieldType",
    "Lines",
    "Outcome",
    "PointBatch",
    "Quoting",
    "Refusal",
    "Reject",
    "Section",
    "SkipReason",
    "Table",
    "TablePart",
    "TagColumn",
]

FieldType = Literal["float", "integer", "unsigned", "boolean", "string"]
SkipReason = Literal["filtered", "mapper_none", "no_fields", "blank"]
Quoting = Literal["none", "regular", "stray"]
BlockKind = Literal["csv", "rows", "json"]
"""What a block's text is: CSV as it stands in the source; rows of a file with types, written as CSV, a row counting as
a line; JSON Lines as they stand in the source."""

RECORD = "\rrecord"
"""A table's column of positions: a header with a bare CR is refused, so that no source has such a name."""


@dataclass(frozen=True, slots=True)
class Section:
    """A stretch of a block of annotated CSV: rows of one table.

    Attributes:
        layout: what the table's annotations and header say.
        start: of its first record, in the block's data.
        end: of its last.
        first: its first record's position in the block.
        records: how many there are.
    """

    layout: Layout
    start: int
    end: int
    first: int
    records: int


@dataclass(frozen=True, slots=True)
class Block:
    """Some megabytes of whole CSV records: the unit of memory, of retry and of parallel work.

    Attributes:
        source: the file's name as the user gave it, ``-`` for standard input.
        number: position in the whole input, from 0.
        byte_offset: of the first record in the decompressed source, bytes.
        first_line: line number of the first record, from 1, the header counted.
        data: UTF-8 (unless a record is broken), every record ends with a newline.
        records: how many records ``data`` holds, blank ones included.
        quoting: ``none`` where no quote occurs, ``regular`` where all of them delimit cells,
            ``stray`` where one stands inside a cell and only a careful reader gets it right.
        columns: the header's names.
        delimiter: one byte.
        encoding: of the source, for turning positions back into the source's bytes.
        kind: what the text is.
        time_formats: of the columns that the source itself says are instants or dates, with the format that their
            text is in, whatever a mapping says of it.
        sections: of annotated CSV, where the rows are; what stands between them are annotations, headers and comments.
            None of other CSV, where every record is a row.
    """

    source: str
    number: int
    byte_offset: int
    first_line: int
    data: bytes = field(repr=False)
    records: int
    quoting: Quoting
    columns: tuple[str, ...]
    delimiter: str = ","
    encoding: str = "utf-8"
    kind: BlockKind = "csv"
    time_formats: tuple[tuple[str, str], ...] = ()
    sections: tuple[Section, ...] | None = field(default=None, repr=False)

    @property
    def rows(self) -> int:
        """How many of the records are rows, blank ones included."""
        return self.records if self.sections is None else sum(section.records for section in self.sections)


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a record, or one cell of it, cannot be loaded.

    Attributes:
        record: position in the block, from 0.
        column: the cell's column; empty where the record as a whole is at fault.
        error_type: a short fixed word, such as ``float`` or ``ragged``.
        message: what is wrong, for people.
    """

    record: int
    column: str
    error_type: str
    message: str


@dataclass(frozen=True, slots=True)
class Reject:
    """One line of the rejects file.

    Attributes:
        source: the file.
        line: from 1, the header included.
        byte_offset: of the record in the decompressed source.
        column: the cell's column, empty for a whole record.
        error_type: the fault's word.
        error_message: what is wrong.
        raw: the record's text as it stands in the source.
    """

    source: str
    line: int
    byte_offset: int
    column: str
    error_type: str
    error_message: str
    raw: str


@dataclass(frozen=True, slots=True)
class Table:
    """A block's records as columns of text.

    Attributes:
        block: where the records came from.
        frame: the asked-for columns as strings (null where a cell is empty), and :data:`RECORD` (UInt32),
            the position in the block. Records that are blank or at fault are not in it.
        faults: records that are no rows, such as ragged ones.
        blank: number of blank records.
        parts: of annotated CSV, the rows of each layout; the table's own frame has no columns then.
    """

    block: Block
    frame: pl.DataFrame
    faults: tuple[Fault, ...]
    blank: int
    parts: tuple[TablePart, ...] = ()


@dataclass(frozen=True, slots=True)
class TablePart:
    """The rows of a block that have one layout, as columns of text.

    Attributes:
        layout: theirs.
        frame: as a table's.
    """

    layout: Layout
    frame: pl.DataFrame


@dataclass(frozen=True, slots=True)
class TagColumn:
    """A tag.

    Attributes:
        key: the tag key.
        column: the frame's column with its values (String, null or empty: no tag).
        origin: the source's column, for messages.
    """

    key: str
    column: str
    origin: str


@dataclass(frozen=True, slots=True)
class FieldColumn:
    """A field.

    Attributes:
        key: the field key.
        type: one for the whole load.
        column: the frame's column with its values (null: no field).
        origin: the source's column, for messages.
    """

    key: str
    type: FieldType
    column: str
    origin: str


@dataclass(frozen=True, slots=True)
class PointBatch:
    """The points of a block.

    Attributes:
        block: where the rows came from.
        frame: ``measurement`` (String), ``time`` (Int64, ns since 1970 UTC), ``record`` (UInt32), and
            the columns that ``tags`` and ``fields`` name; in input order.
        tags: tag columns.
        fields: field columns.
        faults: cells and rows that could not be mapped; a row with a fault gave no point.
        skipped: rows without a point and without a fault, by reason.
        rows_mapped: rows that gave at least one point.
        rows_faulty: rows with at least one fault.
        empty_points: points without a field, of rows that gave others, too.
    """

    block: Block
    frame: pl.DataFrame
    tags: tuple[TagColumn, ...]
    fields: tuple[FieldColumn, ...]
    faults: tuple[Fault, ...]
    skipped: dict[SkipReason, int]
    rows_mapped: int
    rows_faulty: int
    empty_points: int = 0


@dataclass(frozen=True, slots=True)
class Counted:
    """Points that are kept elsewhere already, as the accounts have them.

    Attributes:
        points: how many.
        values: by the number of the shard group, how many values each field has, by measurement and field key.
        types: of these fields.
        first_ns: the first timestamp.
        last_ns: the last.
    """

    points: int
    values: dict[int, dict[tuple[str, str], int]]
    types: dict[tuple[str, str], FieldType]
    first_ns: int
    last_ns: int


@dataclass(frozen=True, slots=True)
class Lines:
    """The points of a block, as line protocol where they are to be written so, sorted by series and time.

    Attributes:
        block: where the rows came from.
        frame: ``series`` (UInt32, an id of the whole load), ``time`` (Int64, ns), ``record`` (UInt32),
            ``line`` (String, without newline; only where lines are written), and the columns that ``fields`` name.
            The sort is stable: points with the same key stand in input order.
        fields: field columns.
        faults: what line protocol cannot carry; a row with such a point gives none at all.
        rows_mapped: rows that have their points here.
        elsewhere: points that are not in the frame, as they are kept elsewhere.
    """

    block: Block
    frame: pl.DataFrame
    fields: tuple[FieldColumn, ...]
    faults: tuple[Fault, ...]
    rows_mapped: int
    elsewhere: Counted | None = None

    @property
    def points(self) -> int:
        """All of them."""
        return self.frame.height + (self.elsewhere.points if self.elsewhere is not None else 0)

    @property
    def line_bytes(self) -> int:
        """Of all lines; 0 where there are none."""
        return int(self.frame["line"].estimated_size()) if "line" in self.frame.columns else 0


@dataclass(frozen=True, slots=True)
class Refusal:
    """A point that the server refused.

    Attributes:
        row: position in the ``Lines`` frame.
        column: the field at fault where the server names it.
        message: the server's reason.
    """

    row: int
    column: str
    message: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a block's points.

    Attributes:
        lines: what was to be written.
        refusals: points that the server refused; all others are acknowledged.
        retries: tries beyond the first.
        unsent: positions of points that were not sent any more, because there were too many refusals.
        written: False where nothing was sent, because writing had been stopped.
    """

    lines: Lines
    refusals: tuple[Refusal, ...]
    retries: int
    unsent: tuple[int, ...] = ()
    written: bool = True
