"""The rows of one layout as points.

Goes in: a :class:`~importer.records.TablePart`. Comes out: :class:`PartPoints`.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from importer.annotated.fields import Fields, Types
from importer.annotated.layouts import Column, Layout
from importer.annotated.texts import text_of, times_of
from importer.annotated.values import Typed, typed
from importer.choices import Precision
from importer.limits import key_trouble
from importer.mapping.collected import Collected
from importer.records import RECORD, Fault, FieldColumn, TablePart, TagColumn

__all__ = ["PartPoints", "points_of"]


@dataclass(frozen=True, slots=True)
class PartPoints:
    """Points of one layout.

    Attributes:
        frame: as a batch's.
        tags: tag columns.
        fields: field columns.
        faults: cells that could not be mapped.
        rows_faulty: rows with one.
        without_fields: rows without a value.
        cut: columns of whole numbers of which digits behind the decimal mark were cut off, each with an example.
    """

    frame: pl.DataFrame
    tags: tuple[TagColumn, ...]
    fields: tuple[FieldColumn, ...]
    faults: tuple[Fault, ...]
    rows_faulty: int
    without_fields: int
    cut: tuple[tuple[str, str], ...]


def points_of(part: TablePart, types: Types, null: tuple[str, ...], precision: Precision) -> PartPoints:
    """Map rows.

    Args:
        part: the rows and their layout.
        types: decided so far; those that the rows decide are added.
        null: texts that mean an empty cell.
        precision: finer timestamps are faults.
    """
    layout, frame = part.layout, part.frame
    collected = Collected(frame[RECORD])
    times = times_of(frame, layout, null, precision)
    collected.add_missing(times.text, layout.time.label, "time_missing", "there is no timestamp")
    for mask, word, message in times.faults:
        collected.add(mask, layout.time.label, word, message, times.text)
    measurement = text_of(frame, layout, layout.measurement, null)
    collected.add_missing(measurement, layout.measurement.label, "measurement", "is empty")
    tags = [TagColumn(tag.label, f"tag:{tag.label}", tag.label) for tag in layout.tags]
    columns = [measurement.alias("measurement"), times.ns.alias("time"), frame[RECORD].alias("record")]
    columns += [text_of(frame, layout, tag, null).alias(f"tag:{tag.label}") for tag in layout.tags]
    found, cut = _typed(frame, layout, collected, null)
    fields = Fields(types, measurement, collected)
    for column, values in found:
        if layout.field_name is None or column is not layout.field_value:
            for kind, of_kind in values.in_order():
                fields.add(column.label, kind, of_kind, column.label)
        else:
            keys = text_of(frame, layout, layout.field_name, null)
            collected.add(keys.is_null() & values.has_one, layout.field_name.label, "field_name", "is empty")
            _add_by_name(keys, column.label, values, fields, collected)
    columns += [values for _, values in fields.columns.values()]
    points = pl.DataFrame(columns)
    if collected.faults:
        points = points.filter(~collected.faulty)
    with_field = _with_field(points, list(fields.columns))
    return PartPoints(
        with_field,
        tuple(tags),
        tuple(field for field, _ in fields.columns.values()),
        tuple(collected.faults),
        int(collected.faulty.sum()),
        points.height - with_field.height,
        cut,
    )


def _with_field(points: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    if any(points[name].null_count() == 0 for name in names):
        return points
    has_one = pl.any_horizontal(pl.lit(value=False), *(pl.lit(points[name]).is_not_null() for name in names))
    return points.filter(has_one)


def _typed(
    frame: pl.DataFrame, layout: Layout, collected: Collected, null: tuple[str, ...]
) -> tuple[list[tuple[Column, Typed]], tuple[tuple[str, str], ...]]:
    """All values, before any of them decides a type: a row at fault decides none."""
    found, cut = [], []
    for column in (layout.field_value, *layout.fields):
        if column is None:
            continue
        text = text_of(frame, layout, column, null)
        values = typed(text, column.type)
        for mask, word, message in values.faults:
            collected.add(mask, column.label, word, message, text)
        if values.cut is not None:
            cut.append((column.label, str(text.filter(values.cut)[0])))
        found.append((column, values))
    return found, tuple(cut)


def _add_by_name(keys: pl.Series, label: str, found: Typed, fields: Fields, collected: Collected) -> None:
    """Add the values of rows that have one field each, whose key is another cell of theirs."""
    for name in keys.drop_nulls().unique(maintain_order=True):
        of_name = (keys == name).fill_null(value=False)
        if (trouble := key_trouble("field", name)) is not None:
            collected.add(of_name, label, "field_name", trouble, keys)
            continue
        for kind, values in found.in_order(None if of_name.all() else of_name):
            fields.add(name, kind, values, label)
