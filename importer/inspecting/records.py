"""What an inspection finds: the records that it hands on, as JSON too (``model_dump(mode="json")``).

Times are RFC 3339 in UTC, with nanoseconds beside them where one goes on with them; counts are of rows unless they say
otherwise. What is not there is None.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from importer.mapping.spec import Mapping
from importer.records import FieldType

__all__ = [
    "Choice",
    "ColumnProfile",
    "ColumnRole",
    "ColumnType",
    "Dialect",
    "Histogram",
    "Inspection",
    "KeyCollisions",
    "KeyExample",
    "Question",
    "RefusedType",
    "ShardGroups",
    "TagCandidate",
    "TimeCandidate",
    "ValueCount",
]

ColumnType = FieldType | Literal["time", "empty"]
ColumnRole = Literal["time", "tag", "field", "left out"]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True)


class Dialect(_Record):
    """How the text is written.

    Attributes:
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

    delimiter: str
    quote: str | None
    header: bool
    newline: Literal["\n", "\r\n", "mixed"]
    decimal: Literal[".", ","]
    encoding: str
    byte_order_mark: bool
    encoding_is_certain: bool = True
    compression: str | None = None
    reasons: tuple[str, ...] = ()


class ValueCount(_Record):
    """A text, and in how many rows it stands."""

    value: str
    rows: int


class RefusedType(_Record):
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


class Histogram(_Record):
    """How many values lie between two edges.

    Attributes:
        edges: one more than counts, rising; of times in nanoseconds since 1970.
        counts: values from each edge up to the next; the last edge belongs to the last.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]


class ColumnProfile(_Record):
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


class TimeCandidate(_Record):
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


class TagCandidate(_Record):
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


class KeyExample(_Record):
    """Two rows with one key (series and time) of which the later one takes the place of the earlier.

    Attributes:
        series: as line protocol.
        time: RFC 3339.
        field: that differs.
        lost: the earlier value.
        kept: the later one.
    """

    series: str
    time: str
    field: str
    lost: str
    kept: str


class KeyCollisions(_Record):
    """Rows whose key (measurement, tags, time) an earlier row has, under the proposed mapping.

    Attributes:
        total: all of them.
        identical: with the very same values: nothing is lost.
        merged: with values for other fields: nothing is lost.
        overwritten: with another value for a field: the earlier value would be lost.
        examples: the first overwritten values.
        tag_hint: a column that would keep them apart as a tag; None: there is none, or none is needed.
    """

    total: int
    identical: int
    merged: int
    overwritten: int
    examples: tuple[KeyExample, ...] = ()
    tag_hint: str | None = None


class ShardGroups(_Record):
    """What the server will need.

    Attributes:
        duration_seconds: of a shard group, fitted to the time span.
        duration: the same as people write it, such as ``90d``.
        groups: how many of them the data fills.
    """

    duration_seconds: int
    duration: str
    groups: int


class Choice(_Record):
    """An answer to a question.

    Attributes:
        value: what to give to the option.
        meaning: in words, with an example of the data where there is one.
    """

    value: str
    meaning: str


class Question(_Record):
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


class Inspection(_Record):
    """What is in a dataset.

    Attributes:
        schema_version: of this shape.
        sources: names, in the order of reading.
        bytes: of all of them as stored; None where that is not known.
        is_whole: whether every row was read; else a sample.
        sampled: in words, which rows a sample holds; empty where all were read.
        rows: that were read, blank lines not counted.
        blank: blank lines.
        broken: records that cannot be rows, such as those with too few cells.
        broken_examples: the first of them: line and reason, in words.
        dialect: how the text is written.
        columns: as they stand in the header.
        times: what may be the time, the best first.
        rows_over_time: of the chosen time.
        tags: what was considered as a tag.
        series: how many the proposed mapping makes.
        rejects: rows that the proposed mapping would reject, because the data forces it.
        reject_examples: the first of them, in words.
        collisions: under the proposed mapping; None where there is no mapping, or they were not looked for.
        shard_groups: None where there is no time.
        questions: what must be answered before the data can be loaded.
        warnings: what one should know, in words.
        mapping: the proposal; None while a question is open.
    """

    schema_version: int = 1
    sources: tuple[str, ...]
    bytes: int | None
    is_whole: bool
    sampled: str = ""
    rows: int
    blank: int = 0
    broken: int = 0
    broken_examples: tuple[str, ...] = ()
    dialect: Dialect
    columns: tuple[ColumnProfile, ...]
    times: tuple[TimeCandidate, ...] = ()
    rows_over_time: Histogram | None = None
    tags: tuple[TagCandidate, ...] = ()
    series: int | None = None
    rejects: int = 0
    reject_examples: tuple[str, ...] = ()
    collisions: KeyCollisions | None = None
    shard_groups: ShardGroups | None = None
    questions: tuple[Question, ...] = ()
    warnings: tuple[str, ...] = ()
    mapping: Mapping | None = None

    @property
    def time(self) -> TimeCandidate | None:
        """The chosen time."""
        return next((candidate for candidate in self.times if candidate.chosen), None)
