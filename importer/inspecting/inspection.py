"""What an inspection finds, all of it: :class:`Inspection`, as JSON too (``model_dump(mode="json")``).

Times are RFC 3339 in UTC, with nanoseconds beside them where one goes on with them; counts are of rows unless they say
otherwise. What is not there is None.
"""

from __future__ import annotations

from importer.inspecting.records import (
    ColumnProfile,
    Dialect,
    Histogram,
    Question,
    Record,
    TagCandidate,
    TimeCandidate,
)
from importer.mapping.spec import Mapping

__all__ = ["AnnotatedTable", "Inspection", "KeyCollisions", "KeyExample", "ShardGroups"]


class KeyExample(Record):
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


class KeyCollisions(Record):
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


class ShardGroups(Record):
    """What the server will need.

    Attributes:
        duration_seconds: of a shard group, fitted to the time span.
        duration: the same as people write it, such as ``90d``.
        groups: how many of them the data fills.
    """

    duration_seconds: int
    duration: str
    groups: int


class AnnotatedTable(Record):
    """Rows of annotated CSV that have the same annotations and the same header, wherever they stand.

    Attributes:
        rows: so many.
        timezone: for times without an offset: an IANA name or ``+hhmm``.
        first: earliest time; None where none can be read.
        last: latest.
    """

    rows: int
    timezone: str
    first: str | None = None
    last: str | None = None


class Inspection(Record):
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
        is_annotated: it is annotated CSV, which says itself what its columns are, and is given no mapping.
        tables: of annotated CSV, those that have rows; else empty.
        tables_left_out: further tables that are counted, and of which nothing is shown; so many there are seldom.
        columns: as they stand in the header; of annotated CSV table by table.
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
        mapping: the proposal; None while a question is open, and of annotated CSV.
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
    is_annotated: bool = False
    tables: tuple[AnnotatedTable, ...] = ()
    tables_left_out: int = 0
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
