"""Medians, spreads and ratios of what was measured.

A ratio is taken between loads of the same round, which ran one after the other: what else the machine did then slowed
down both. Of the rounds' ratios the median counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import median
from typing import Final

from benchmarks.results import Results, Run

__all__ = ["Spread", "Way", "cpu_for_a_million", "growth", "ratio", "speed", "spread", "ways"]

MEGA: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Spread:
    """What several rounds gave: the median, the least and the most."""

    median: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Way:
    """A way of loading, over all its good runs of one shape (or of one size).

    Attributes:
        contender: its name.
        rows: of each run.
        seconds: of the whole process.
        rows_per_second: likewise.
        cpu_seconds: of the client, for a million rows.
        server_cpu_seconds: of the server, for a million rows.
        peak_mb: of the client's resident memory.
        server_peak_mb: of the server's.
        to_baseline: its rows per second over those of the row-by-row way; None where that was not measured.
        to_ceiling: the same over those of the ready-made lines.
    """

    contender: str
    rows: int
    seconds: Spread
    rows_per_second: Spread
    cpu_seconds: Spread
    server_cpu_seconds: Spread
    peak_mb: Spread
    server_peak_mb: Spread
    to_baseline: Spread | None = None
    to_ceiling: Spread | None = None


def spread(values: Iterable[float]) -> Spread | None:
    """Median, least and most; None of nothing."""
    known = sorted(values)
    return Spread(median(known), known[0], known[-1]) if known else None


def ratio(first: dict[int, Run], second: dict[int, Run], of: Callable[[Run], float]) -> Spread | None:
    """A figure of the first runs over that of the second, round by round."""
    pairs = [(of(first[number]), of(second[number])) for number in first.keys() & second.keys()]
    return spread(one / other for one, other in pairs if other)


def ways(results: Results, dataset: str) -> list[Way]:
    """Each way of loading that had a good run of this shape, in the order in which they ran."""
    names = dict.fromkeys(run.contender for run in results.runs if run.dataset == dataset)
    found = []
    for name in names:
        runs = results.of(dataset, name)
        if runs:
            baseline, ceiling = (ratio(runs, results.of(dataset, other), speed) for other in ("baseline", "lines"))
            found.append(_way(list(runs.values()), baseline, ceiling))
    return found


def growth(results: Results) -> list[Way]:
    """The importer at each size, smallest first."""
    sizes = sorted({run.rows for run in results.growth})
    good = [[run for run in results.growth if run.rows == rows and not run.trouble] for rows in sizes]
    return [_way(runs, None, None) for runs in good if runs]


def _way(runs: list[Run], to_baseline: Spread | None, to_ceiling: Spread | None) -> Way:
    def of(figure: Callable[[Run], float]) -> Spread:
        values = sorted(map(figure, runs))
        return Spread(median(values), values[0], values[-1])

    return Way(
        contender=runs[0].contender,
        rows=runs[0].rows,
        seconds=of(lambda run: run.wall_seconds),
        rows_per_second=of(speed),
        cpu_seconds=of(cpu_for_a_million),
        server_cpu_seconds=of(lambda run: run.server_cpu_seconds / run.rows * MEGA),
        peak_mb=of(lambda run: run.peak_bytes / MEGA),
        server_peak_mb=of(lambda run: run.server_peak_bytes / MEGA),
        to_baseline=to_baseline,
        to_ceiling=to_ceiling,
    )


def speed(run: Run) -> float:
    """Rows per second over the whole process."""
    return run.rows_per_second


def cpu_for_a_million(run: Run) -> float:
    """Seconds on the processors that the client would take for a million rows."""
    return run.cpu_seconds / run.rows * MEGA
