"""Annotated CSV: what its tables hold, and what a load makes of them.

Goes in: sources that say themselves what their columns are. Comes out: an :class:`Inspection` with tables, and without
a proposal, as there is nothing to propose. One pass: the rows are counted on their way to the trial.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from importer.annotated.layouts import Column, Layout
from importer.annotated.mapper import AnnotatedMapper
from importer.annotated.texts import text_of, times_of
from importer.errors import ConfigurationError
from importer.inspecting.counting import Counted, remembered
from importer.inspecting.delimiters import FoundDelimiter
from importer.inspecting.describing import annotated_profile
from importer.inspecting.dialect import sniff_all
from importer.inspecting.distinct import DistinctValues
from importer.inspecting.facts import ColumnFacts
from importer.inspecting.hints import Hints
from importer.inspecting.inspection import AnnotatedTable, Inspection
from importer.inspecting.records import ColumnProfile, TimeCandidate
from importer.inspecting.rows import Lines, Rows
from importer.inspecting.summing_up import as_tried, collisions_of, shard_groups_of, warnings_of
from importer.inspecting.time_facts import TimeFacts
from importer.inspecting.trial import MOST_SERIES, Trial, try_mapping
from importer.mapping.parts import CsvOptions
from importer.moments import as_text
from importer.records import Table, TablePart
from importer.source.bounds import Bounds
from importer.source.open import Source

__all__ = ["look_annotated"]

MOST_TABLES = 50
MOST_COLUMNS = 10_000
"""Of all tables together, that are looked at; of further tables the rows are counted."""

MOST_COUNTED = 100_000
"""Tables that are told apart only to be counted."""


def look_annotated(
    sources: Sequence[Source],
    hints: Hints,
    *,
    sample: int | None = None,
    bounds: Bounds = Bounds(),  # noqa: B008 - frozen
    scratch: Path | None = None,
    progress: Callable[[str, int], None] | None = None,
    stop: threading.Event | None = None,
) -> Inspection:
    """What is in them; the arguments are those of :func:`importer.inspecting.inspect.look`.

    Raises:
        SourceError: a source cannot be read.
        ConfigurationError: annotations cannot be used, or the user says what they say.
        LoadInterruptedError: it was told to stop.
    """
    hints.check_none_of_columns()
    csv = CsvOptions.from_dict(hints.csv)
    mapper = AnnotatedMapper(csv)
    given = {"delimiter": csv.delimiter, **hints.csv}
    sniffed = sniff_all(sources, given, whole=sample is None, bounds=bounds, scratch=scratch, stop=stop)
    rows = Rows(
        sources, sniffed, head=hints.head, sample=sample, bounds=bounds, scratch=scratch, progress=progress, stop=stop
    )
    seen = _Seen(csv.null)
    trial = try_mapping(mapper, seen.passing(rows.tables("reading the tables")), folder=scratch)
    if trial.too_many_series:
        raise ConfigurationError(
            f"the tags make more than {MOST_SERIES:,} series: annotate one of them as a field, or as ignored"
        )
    trial.duplicates.tag_hint = None  # the annotations decide what is a tag
    types = {(key, kind) for _, key, kind in mapper.decided}
    tables = list(seen.tables.values())
    return Inspection(
        sources=tuple(source.name for source in sources),
        bytes=rows.stored_bytes,
        is_whole=rows.is_whole,
        sampled=rows.sampled,
        rows=seen.counted.rows,
        blank=seen.counted.blank,
        broken=seen.counted.broken,
        broken_examples=tuple(seen.counted.broken_examples),
        dialect=replace(sniffed, found_delimiter=FoundDelimiter(seen.delimiter or sniffed.delimiter)).dialect(
            ".", header=True
        ),
        is_annotated=True,
        tables=tuple(table.record for table in tables),
        tables_left_out=len(seen.left_out),
        columns=tuple(
            profile
            for number, table in enumerate(tables)
            for profile in table.profiles(number, types, trial if len(tables) == 1 else Trial())
        ),
        times=tuple(as_tried(each, trial) for each in dict.fromkeys(table.time for table in tables)),
        rows_over_time=trial.over_time,
        series=trial.series,
        rejects=trial.rejects,
        reject_examples=tuple(trial.reject_examples),
        collisions=collisions_of(trial),
        shard_groups=shard_groups_of(trial),
        warnings=tuple(warnings_of(trial, seen.counted)),
    )


class _Seen:
    """What passes by on its way to the trial.

    Attributes:
        counted: rows of all tables.
        tables: those that are looked at, by their layout.
        left_out: hashes of the layouts of the others.
        delimiter: that the rows really have; empty before the first.
    """

    def __init__(self, null: tuple[str, ...]) -> None:
        self._null = null
        self.counted = Counted()
        self.tables: dict[Layout, _Table] = {}
        self.left_out: set[int] = set()
        self.delimiter = ""

    def passing(self, tables: Iterator[Table]) -> Iterator[Table]:
        for table in tables:
            self.counted.take(table)
            self.delimiter = self.delimiter or table.block.delimiter
            for part in table.parts:
                known = self._known(part.layout)
                if known is not None:
                    known.add(table, part, self._null)
            yield table

    def _known(self, layout: Layout) -> _Table | None:
        if layout not in self.tables:
            columns = sum(len(table.columns) for table in self.tables.values())
            if self.tables and (len(self.tables) >= MOST_TABLES or columns >= MOST_COLUMNS):
                if len(self.left_out) < MOST_COUNTED:
                    self.left_out.add(hash(layout))
                return None
            self.tables[layout] = _Table(layout, first=not self.tables)
        return self.tables[layout]


@dataclass(slots=True)
class _Column:
    column: Column
    facts: ColumnFacts


class _Table:
    """The rows of one layout.

    Args:
        layout: theirs.
        first: there may be more values to remember.

    Attributes:
        columns: of the header, then those that annotations add.
    """

    def __init__(self, layout: Layout, *, first: bool) -> None:
        self._layout, self._rows = layout, 0
        self._first_ns: int | None = None
        self._last_ns: int | None = None
        used = (layout.measurement, layout.time, *layout.tags, *layout.fields, layout.field_name, layout.field_value)
        columns = [
            *(column if column in used else replace(column, role="ignored") for column in layout.columns),
            *(column for column in used if column is not None and column.name is None),
        ]
        most = remembered(len(columns)) if first else 100
        self.columns = [
            _Column(column, ColumnFacts(column.label, position, DistinctValues(most), TimeFacts()))
            for position, column in enumerate(columns)
        ]

    def add(self, table: Table, part: TablePart, null: tuple[str, ...]) -> None:
        """Take in rows."""
        self._rows += part.frame.height
        lines = Lines(replace(table, frame=part.frame))
        for each in self.columns:
            if each.column.role != "ignored":
                each.facts.add(text_of(part.frame, self._layout, each.column, null), lines)
        times = times_of(part.frame, self._layout, null).good
        if times.null_count() < len(times):
            low, high = int(times.min()), int(times.max())  # type: ignore[arg-type]
            self._first_ns = low if self._first_ns is None else min(self._first_ns, low)
            self._last_ns = high if self._last_ns is None else max(self._last_ns, high)

    @property
    def record(self) -> AnnotatedTable:
        """The table as the inspection has it."""
        return AnnotatedTable(
            rows=self._rows, timezone=self._layout.timezone, first=_text(self._first_ns), last=_text(self._last_ns)
        )

    @property
    def time(self) -> TimeCandidate:
        """How its time is written."""
        column, zone = self._layout.time, self._layout.timezone
        form = column.type.time
        return TimeCandidate(
            columns=(column.label,),
            format="rfc3339 or unix_ns" if form is None else form.format,
            timezone=zone,
            timezone_is_given=zone != "UTC",
            has_offset=form is None or form.has_zone,
            chosen=True,
            why="the annotations say so",
        )

    def profiles(self, number: int, types: Collection[tuple[str, str]], trial: Trial) -> Iterator[ColumnProfile]:
        """Its columns as the inspection has them."""
        for each in self.columns:
            ends = (_text(self._first_ns), _text(self._last_ns))
            yield annotated_profile(each.facts, each.column, number, ends=ends, types=types, trial=trial)


def _text(time_ns: int | None) -> str | None:
    return None if time_ns is None else as_text(time_ns)
