"""The columns of what is given out: one for the time, the measurement, each tag and each field of all measurements.

Goes in: layouts. Comes out: :class:`Columns`, which puts each part into the same shape.

Where a name would stand for two things (a tag and a field of the same key, a field of different types in different
measurements, a field called ``measurement``), each says in brackets what it is: ``id (tag)``, ``id (float)``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import polars as pl

from importer.mapping.values import DTYPES
from importer.reading.layout import Layout
from importer.reading.points import Part
from importer.records import FieldType

__all__ = ["MEASUREMENT", "TIME", "Column", "Columns", "columns_of"]

TIME, MEASUREMENT = "time", "measurement"

TIME_TYPE = pl.Datetime("ns", "UTC")


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        name: what it is called.
        role: what it holds.
        key: of the tag or field.
        type: of the field.
        source: its name in a part's frame.
    """

    name: str
    role: Literal["tag", "field"]
    key: str
    type: FieldType
    source: str


@dataclass(frozen=True, slots=True)
class Columns:
    """All columns but time and measurement, which come first.

    Attributes:
        columns: tags, then fields, each sorted by key.
    """

    columns: tuple[Column, ...]

    @property
    def names(self) -> list[str]:
        """Of all columns, in their order."""
        return [TIME, MEASUREMENT, *(column.name for column in self.columns)]

    @property
    def empty(self) -> pl.DataFrame:
        """A frame of this shape without rows."""
        schema = {column.name: DTYPES[column.type] for column in self.columns}
        return pl.DataFrame(schema={TIME: TIME_TYPE, MEASUREMENT: pl.String, **schema})

    def shaped(self, part: Part) -> pl.DataFrame:
        """The part's rows in these columns; null where its measurement has no such tag or field."""
        frame, height = part.frame, part.frame.height
        there = {tag.column: "string" for tag in part.layout.tags}
        there |= {field.column: field.type for field in part.layout.fields}
        made = [
            frame["time"].cast(TIME_TYPE).alias(TIME),
            pl.Series([part.layout.measurement]).new_from_index(0, height).alias(MEASUREMENT),
        ]
        for column in self.columns:
            if there.get(column.source) == column.type:
                made.append(frame[column.source].alias(column.name))
            else:
                made.append(pl.Series(column.name, [None], dtype=DTYPES[column.type]).new_from_index(0, height))
        return pl.DataFrame(made)


def columns_of(layouts: Sequence[Layout]) -> Columns:
    """The columns that hold all measurements."""
    tags = sorted({tag.key for layout in layouts for tag in layout.tags})
    fields = sorted({(field.key, field.type) for layout in layouts for field in layout.fields})
    keys = [key for key, _ in fields]
    taken = {TIME, MEASUREMENT}
    doubled = {key for key in (*tags, *keys) if key in taken or tags.count(key) + keys.count(key) > 1}
    taken |= {*tags, *keys} - doubled
    found = [Column(_name(key, "tag", doubled, taken), "tag", key, "string", f"tag:{key}") for key in tags]
    found += [Column(_name(key, kind, doubled, taken), "field", key, kind, f"field:{key}") for key, kind in fields]
    return Columns(tuple(found))


def _name(key: str, kind: str, doubled: set[str], taken: set[str]) -> str:
    if key not in doubled:
        return key
    name = f"{key} ({kind})"
    while name in taken:
        name += "'"
    taken.add(name)
    return name
