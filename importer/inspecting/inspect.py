"""Look at a dataset: :func:`inspect`, on which ``importer inspect`` and loads without a mapping stand.

Two passes: what the columns hold, and the mapping that follows from it tried on all rows. Where rows with different
values share a key and another column would tell them apart, or there are too many series, the tags are changed, and
the mapping is tried again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from importer.errors import ConfigurationError
from importer.inspecting.choosing_roles import Role, Roles, choose_roles, is_tag_like
from importer.inspecting.choosing_time import TimeChoice, choose_time
from importer.inspecting.describing import column_profiles, tag_candidates
from importer.inspecting.dialect import Sniffed, looks_like_data, sniff
from importer.inspecting.distinct import DistinctValues
from importer.inspecting.facts import ColumnFacts
from importer.inspecting.hints import Hints
from importer.inspecting.naming import measurement_after
from importer.inspecting.proposal import decimal_of, keys_of, proposed
from importer.inspecting.records import (
    Inspection,
)
from importer.inspecting.rereading import rereadable
from importer.inspecting.rows import Lines, Rows
from importer.inspecting.summing_up import (
    Counted,
    as_tried,
    collisions_of,
    questions_of,
    said,
    shard_groups_of,
    warnings_of,
)
from importer.inspecting.time_facts import TimeFacts
from importer.inspecting.trial import MOST_SERIES, Trial, try_mapping
from importer.mapping.header import check_columns
from importer.mapping.parts import CsvOptions
from importer.mapping.spec import Mapping
from importer.source.bounds import Bounds
from importer.source.header import Head
from importer.source.open import Source, expand

__all__ = ["annotated_among", "inspect", "look"]

MOST_VALUES = 20_000
MOST_VALUES_IN_ALL = 400_000
"""That are remembered of a column, and of all of them."""

MANY_SERIES = 100_000
MOST_TRIALS = 4
BROKEN_EXAMPLES = 5


def inspect(
    source: str | Path | Sequence[str | Path],
    *,
    sample: int | None = None,
    csv: dict[str, Any] | None = None,
    measurement: str | None = None,
    time: str | Sequence[str] | None = None,
    time_format: str | None = None,
    timezone: str | None = None,
    ambiguous: str | None = None,
    tags: Sequence[str] = (),
    fields: Sequence[str] = (),
    row_filter: str | None = None,
    stdin: BinaryIO | None = None,
    progress: Callable[[str, int], None] | None = None,
) -> Inspection:
    """Look at a dataset, and propose a mapping; nothing is written anywhere.

    Args:
        source: paths, globs, URLs, or ``-`` for standard input.
        sample: look at so many rows only, evenly spread where the file allows it; None: at every row.
        csv: how the text is to be read (``delimiter``, ``encoding``, ``null``, ``decimal``, ``header``, …), as far as
            one knows better than what is found out.
        measurement: its name, instead of the file's.
        time: the column with the time, or several that are joined by a space.
        time_format: of it.
        timezone: IANA name, for times without an offset.
        ambiguous: what to do with a local time that occurs twice or never: ``reject``, ``earliest``, ``latest``.
        tags: ``COL`` or ``KEY=COL``: these are the tags, instead of those found.
        fields: ``COL``, ``COL:TYPE``, ``KEY=COL:TYPE``: these are the fields, instead of all other columns.
        row_filter: an SQL condition over the columns, as text; rows that do not meet it are not counted as points.
        stdin: where ``-`` reads from.
        progress: told now and then what is being done, and how many rows are read.

    Returns:
        what is in it. Where ``questions`` is not empty, ``mapping`` is None until they are answered by the arguments.

    Raises:
        SourceError: the input cannot be read.
        ConfigurationError: an argument is wrong, or names a column that is not there; or the sources are annotated CSV,
            which says itself how it is mapped.
    """
    hints = Hints.of(
        measurement=measurement,
        time=time,
        time_format=time_format,
        timezone=timezone,
        ambiguous=ambiguous,
        tags=tags,
        fields=fields,
        row_filter=row_filter,
        csv=csv,
    )
    names = [source] if isinstance(source, str | Path) else list(source)
    with rereadable(expand(names), stdin) as sources:
        if annotated_among(sources, hints):
            raise ConfigurationError(
                f"{sources[0].name!r} is annotated CSV, which says itself what its columns are: "
                "importer load takes it as it is"
            )
        return look(sources, hints, sample=sample, progress=progress)


def annotated_among(
    sources: Sequence[Source],
    hints: Hints,
    *,
    bounds: Bounds = Bounds(),  # noqa: B008 - frozen
    scratch: Path | None = None,
    stop: threading.Event | None = None,
) -> bool:
    """Whether the sources say themselves what their columns are.

    Raises:
        SourceError: a source cannot be read.
        MappingError: annotations cannot be used.
    """
    given = {"delimiter": ",", **hints.csv}
    sniffed = sniff(sources[0], given, whole=False, bounds=bounds, scratch=scratch, stop=stop)
    return Rows(sources, sniffed, head=_head(hints), bounds=bounds, scratch=scratch, stop=stop).is_annotated


def look(
    sources: Sequence[Source],
    hints: Hints,
    *,
    sample: int | None = None,
    limit: int | None = None,
    bounds: Bounds = Bounds(),  # noqa: B008 - frozen
    scratch: Path | None = None,
    progress: Callable[[str, int], None] | None = None,
    stop: threading.Event | None = None,
) -> Inspection:
    """As :func:`inspect`, of sources that can be read again and are not annotated.

    Args:
        sources: in their order.
        hints: what the user says.
        sample: so many rows only.
        limit: as if there were no more rows than these.
        bounds: what is too much.
        scratch: folder for what must be kept in a file to be read.
        progress: told what is being done.
        stop: when set, it ends.

    Raises:
        LoadInterruptedError: it was told to stop.
    """
    CsvOptions.from_dict(hints.csv)  # what is wrong is told of before anything is read
    sniffed = sniff(sources[0], hints.csv, whole=sample is None, bounds=bounds, scratch=scratch, stop=stop)
    rows = Rows(
        sources,
        sniffed,
        head=_head(hints),
        sample=sample,
        limit=limit,
        bounds=bounds,
        scratch=scratch,
        progress=progress,
        stop=stop,
    )
    named = [
        *hints.time,
        *(column for spec in (*hints.tags.values(), *hints.fields.values()) for column in (spec["column"],)),
    ]
    check_columns(named, rows.header, sources[0].name)
    return _Look(sources, hints, sniffed, rows, scratch).result()


def _head(hints: Hints) -> Head:
    csv = hints.csv
    return Head(tuple(csv.get("header") or ()), csv.get("skip_header") or 0, csv.get("skip_rows") or 0)


class _Look:
    def __init__(
        self, sources: Sequence[Source], hints: Hints, sniffed: Sniffed, rows: Rows, scratch: Path | None
    ) -> None:
        self._scratch = scratch
        self._sources, self._hints, self._sniffed, self._rows = sources, hints, sniffed, rows
        self._warnings = [reason for reason in sniffed.reasons if not sniffed.is_certain and "UTF-8" in reason]

    def result(self) -> Inspection:
        counted = self._count()
        header = not looks_like_data(self._rows.header, counted.second)
        time = choose_time(counted.facts, self._hints, self._sources[0].name)
        roles = choose_roles(counted.facts, time.used, self._hints)
        questions = questions_of(time, roles, header=header, rows=counted.rows, name=self._sources[0].name)
        if self._sniffed.delimiter == "," and len(self._rows.header) == 1:
            self._warnings.append("there is one column only: if that is wrong, say --delimiter")
        trial, mapping = Trial(), None
        if time.spec is not None and not questions:
            mapping, keys, trial = self._tried(time, roles)
        else:
            keys = keys_of(roles, self._hints)
        names = [source.name for source in self._sources]
        warnings = [*self._warnings, *time.warnings, *roles.warnings, *warnings_of(trial, counted)]
        return Inspection(
            sources=tuple(names),
            bytes=self._rows.stored_bytes,
            is_whole=self._rows.is_whole,
            sampled=self._rows.sampled,
            rows=counted.rows,
            blank=counted.blank,
            broken=counted.broken,
            broken_examples=tuple(counted.broken_examples),
            dialect=self._sniffed.dialect(decimal_of(roles, self._hints), header=header),
            columns=column_profiles(
                self._rows.header, self._rows.unusable, counted.facts, roles=roles, keys=keys, trial=trial
            ),
            times=tuple(as_tried(candidate, trial) for candidate in time.candidates),
            rows_over_time=trial.over_time,
            tags=tag_candidates(roles),
            series=None if mapping is None else trial.series,
            rejects=trial.rejects,
            reject_examples=tuple(trial.reject_examples),
            collisions=None if mapping is None else collisions_of(trial),
            shard_groups=shard_groups_of(trial),
            questions=tuple(questions),
            warnings=tuple(dict.fromkeys(warnings)),
            mapping=mapping,
        )

    def _count(self) -> Counted:
        columns = self._rows.columns
        most = max(100, min(MOST_VALUES, MOST_VALUES_IN_ALL // max(1, len(columns))))
        positions = {name: position for position, name in enumerate(self._rows.header)}
        counted = Counted(
            [
                ColumnFacts(name, positions[name], DistinctValues(most), TimeFacts(given=self._hints.time_format))
                for name in columns
            ]
        )
        if self._hints.csv.get("decimal") == ".":
            for facts in counted.facts:
                facts.open.discard("comma float")
        null = list(self._hints.null)
        for table in self._rows.tables("reading the columns"):
            lines = Lines(table)
            counted.rows += table.frame.height + len({fault.record for fault in table.faults})
            counted.blank += table.blank
            counted.broken += len({fault.record for fault in table.faults})
            for fault in table.faults[: BROKEN_EXAMPLES - len(counted.broken_examples)]:
                counted.broken_examples.append(said(fault.column, fault.message))
            if not counted.second and table.frame.height:
                counted.second = tuple(table.frame[name][0] or "" for name in columns)
            for facts in counted.facts:
                text = table.frame[facts.name]
                if null:
                    text = text.set(text.is_in(null).fill_null(value=False), None)
                facts.add(text, lines)
        for facts in counted.facts:
            facts.times.are_all = self._rows.is_whole
        return counted

    def _tried(self, time: TimeChoice, roles: Roles) -> tuple[Mapping, dict[str, str], Trial]:
        """The mapping under which the fewest values take each other's place, without too many series."""
        mapping, keys, trial = self._try(time, roles)
        looked_at: set[str] = set()
        for _ in range(MOST_TRIALS):
            if self._hints.tags:
                break
            if trial.too_many_series or trial.series > MANY_SERIES:
                tag = max(roles.of("tag"), key=lambda role: role.facts.values.number)
                tag.role, tag.why = "field", "as a tag it would make too many series"
                looked_at.add(tag.facts.name)
                mapping, keys, trial = self._try(time, roles)
                continue
            apart = _telling_apart(roles, trial, looked_at) if trial.duplicates.kinds["overwritten"] else None
            if apart is None:
                break
            looked_at.add(apart.facts.name)
            why = apart.why
            apart.role, apart.why = "tag", "keeps rows of one instant apart"
            other = self._try(time, roles)
            lost = other[2].duplicates.kinds["overwritten"]
            if other[2].too_many_series or lost >= trial.duplicates.kinds["overwritten"]:
                apart.role, apart.why = "field", why
                mapping, keys = self._proposed(time, roles)
            else:
                mapping, keys, trial = other
        if trial.too_many_series:
            raise ConfigurationError(
                f"the tags make more than {MOST_SERIES:,} series: name fewer of them by --tag; others become fields"
            )
        return mapping, keys, trial

    def _try(self, time: TimeChoice, roles: Roles) -> tuple[Mapping, dict[str, str], Trial]:
        mapping, keys = self._proposed(time, roles)
        return (
            mapping,
            keys,
            try_mapping(
                mapping,
                self._rows.tables("trying the mapping"),
                is_sample=bool(self._rows.sampled),
                folder=self._scratch,
            ),
        )

    def _proposed(self, time: TimeChoice, roles: Roles) -> tuple[Mapping, dict[str, str]]:
        measurement = self._hints.measurement or measurement_after(source.name for source in self._sources)
        return proposed(roles, time.spec or {}, measurement=measurement, sniffed=self._sniffed, hints=self._hints)


def _telling_apart(roles: Roles, trial: Trial, looked_at: Collection[str]) -> Role | None:
    """A field that could be a tag, the likeliest to tell colliding rows apart."""
    fields = [role for role in roles.of("field") if role.facts.name not in looked_at and is_tag_like(role)]
    if len(roles.of("field")) < 2:  # noqa: PLR2004 - one must stay
        return None
    hint = trial.duplicates.tag_hint
    return min(fields, key=lambda role: (role.facts.name != hint, role.facts.values.number), default=None)
