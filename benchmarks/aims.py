"""What was set out for, and what came of it: all of it in loads of the Movebank shape, ratios within one round."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.figures import Spread, cpu_for_a_million, growth, ratio, speed, spread
from benchmarks.results import Results, Run

__all__ = ["Aim", "aims"]

SHAPE = "movebank"

Rounds = dict[int, Run]


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """Something that is to hold.

    Attributes:
        what: in words.
        value: what was measured; None where it was not.
        least: the value is to be this or more; None where it is to be small.
        most: the value is to be this or less.
        unit: behind the numbers.
    """

    what: str
    value: Spread | None
    least: float | None = None
    most: float | None = None
    unit: str = ""

    @property
    def is_reached(self) -> bool | None:
        """Whether the median keeps to the bound; None where nothing was measured."""
        if self.value is None:
            return None
        enough = self.least is None or self.value.median >= self.least
        return enough and (self.most is None or self.value.median <= self.most)


def aims(results: Results) -> list[Aim]:
    """All of them, in the order in which a reader asks."""
    baseline, influx_write, ceiling, own, mapper = (
        results.of(SHAPE, name) for name in ("baseline", "influx-write", "lines", "importer", "mapper")
    )
    return [
        Aim(what="rows/s to row by row", value=ratio(own, baseline, speed), least=6, unit=" times"),
        Aim(what="the same with a row function", value=ratio(mapper, baseline, speed), least=1.8, unit=" times"),
        Aim(what="rows/s to `influx write`", value=ratio(own, influx_write, speed), least=2.7, unit=" times"),
        Aim(what="rows/s to the ceiling", value=ratio(own, ceiling, speed), least=0.8),
        Aim(what="rows/s of its writing alone to the ceiling", value=_writing(own, ceiling), least=0.9),
        Aim(what="share of the first look in the load", value=_share(own, "look"), most=0.1),
        Aim(what="share of the verification in the load", value=_share(own, "verify"), most=0.1),
        Aim(what="client CPU for a million rows", value=_cpu(own), most=3, unit=" s"),
        Aim(what="peak memory at the two largest sizes", value=_peak(results), most=300, unit=" MB"),
        Aim(what="time per row, the largest size to the one before", value=_growing(results), most=1.1),
    ]  # fmt: skip


def _cpu(own: Rounds) -> Spread | None:
    return spread(map(cpu_for_a_million, own.values()))


def _writing(own: Rounds, ceiling: Rounds) -> Spread | None:
    """The inverse of the ratio of the seconds."""
    timed = [{number: run for number, run in runs.items() if "load" in run.phases} for runs in (ceiling, own)]
    return ratio(timed[0], timed[1], lambda run: run.phases["load"])


def _share(runs: Rounds, phase: str) -> Spread | None:
    return spread(run.phases[phase] / run.wall_seconds for run in runs.values() if phase in run.phases)


def _peak(results: Results) -> Spread | None:
    return max((way.peak_mb for way in growth(results)[-2:]), key=lambda peak: peak.median, default=None)


def _growing(results: Results) -> Spread | None:
    by_size: dict[int, Rounds] = {}
    for run in results.growth:
        if not run.trouble:
            by_size.setdefault(run.rows, {})[run.round] = run
    sizes: list[Rounds] = [{}, {}, *(by_size[size] for size in sorted(by_size))]
    before, largest = sizes[-2:]
    return ratio(largest, before, lambda run: run.wall_seconds / run.rows)
