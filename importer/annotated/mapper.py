"""Rows of annotated CSV to points.

Goes in: a :class:`~importer.records.Table` with parts. Comes out: a :class:`~importer.records.PointBatch`.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Sequence

import polars as pl

from importer.annotated.fields import Types
from importer.annotated.points import PartPoints, points_of
from importer.annotated.texts import times_of
from importer.choices import Precision
from importer.errors import MappingError
from importer.mapping.parts import CsvOptions
from importer.records import FieldType, PointBatch, SkipReason, Table

__all__ = ["AnnotatedMapper"]

log = logging.getLogger(__name__)


class AnnotatedMapper:
    """Maps each row by the layout of its table, block by block, in input order.

    A field has one type per measurement for the whole load: the first that comes by.

    Args:
        csv: how the text is read.
        precision: finer timestamps are faults.

    Raises:
        MappingError: an option that the annotations leave no room for.
    """

    def __init__(self, csv: CsvOptions, *, precision: Precision = "ns") -> None:
        if csv.decimal != ".":
            raise MappingError("annotations name the decimal mark themselves, as in double:,. - leave out --decimal")
        self._csv = csv
        self._precision: Precision = precision
        self._types: Types = {}
        self._told: set[str] = set()

    def pin(self, known: dict[tuple[str, str], FieldType]) -> None:
        """Keep to the types that the bucket has already, by measurement and field key."""
        self._types.update(known)

    @property
    def description(self) -> str:
        """Equal for two that map alike: the rest is in the sources."""
        return "annotated " + json.dumps(self._csv.model_dump(mode="json"), sort_keys=True)

    @property
    def decided(self) -> tuple[tuple[str, str, FieldType], ...]:
        """The types decided so far: measurement, field key, type."""
        return tuple((*name, kind) for name, kind in self._types.copy().items())

    def decide(self, types: Iterable[tuple[str, str, FieldType]]) -> None:
        """Go on with the types that an earlier run had decided."""
        self._types.update({(measurement, key): kind for measurement, key, kind in types})

    def wanted_columns(self, header: Sequence[str], source: str) -> tuple[str, ...]:  # noqa: ARG002 - as all mappers
        """All of them; a layout says itself which are read."""
        return tuple(header)

    def time_range(self, table: Table) -> tuple[int, int] | None:
        """The first and last timestamp (ns) of a block that can be read; None if there is none."""
        good = [times_of(part.frame, part.layout, self._csv.null).good for part in table.parts]
        found = [column for column in good if column.null_count() < len(column)]
        if not found:
            return None
        return min(int(column.min()) for column in found), max(int(column.max()) for column in found)  # type: ignore[arg-type]

    def __call__(self, table: Table) -> PointBatch:
        """Map a block's rows."""
        parts = [points_of(part, self._types, self._csv.null, self._precision) for part in table.parts]
        self._warn(table, parts)
        skipped: dict[SkipReason, int] = {"blank": table.blank, "no_fields": sum(part.without_fields for part in parts)}
        frame = _joined(parts)
        there = set(frame.columns)
        return PointBatch(
            block=table.block,
            frame=frame,
            tags=tuple({tag.column: tag for part in parts for tag in part.tags if tag.column in there}.values()),
            fields=tuple(
                {item.column: item for part in parts for item in part.fields if item.column in there}.values()
            ),
            faults=(*table.faults, *(fault for part in parts for fault in part.faults)),
            skipped={reason: count for reason, count in skipped.items() if count},
            rows_mapped=frame.height,
            rows_faulty=len({fault.record for fault in table.faults}) + sum(part.rows_faulty for part in parts),
        )

    def _warn(self, table: Table, parts: Sequence[PartPoints]) -> None:
        """Say once of each column what becomes of it that its text does not show."""
        source = table.block.source
        for part in table.parts:
            for label in part.layout.left_out:
                self._say(
                    label, f"{source!r}: column {label!r} is left out: each row has its field in _field and _value"
                )
        for points in parts:
            for label, example in points.cut:
                self._say(
                    f"{label}:cut",
                    f"{source!r}: digits behind the decimal mark are cut off from column {label!r}, which is of whole "
                    f"numbers ({example!r}, for one): say long:strict to reject such rows, or double to keep them",
                )

    def _say(self, what: str, message: str) -> None:
        if what not in self._told:
            self._told.add(what)
            log.warning("warning: %s", message)


def _joined(parts: Sequence[PartPoints]) -> pl.DataFrame:
    """The points of all layouts, in input order."""
    frames = [part.frame for part in parts if part.frame.height] or [part.frame for part in parts[:1]]
    if not frames:
        return pl.DataFrame(schema={"measurement": pl.String, "time": pl.Int64, "record": pl.UInt32})
    if len(frames) == 1:
        return frames[0]
    return pl.concat(frames, how="diagonal").sort("record", maintain_order=True)
