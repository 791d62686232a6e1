"""Measurements to line protocol.

Goes in: what was taken, in order. Comes out: :class:`~importer.records.Lines`, whose records are places in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from importer.encoding.line_protocol import LineEncoder
from importer.encoding.series import SeriesIndex
from importer.mapping.point_frames import POSITION, one_by_one
from importer.measurements.checking import Taken
from importer.records import Block, FieldColumn, Lines, PointBatch, TagColumn

__all__ = ["lines_of"]

_BLOCK: Final = Block("measurements", 0, 0, 1, b"", 0, "none", ())


def lines_of(batch: Sequence[Taken]) -> Lines:
    """Encode measurements; those that line protocol cannot carry are among the faults."""
    frame, named = one_by_one([replace(each.point, position=place) for place, each in enumerate(batch)])
    points = PointBatch(
        block=_BLOCK,
        frame=frame.rename({POSITION: "record"}),
        tags=tuple(column for column in named.values() if isinstance(column, TagColumn)),
        fields=tuple(column for column in named.values() if isinstance(column, FieldColumn)),
        faults=(),
        skipped={},
        rows_mapped=len(batch),
        rows_faulty=0,
    )
    # Series are numbered anew in each batch: a program may run for ever, and bring new ones all the time.
    return LineEncoder(SeriesIndex(len(batch)))(points)
