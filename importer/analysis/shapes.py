"""How the values of a field lie in time and among one another, for charts.

Goes in: a field's scope and its figures. Comes out: the figures with short windows and a histogram.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

from influxdb_client.client.flux_table import FluxRecord

from importer.analysis import questions
from importer.analysis.figures import NUMBERS
from importer.analysis.records import Bin, FieldFigures, TimeWindow
from importer.analysis.scope import Scope
from importer.reading.window import parse_moment

__all__ = ["BINS", "with_shapes"]

BINS: Final = 40

Ask = Callable[..., list[FluxRecord]]


def with_shapes(figures: FieldFigures, scope: Scope, windows: int) -> FieldFigures:
    """The figures of a whole field, with how its values lie in time and are spread.

    Args:
        figures: what is known already.
        scope: of this field alone.
        windows: into how many its time is cut.

    Raises:
        ServerError: the server did not answer a question.
    """
    if figures.first is None or figures.last is None:
        return figures
    first, last = parse_moment(figures.first), parse_moment(figures.last)
    every = max(1, math.ceil((last - first + 1) / windows))
    cut = {"every": every, "offset": first % every}
    ask = _asking(scope, twice=False)
    counts = {row["_at"]: row["_value"] for row in ask(questions.WINDOWS, **cut)}
    if sum(counts.values()) != figures.count:  # the server reads some values twice
        ask = _asking(scope, twice=True)
        counts = {row["_at"]: row["_value"] for row in ask(questions.WINDOWS, **cut)}
    numbers: dict[str, dict[int, float]] = {"minimum": {}, "mean": {}, "maximum": {}}
    update: dict[str, Any] = {"window_ns": every}
    if figures.type in NUMBERS:
        for row in ask(questions.NUMBER_WINDOWS, **cut):
            numbers[row["result"]][row["_at"]] = row["_value"]
        update["histogram"] = _histogram(figures, ask)
    update["over_time"] = tuple(
        TimeWindow(start_ns=at, count=count, **{name: found.get(at) for name, found in numbers.items()})
        for at, count in sorted(counts.items())
    )
    return figures.model_copy(update=update)


def _histogram(figures: FieldFigures, ask: Ask) -> tuple[Bin, ...]:
    if figures.minimum is None or figures.maximum is None:
        return ()
    low, high = float(figures.minimum), float(figures.maximum)
    width = (high - low) / BINS
    if not math.isfinite(width) or low + width == low:
        return (Bin(upper=high, count=figures.count),)  # all alike, or too far apart for a float
    # The last edge is left to infinity, as the sum of floats may lie a little below the greatest value.
    edges = {"first_edge": low + width, "width": width, "bins": BINS - 1}
    sums = [int(row["_value"]) for row in ask(questions.HISTOGRAM, **edges)]
    uppers = [low + width * (number + 1) for number in range(BINS - 1)] + [high]
    return tuple(
        Bin(upper=upper, count=total - before)
        for upper, total, before in zip(uppers, sums, [0, *sums[:-1]], strict=True)
    )


def _asking(scope: Scope, *, twice: bool) -> Ask:
    return lambda flux, **params: scope.ask(questions.once(flux, needed=twice), **params)
