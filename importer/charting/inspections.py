"""Which charts show a dataset that was inspected, and the file with them: :func:`plot`.

Goes in: an inspection, which holds all that is drawn; the data is not read again. Comes out: rows over time, how the
numbers of each column are spread, the most frequent texts of the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from importer.charting.kinds import check_kind
from importer.charting.panels import Columns, Panel, Ranking, Spread
from importer.errors import ConfigurationError
from importer.inspecting.inspection import Inspection

__all__ = ["MAX_PANELS", "panels_of", "plot"]

MAX_PANELS: Final = 40


def plot(inspection: Inspection, path: str | Path, *, replace: bool = False) -> None:
    """Draw what is in a dataset, as far as its columns allow: of very wide ones, the first forty charts.

    Args:
        inspection: of the dataset.
        path: ends in ``.png`` or ``.svg``.
        replace: whether a file that is there may go.

    Raises:
        ConfigurationError: there is nothing to draw; or the file has another ending, is there already or in no folder.
        ImporterError: the disk refuses.
    """
    from importer.charting.files import save_charts  # noqa: PLC0415 - matplotlib takes its time

    check_kind(Path(path))
    panels = list(islice(panels_of(inspection), MAX_PANELS))
    if not panels:
        raise ConfigurationError("there is nothing to draw: no time, no number and no text that occurs often")
    rows = f"{inspection.rows:,} rows" + ("" if inspection.is_whole else " (a sample)")
    save_charts(panels, Path(path), title=f"{', '.join(inspection.sources)}: {rows}", replace=replace)


def panels_of(inspection: Inspection) -> Iterator[Panel]:
    """The charts of a dataset, in the order of its columns."""
    over_time, time = inspection.rows_over_time, inspection.time
    if over_time is not None and len(over_time.edges) > 1:
        starts = tuple(round(edge) for edge in over_time.edges[:-1])
        width = max(1, round(over_time.edges[1] - over_time.edges[0]))
        name = f" ({', '.join(time.columns)})" if time is not None else ""
        yield Columns(f"rows over time{name}", starts, width, over_time.counts, "rows")
    for column in inspection.columns:
        if column.histogram is not None:
            yield Spread(column.name, column.histogram.edges, column.histogram.counts, "rows")
        elif len(column.frequent) > 1 and column.type != "time":
            labels, counts = zip(*((each.value, each.rows) for each in column.frequent), strict=True)
            yield Ranking(column.name, labels, counts, "rows")
