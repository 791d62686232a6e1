"""Which charts show a field.

Goes in: its figures. Comes out: panels, none of them where there is nothing to see.
"""

from __future__ import annotations

from collections.abc import Iterator

from importer.analysis.records import FieldFigures
from importer.charting.panels import Band, Columns, Panel, Ranking, Spread

__all__ = ["panels_of"]


def panels_of(figures: FieldFigures) -> Iterator[Panel]:
    """The charts of a field, such as it has the data for."""
    windows = figures.over_time
    if windows and figures.window_ns:
        starts, counts = tuple(each.start_ns for each in windows), tuple(each.count for each in windows)
        yield Columns("values over time", starts, figures.window_ns, counts, "values")
        filled = [
            (each.start_ns + figures.window_ns // 2, each.minimum, each.mean, each.maximum)
            for each in windows
            if each.minimum is not None and each.mean is not None and each.maximum is not None
        ]
        if filled:
            times, low, middle, high = zip(*filled, strict=True)
            yield Band("least, mean and greatest value over time", times, low, middle, high)
    if len(figures.histogram) > 1 and figures.minimum is not None:
        edges = (float(figures.minimum), *(each.upper for each in figures.histogram))
        yield Spread("distribution", edges, tuple(each.count for each in figures.histogram), "values")
    if figures.frequent:
        labels, counts = tuple(each.text for each in figures.frequent), tuple(each.count for each in figures.frequent)
        yield Ranking("most frequent texts", labels, counts, "values")
    if figures.true_count is not None:
        counts = (figures.true_count, figures.count - figures.true_count)
        yield Ranking("true and false", ("true", "false"), counts, "values")
