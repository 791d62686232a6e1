"""What an inspection finds of the text, of each column and of times, and what it asks.

Times are RFC 3339 in UTC, with nanoseconds beside them where one goes on with them; counts are of rows unless they say
otherwise. What is not there is None.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from importer.records import FieldType
from importer.source.kinds import Kind

__all__ = [
    "Choice",
    "ColumnProfile",
    "ColumnRole",
    "ColumnType",
    "Dialect",
    "Histogram",
    "Question",
    "Record",
    "RefusedType",
    "TagCandidate",
    "TimeCandidate",
    "ValueCount",
]

ColumnType = FieldType | Literal["time", "empty", "not read"]
ColumnRole = Literal["time", "tag", "field", "left out", "measurement", "field name"]
"""The last two are of annotated CSV alone."""


class Record(BaseModel):
    """A part of an inspection."""

    model_config = ConfigDict(frozen=True)


class Dialect(Record):
    """How the source is written; of what is no text, or of text without cells, what it does not have is None.

    Attributes:
        kind: ``csv``, ``json`` (JSON Lines), ``parquet``, ``arrow`` or ``arrow stream``.
        delimiter: between cells.
        quote: the sign around cells; None where none is quoted.
        header: whether the first line names the columns; False where it looks like data.
        newline: how lines end.
        decimal: the decimal mark.
        encoding: canonical name.
        byte_order_mark: whether the text begins with one.
        encoding_is_certain: False where it was guessed from the letters.
        compression: ``gzip``, ``zstd`` or None.
        reasons: in words, why; for what was not simply there to be seen.
    """

    kind: Kind
    delimiter: str | None
    quote: str | None
    header: bool
    newline: Literal["\n", "\r\n", "mixed"] | None
    decimal: Literal[".", ","]
    encoding: str | None
    byte_order_mark: bool
    encoding_is_certain: bool = True
    compression: str | None = None
    reasons: tuple[str, ...] = ()


class ValueCount(Record):
    """A text, and in how many rows it stands."""

    value: str
    rows: int


class RefusedType(Record):
    """Why a column is not of a type that it might have been.

    Attributes:
        type: the type, or the time format.
        example: the first cell that does not fit.
        line: where it stands in the file (1 is the header); None in a sample.
        why: in words.
    """

    type: str
    example: str
    line: int | None
    why: str


class Histogram(Record):
    """How many values lie between two edges.

    Attributes:
        edges: one more than counts, rising; of times in nanoseconds since 1970.
        counts: values from each edge up to the next; the last edge belongs to the last.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]


class ColumnProfile(Record):
    """A column.

    Attributes:
        name: in the header.
        position: in the header, from 0.
        type: of all its cells together.
        role: what it becomes under the proposed mapping.
        key: of the tag or field; None for the others.
        why: the reason for the role, in words.
        rows: with a cell of it.
        nulls: of these, empty, or with one of the proposal's null texts.
        null_like: texts that may mean an empty cell (``NA``, ``-999``), with their counts; the proposal's own included.
        distinct: different values, nulls not counted.
        distinct_is_exact: False where ``distinct`` is an estimate.
        minimum: the least value as it is written: by number, by time, else by text.
        maximum: the greatest.
        examples: up to five of its values, the first ones.
        frequent: up to ten of its most frequent values; empty where nothing occurs often, or there are too many.
        longest_bytes: of its cells.
        histogram: of a number; None for all else, and where there are no two values.
        refused: the types that it is not, with the first cell that speaks against each.
        table: of annotated CSV, the position of its table among the inspection's.
        annotation: of annotated CSV, the type that it is said to have.
    """

    name: str
    position: int
    type: ColumnType
    role: ColumnRole
    key: str | None
    why: str
    rows: int
    nulls: int
    null_like: tuple[ValueCount, ...] = ()
    distinct: int
    distinct_is_exact: bool = True
    minimum: str | None = None
    maximum: str | None = None
    examples: tuple[str, ...] = ()
    frequent: tuple[ValueCount, ...] = ()
    longest_bytes: int = 0
    histogram: Histogram | None = None
    refused: tuple[RefusedType, ...] = ()
    table: int | None = None
    annotation: str | None = None


class TimeCandidate(Record):
    """A column, or several together, that may be the time.

    Attributes:
        columns: more than one where they are joined by a space.
        format: as the mapping file takes it; None where it cannot be decided or written.
        timezone: for a format without an offset.
        timezone_is_given: whether the data or the user says it; UTC is taken otherwise.
        has_offset: the texts say their offset, or count from 1970.
        first: earliest time.
        last: latest.
        first_ns: the same in nanoseconds since 1970.
        last_ns: likewise.
        precision: the finest unit that occurs.
        nulls: rows without a time.
        chosen: whether the proposal takes it.
        why: in words: the reason to take it or not.
    """

    columns: tuple[str, ...]
    format: str | None
    timezone: str = "UTC"
    timezone_is_given: bool = False
    has_offset: bool = False
    first: str | None = None
    last: str | None = None
    first_ns: int | None = None
    last_ns: int | None = None
    precision: Literal["s", "ms", "us", "ns"] | None = None
    nulls: int = 0
    chosen: bool = False
    why: str = ""

    @property
    def span_seconds(self) -> float | None:
        """From the first time to the last."""
        return None if self.first_ns is None or self.last_ns is None else (self.last_ns - self.first_ns) / 1e9


class TagCandidate(Record):
    """A column that was considered as a tag.

    Attributes:
        column: its name.
        distinct: different values.
        distinct_is_exact: False where that is an estimate.
        chosen: whether the proposal takes it.
        why: in words.
    """

    column: str
    distinct: int
    distinct_is_exact: bool = True
    chosen: bool
    why: str


class Choice(Record):
    """An answer to a question.

    Attributes:
        value: what to give to the option.
        meaning: in words, with an example of the data where there is one.
    """

    value: str
    meaning: str


class Question(Record):
    """What the data does not decide, and is not guessed.

    Attributes:
        about: a column, or what of the file.
        text: the question, in words.
        option: of the command line that answers it, such as ``--time-format``.
        choices: the answers that fit the data; empty where there are too many to list.
    """

    about: str
    text: str
    option: str
    choices: tuple[Choice, ...] = ()
