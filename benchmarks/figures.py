"""Medians, spreads and ratios of what was measured.

A ratio is taken between loads of the same round, which ran one after the other: what else the machine did then slowed
down both. Of the rounds' ratios the median counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import median
from typing import Final

from benchmarks.results import Results, Run, Start

__all__ = [
    "Parts", "Spread", "Starting", "Way", "cpu_for_a_million", "growth", "parts", "ratio", "share", "speed", "spread",
    "starts", "ways",
]  # fmt: skip

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
        shard_group_seconds: of its bucket; several if the runs differ.
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
    shard_group_seconds: tuple[int, ...] = ()
    to_baseline: Spread | None = None
    to_ceiling: Spread | None = None


@dataclass(frozen=True, slots=True)
class Parts:
    """Where the importer's time goes in loads of one shape.

    Attributes:
        dataset: the shape.
        rows: of each run.
        seconds: of the load, as it says itself.
        shares: of its phases in that; a phase that no run had is missing.
    """

    dataset: str
    rows: int
    seconds: Spread
    shares: dict[str, Spread]


@dataclass(frozen=True, slots=True)
class Starting:
    """What the importer takes where it has next to nothing to do.

    Attributes:
        what: it was told to do.
        seconds: of the whole process.
        cpu_seconds: user and system.
        peak_mb: of resident memory.
    """

    what: str
    seconds: Spread
    cpu_seconds: Spread
    peak_mb: Spread


def spread(values: Iterable[float]) -> Spread | None:
    """Median, least and most; None of nothing."""
    known = list(values)
    return _spread(known) if known else None


def _spread(values: Iterable[float]) -> Spread:
    known = sorted(values)
    return Spread(median(known), known[0], known[-1])


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


def growth(results: Results, contender: str) -> list[Way]:
    """A way of loading at each size, smallest first."""
    of_it = [run for run in results.growth if run.contender == contender]
    sizes = sorted({run.rows for run in of_it})
    good = [[run for run in of_it if run.rows == rows and not run.trouble] for rows in sizes]
    return [_way(runs, None, None) for runs in good if runs]


def parts(results: Results, contender: str) -> list[Parts]:
    """Of each shape that a way of loading has loaded well, in the order in which they ran."""
    found = []
    for dataset in dict.fromkeys(run.dataset for run in results.runs):
        runs = list(results.of(dataset, contender).values())
        seconds = spread(run.elapsed_seconds for run in runs if run.elapsed_seconds)
        if seconds is None:
            continue
        shares = {
            phase: of_all
            for phase in dict.fromkeys(phase for run in runs for phase in run.phases)
            if (of_all := spread(part for run in runs if (part := share(run, phase)) is not None))
        }
        found.append(Parts(dataset, runs[0].rows, seconds, shares))
    return found


def starts(results: Results) -> list[Starting]:
    """Each thing with which start-up was measured, those that went wrong left out."""
    good = [start for start in results.start if not start.trouble]

    def of(what: str, figure: Callable[[Start], float]) -> Spread:
        return _spread(figure(start) for start in good if start.what == what)

    return [
        Starting(
            what,
            of(what, lambda start: start.wall_seconds),
            of(what, lambda start: start.cpu_seconds),
            of(what, lambda start: start.peak_bytes / MEGA),
        )
        for what in dict.fromkeys(start.what for start in good)
    ]


def _way(runs: list[Run], to_baseline: Spread | None, to_ceiling: Spread | None) -> Way:
    def of(figure: Callable[[Run], float]) -> Spread:
        return _spread(map(figure, runs))

    return Way(
        contender=runs[0].contender,
        rows=runs[0].rows,
        seconds=of(lambda run: run.wall_seconds),
        rows_per_second=of(speed),
        cpu_seconds=of(cpu_for_a_million),
        server_cpu_seconds=of(lambda run: run.server_cpu_seconds / run.rows * MEGA),
        peak_mb=of(lambda run: run.peak_bytes / MEGA),
        server_peak_mb=of(lambda run: run.server_peak_bytes / MEGA),
        shard_group_seconds=tuple(sorted({run.shard_group_seconds for run in runs if run.shard_group_seconds})),
        to_baseline=to_baseline,
        to_ceiling=to_ceiling,
    )


def speed(run: Run) -> float:
    """Rows per second over the whole process."""
    return run.rows_per_second


def cpu_for_a_million(run: Run) -> float:
    """Seconds on the processors that the client would take for a million rows."""
    return run.cpu_seconds / run.rows * MEGA


def share(run: Run, phase: str) -> float | None:
    """Of a phase in the load's own time; None where the run does not say both."""
    if phase not in run.phases or not run.elapsed_seconds:
        return None
    return run.phases[phase] / run.elapsed_seconds
