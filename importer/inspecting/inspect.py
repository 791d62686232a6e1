"""Look at a dataset: :func:`inspect`, on which ``importer inspect`` and loads without a mapping stand.

Two passes: what the columns hold, and the mapping that follows from it tried on all rows. Where rows with different
values share a key and another column would tell them apart, or there are too many series, the tags are changed, and
the mapping is tried again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from importer.inspecting.choosing_roles import choose_roles
from importer.inspecting.choosing_time import choose_time
from importer.inspecting.counting import count
from importer.inspecting.describing import column_profiles, tag_candidates
from importer.inspecting.dialect import Sniffed, looks_like_data, sniff_all
from importer.inspecting.hints import Hints
from importer.inspecting.inspection import Inspection
from importer.inspecting.looking_at_annotated import look_annotated
from importer.inspecting.naming import measurement_after
from importer.inspecting.proposal import decimal_of, keys_of, proposed
from importer.inspecting.rereading import rereadable
from importer.inspecting.rows import Rows
from importer.inspecting.summing_up import (
    about_columns,
    about_header,
    about_no_rows,
    about_text,
    as_tried,
    collisions_of,
    shard_groups_of,
    warnings_of,
)
from importer.inspecting.trial import Trial, try_mapping
from importer.inspecting.trying import Tried, tried
from importer.mapping.columns import ColumnMapper
from importer.mapping.header import check_columns
from importer.mapping.parts import CsvOptions
from importer.source.bounds import Bounds
from importer.source.open import Source, expand

__all__ = ["annotated_among", "inspect", "look"]


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
    bounds: Bounds = Bounds(),  # noqa: B008 - frozen
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
        bounds: what of a source is too much, as of a load.
        stdin: where ``-`` reads from.
        progress: told now and then what is being done, and how many rows are read.

    Returns:
        what is in it. Where ``questions`` is not empty, ``mapping`` is None until they are answered by the arguments;
        annotated CSV needs none.

    Raises:
        SourceError: the input cannot be read.
        ConfigurationError: an argument is wrong, or names a column that is not there; annotations cannot be used, or
            an argument says of their columns what they say themselves.
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
    with rereadable(expand(names), stdin, bounds=bounds) as sources:
        is_annotated = annotated_among(sources, hints, bounds=bounds)
        return (look_annotated if is_annotated else look)(
            sources, hints, sample=sample, bounds=bounds, progress=progress
        )


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
    sniffed = sniff_all(sources, given, whole=False, bounds=bounds, scratch=scratch, stop=stop)
    return Rows(sources, sniffed, head=hints.head, bounds=bounds, scratch=scratch, stop=stop).is_annotated


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
    sniffed = sniff_all(sources, hints.csv, whole=sample is None, bounds=bounds, scratch=scratch, stop=stop)
    rows = Rows(
        sources,
        sniffed,
        head=hints.head,
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
    for name, header in rows.headers.items():
        check_columns(named, header, name)
    return _concluded([source.name for source in sources], hints, sniffed, rows, scratch)


def _concluded(names: Sequence[str], hints: Hints, sniffed: Sniffed, rows: Rows, scratch: Path | None) -> Inspection:
    counted = count(rows, hints)
    header = sniffed.kind != "csv" or not looks_like_data(rows.header, counted.second)
    time = choose_time(counted.facts, hints, names[0])
    roles = choose_roles(counted.facts, time.used, hints)
    if not counted.rows:
        questions = [about_no_rows(names[0])]
    elif not header:
        questions = [about_header(rows.header, sniffed.delimiter, time)]
    else:
        questions = about_columns(rows, hints) or [*time.questions, *roles.questions]

    def attempt() -> Tried:
        measurement = hints.measurement or measurement_after(names)
        mapping, keys = proposed(roles, time.spec or {}, measurement=measurement, sniffed=sniffed, hints=hints)
        tables = rows.tables("trying the mapping")
        return Tried(mapping, keys, try_mapping(ColumnMapper(mapping), tables, folder=scratch))

    mapping, keys, trial = None, keys_of(roles, hints), Trial()
    if time.spec is not None and not questions:
        found = tried(roles, attempt, may_change=not hints.tags)
        mapping, keys, trial = found.mapping, found.keys, found.trial
    return Inspection(
        sources=tuple(names),
        bytes=rows.stored_bytes,
        is_whole=rows.is_whole,
        sampled=rows.sampled,
        rows=counted.rows,
        blank=counted.blank,
        broken=counted.broken,
        broken_examples=tuple(counted.broken_examples),
        dialect=sniffed.dialect(decimal_of(roles, hints), header=header),
        columns=column_profiles(rows.header, rows.unusable, counted.facts, roles=roles, keys=keys, trial=trial),
        times=tuple(as_tried(candidate, trial) for candidate in time.candidates),
        rows_over_time=trial.over_time,
        tags=tag_candidates(roles),
        series=None if mapping is None else trial.series,
        rejects=trial.rejects,
        reject_examples=tuple(trial.reject_examples),
        collisions=None if mapping is None else collisions_of(trial),
        shard_groups=shard_groups_of(trial),
        questions=tuple(questions),
        warnings=tuple(
            dict.fromkeys([*about_text(sniffed, rows), *time.warnings, *roles.warnings, *warnings_of(trial, counted)])
        ),
        mapping=mapping,
    )
