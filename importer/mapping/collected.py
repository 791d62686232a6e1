"""What is wrong with the cells of a block, gathered column by column."""

from __future__ import annotations

import polars as pl

from importer.records import Fault

__all__ = ["Collected"]


class Collected:
    """Faults of a block's cells, and which rows have one.

    Args:
        records: the rows' positions in the block (UInt32).

    Attributes:
        faults: found so far.
        faulty: Boolean, for each row.
    """

    def __init__(self, records: pl.Series) -> None:
        self._records = records
        self.faulty = pl.Series([False]).new_from_index(0, len(records))
        self.faults: list[Fault] = []

    def add_missing(self, text: pl.Series, column: str, word: str, message: str) -> None:
        """Where the text is null, which it may not be."""
        if text.null_count():
            self.add(text.is_null(), column, word, message)

    def add(self, mask: pl.Series, column: str, word: str, message: str, text: pl.Series | None = None) -> None:
        """Where the mask (Boolean) is true.

        Args:
            mask: for each row.
            column: at fault.
            word: of the fault.
            message: what is wrong.
            text: of the cells, to be shown before it.
        """
        if not mask.any():
            return
        self.faulty |= mask
        shown = text.filter(mask) if text is not None else [None] * int(mask.sum())
        for record, cell in zip(self._records.filter(mask), shown, strict=True):
            said = f"{_shortened(cell)}: {message}" if cell is not None else message
            self.faults.append(Fault(record, column, word, said))


def _shortened(cell: str, most: int = 60) -> str:
    return repr(cell) if len(cell) <= most else repr(cell[:most]) + "…"
