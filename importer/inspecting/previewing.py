"""A dataset looked at for somebody who is about to load it: what is in it, a mapping tried on it, its first points.

Goes in: a file, and what its user knows of it, or a mapping. Comes out: :class:`Preview`. Nothing is sent anywhere.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from importer.annotated.mapper import AnnotatedMapper
from importer.errors import ConfigurationError
from importer.inspecting.delimiters import FoundDelimiter
from importer.inspecting.dialect import Sniffed
from importer.inspecting.encodings import FoundEncoding
from importer.inspecting.hints import Hints
from importer.inspecting.inspect import annotated_among, look
from importer.inspecting.inspection import Inspection, KeyCollisions
from importer.inspecting.mapping_text import plain_toml, to_toml
from importer.inspecting.rows import Rows
from importer.inspecting.summing_up import collisions_of
from importer.inspecting.trial import MOST_SERIES, try_mapping
from importer.mapping.columns import ColumnMapper
from importer.mapping.parts import CsvOptions
from importer.mapping.spec import Mapping
from importer.moments import as_text
from importer.records import PointBatch, Table
from importer.source.header import Head
from importer.source.open import Source, canonical_encoding, expand
from importer.source.reader import Reader

__all__ = ["Preview", "PreviewPoint", "TriedMapping", "preview", "preview_of_mapping"]

POINTS = 20


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True)


class PreviewPoint(_Record):
    """A point as a load would write it."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra={
            "examples": [
                {
                    "measurement": "birds",
                    "tags": {"bird": "Anna"},
                    "fields": {"lat": 47.3, "alive": True},
                    "time": "2024-05-01T10:00:00Z",
                }
            ]
        },
    )

    measurement: str
    tags: dict[str, str]
    fields: dict[str, float | int | bool | str]
    time: str = Field(description="RFC 3339, in UTC, to the nanosecond.")


class TriedMapping(_Record):
    """What a load with this mapping would come to."""

    is_whole: bool = Field(description="All rows were tried; else a sample.")
    rows: int
    points: int
    rejects: int = Field(description="Rows with a cell that cannot be loaded, and records that are no rows.")
    reject_examples: tuple[str, ...] = Field(description="The first, in words, with line and column.")
    series: int
    collisions: KeyCollisions = Field(description="Rows that would take the place of earlier ones.")
    first: str | None = Field(description="The earliest time.")
    last: str | None = Field(description="The latest.")


class Preview(_Record):
    """What is in a file, and what would become of it."""

    annotated: bool = Field(default=False, description="It says itself what its columns are: load it without mapping.")
    inspection: Inspection | None = Field(
        default=None, description="What is in it; null where a mapping was given, or the file is annotated CSV."
    )
    mapping: dict[str, Any] | None = Field(
        default=None, description="The mapping given, or proposed; null while a question is open."
    )
    mapping_toml: str | None = Field(default=None, description="The same as the text of a mapping file.")
    tried: TriedMapping | None = Field(default=None, description="That mapping, tried on the rows.")
    preview: tuple[PreviewPoint, ...] = Field(default=(), description="The first points.")


def preview(
    source: Path,
    hints: Hints,
    *,
    sample: int | None = None,
    scratch: Path | None = None,
    stop: threading.Event | None = None,
) -> Preview:
    """Look at a file for a mapping.

    Args:
        source: a regular file.
        hints: what its user knows.
        sample: look at so many rows only.
        scratch: folder for what must be kept in files meanwhile.
        stop: when set, it ends.

    Raises:
        ConfigurationError: a hint is wrong.
        SourceError: the file cannot be read.
        LoadInterruptedError: it was told to stop.
    """
    sources = expand([source])
    csv = CsvOptions.from_dict(hints.csv)
    if annotated_among(sources, hints, scratch=scratch, stop=stop):
        return Preview(annotated=True, preview=_points_of(sources, AnnotatedMapper(csv), csv, scratch, stop))
    found = look(sources, hints, sample=sample, scratch=scratch, stop=stop)
    if found.mapping is None:
        return Preview(inspection=found)
    time, collisions = found.time, found.collisions
    return Preview(
        inspection=found,
        mapping=_as_json(found.mapping),
        mapping_toml=to_toml(found),
        tried=TriedMapping(
            is_whole=found.is_whole,
            rows=found.rows,
            points=found.rows - found.rejects - found.broken,
            rejects=found.rejects + found.broken,
            reject_examples=(*found.broken_examples, *found.reject_examples),
            series=found.series or 0,
            collisions=collisions or KeyCollisions(total=0, identical=0, merged=0, overwritten=0),
            first=time.first if time else None,
            last=time.last if time else None,
        ),
        preview=_points_of(sources, ColumnMapper(found.mapping), found.mapping.csv, scratch, stop),
    )


def preview_of_mapping(
    source: Path,
    mapping: Mapping,
    *,
    sample: int | None = None,
    scratch: Path | None = None,
    stop: threading.Event | None = None,
) -> Preview:
    """Try a mapping on a file.

    Args:
        source: a regular file.
        mapping: to be tried.
        sample: try it on so many rows only.
        scratch: folder for what must be kept in files meanwhile.
        stop: when set, it ends.

    Raises:
        MappingError: it does not fit the file's header.
        SourceError: the file cannot be read.
        LoadInterruptedError: it was told to stop.
    """
    sources, csv = expand([source]), mapping.csv
    mapper = ColumnMapper(mapping)
    points = _points_of(sources, mapper, csv, scratch, stop)
    written = Sniffed(FoundDelimiter(csv.delimiter, is_open=False), FoundEncoding(canonical_encoding(csv.encoding)))
    rows = Rows(sources, written, head=_head(csv), sample=sample, scratch=scratch, stop=stop)
    if rows.is_annotated:
        raise ConfigurationError("the file is annotated CSV, which says itself what its columns are")
    counted = _Counted(rows.tables("trying the mapping"))
    trial = try_mapping(mapper, counted, folder=scratch)
    if trial.too_many_series:
        raise ConfigurationError(f"the tags make more than {MOST_SERIES:,} series: make fewer columns tags")
    return Preview(
        mapping=_as_json(mapping),
        mapping_toml=plain_toml(mapping),
        tried=TriedMapping(
            is_whole=rows.is_whole,
            rows=counted.rows,
            points=trial.points,
            rejects=trial.rejects + counted.broken,
            reject_examples=(*counted.examples, *trial.reject_examples),
            series=trial.series,
            collisions=collisions_of(trial),
            first=None if trial.first_ns is None else as_text(trial.first_ns),
            last=None if trial.last_ns is None else as_text(trial.last_ns),
        ),
        preview=points,
    )


class _Counted:
    """Tables that go by, with how many rows they have, and which records are none."""

    def __init__(self, tables: Iterable[Table]) -> None:
        self.rows = self.broken = 0
        self.examples: list[str] = []
        self._tables = tables

    def __iter__(self) -> Iterator[Table]:
        for table in self._tables:
            broken = len({fault.record for fault in table.faults})
            self.broken += broken
            self.rows += table.frame.height + broken
            self.examples += [fault.message for fault in table.faults[: 5 - len(self.examples)]]
            yield table


def _points_of(
    sources: Sequence[Source],
    mapper: ColumnMapper | AnnotatedMapper,
    csv: CsvOptions,
    scratch: Path | None,
    stop: threading.Event | None,
) -> tuple[PreviewPoint, ...]:
    """The first points, read as a load reads them."""
    with Reader(
        sources,
        delimiter=csv.delimiter,
        encoding=canonical_encoding(csv.encoding),
        wanted=None,
        scratch=scratch,
        stop=stop,
        head=_head(csv),
    ) as reader:
        if reader.is_annotated and isinstance(mapper, ColumnMapper):
            reader.read_plain()
        reader.want(mapper.wanted_columns)
        points: list[PreviewPoint] = []
        for block in reader.blocks():
            points += _points(mapper(reader.table(block)), POINTS - len(points))
            if len(points) >= POINTS or (stop is not None and stop.is_set()):
                break
        return tuple(points)


def _points(batch: PointBatch, most: int) -> list[PreviewPoint]:
    found = []
    for row in batch.frame.head(most).iter_rows(named=True):
        tags = {tag.key: row[tag.column] for tag in batch.tags if tag.column in row}
        fields = {field.key: row[field.column] for field in batch.fields if field.column in row}
        found.append(
            PreviewPoint(
                measurement=row["measurement"],
                tags={key: value for key, value in tags.items() if value},
                fields={key: value for key, value in fields.items() if value is not None},
                time=as_text(row["time"]),
            )
        )
    return found


def _head(csv: CsvOptions) -> Head:
    return Head(csv.header, csv.skip_header, csv.skip_rows)


def _as_json(mapping: Mapping) -> dict[str, Any]:
    found: dict[str, Any] = mapping.model_dump(mode="json", exclude_none=True, exclude_defaults=False)
    plain = CsvOptions().model_dump(mode="json")
    found["csv"] = {name: value for name, value in found["csv"].items() if value != plain[name]}
    return found
