"""A block of annotated CSV as columns of text, the rows of each layout together.

Goes in: a :class:`~importer.records.Block` with sections. Comes out: a :class:`~importer.records.Table` with parts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import polars as pl

from importer.annotated.layouts import Layout
from importer.records import RECORD, Block, Section, Table, TablePart
from importer.source.table import to_table

__all__ = ["to_parts"]


def to_parts(block: Block, wanted: Callable[[Layout], tuple[str, ...]]) -> Table:
    """Read the rows of a block.

    Args:
        block: with sections. A query's result may change its table every few rows; there are few layouts all the same.
        wanted: the names of the columns to read of a layout.
    """
    together: dict[Layout, list[Section]] = {}
    for section in block.sections or ():
        together.setdefault(section.layout, []).append(section)
    parts, faults, blank = [], [], 0
    for layout, sections in together.items():
        rows, positions = _rows(block, layout, sections)
        table = to_table(rows, wanted(layout))
        records = pl.Series(RECORD, positions, dtype=pl.UInt32).gather(table.frame[RECORD])
        parts.append(TablePart(layout, table.frame.with_columns(records)))
        faults += [replace(fault, record=int(positions[fault.record])) for fault in table.faults]
        blank += table.blank
    return Table(block, pl.DataFrame(), tuple(sorted(faults, key=lambda fault: fault.record)), blank, tuple(parts))


def _rows(
    block: Block, layout: Layout, sections: list[Section]
) -> tuple[Block, np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """The sections as a block of their own, and where its records stand in the one that they are of."""
    data = b"".join(block.data[section.start : section.end] for section in sections)
    positions = np.concatenate([np.arange(item.first, item.first + item.records) for item in sections])
    rows = replace(block, data=data, records=len(positions), columns=layout.names, sections=None)
    return rows, positions
