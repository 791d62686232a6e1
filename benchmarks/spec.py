"""What each way of loading has to be told about a shape of data."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DatasetSpec"]


@dataclass(frozen=True, slots=True)
class DatasetSpec:
    """How the columns of a shape become points.

    Attributes:
        name: of the shape; the function in :mod:`benchmarks.row_functions` has it, too, with underscores.
        title: in words.
        mapping: for the importer, as TOML.
        values: field values of each row.
        numbers: names of numeric columns, where there are many.
        header: for ``influx write``, instead of the file's own.
        annotations: for ``influx write``, before the header.
        nanoseconds: a column of decimal epoch seconds, which that program does not read: it gets a file with
            nanoseconds there.
        batch_rows: rows per request of the row-by-row way.
    """

    name: str
    title: str
    mapping: str
    values: int
    header: str
    annotations: tuple[str, ...]
    numbers: tuple[str, ...] = ()
    nanoseconds: str | None = None
    batch_rows: int = 50_000

    @property
    def row_function(self) -> str:
        """The row function's name."""
        return self.name.replace("-", "_")
