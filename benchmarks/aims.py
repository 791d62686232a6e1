"""What was set out for, and what came of it: all of it in loads of the Movebank shape, ratios within one round."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.figures import Spread, cpu_for_a_million, ratio, share, speed, spread, starts
from benchmarks.results import HELP, Results, Run

__all__ = ["Aim", "aims"]

SHAPE = "movebank"
MEGA = 1_000_000
SIZES = 2

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
    baseline, influx_write, ceiling, own, mapper, bulk = (
        results.of(SHAPE, name) for name in ("baseline", "influx-write", "lines", "importer", "mapper", "bulk")
    )
    largest, in_bulk = _largest(results, "importer"), _largest(results, "bulk")
    help_cpu = next((start.cpu_seconds for start in starts(results) if start.what == HELP), None)
    return [
        Aim(what="rows/s to row by row", value=ratio(own, baseline, speed), least=6, unit=" times"),
        Aim(what="the same with a row function", value=ratio(mapper, baseline, speed), least=1.8, unit=" times"),
        Aim(what="rows/s to `influx write`", value=ratio(own, influx_write, speed), least=2.7, unit=" times"),
        Aim(what="rows/s to the ceiling", value=ratio(own, ceiling, speed), least=0.8),
        Aim(what="rows/s of its writing alone to the ceiling", value=_writing(own, ceiling), least=0.9),
        Aim(what="share of the first look in the load", value=_share(own, "look"), most=0.1),
        Aim(what="share of the verification in the load", value=_share(own, "verify"), most=0.1),
        Aim(what="client CPU for a million rows", value=_cpu(own), most=3, unit=" s"),
        Aim(what=f"peak memory at {_named(largest)} rows", value=_peak(largest), most=300, unit=" MB"),
        Aim(what="time per row, the larger of these sizes to the smaller", value=_growing(largest), most=1.1),
        Aim(what=f"CPU of `{HELP}`", value=help_cpu, most=0.4, unit=" s"),
        Aim(what="in bulk: rows/s to row by row", value=ratio(bulk, baseline, speed), least=12, unit=" times"),
        Aim(what="in bulk: rows/s to `influx write`", value=ratio(bulk, influx_write, speed), least=5, unit=" times"),
        Aim(what="in bulk: rows/s to line protocol", value=ratio(bulk, own, speed), least=1.8, unit=" times"),
        Aim(what=f"in bulk: peak memory at {_named(in_bulk)} rows", value=_peak(in_bulk), most=600, unit=" MB"),
        Aim(what="in bulk: bytes on disk to those after compaction", value=_weight(results), most=1.15),
    ]  # fmt: skip


def _cpu(own: Rounds) -> Spread | None:
    return spread(map(cpu_for_a_million, own.values()))


def _writing(own: Rounds, ceiling: Rounds) -> Spread | None:
    """The inverse of the ratio of the seconds."""
    timed = [{number: run for number, run in runs.items() if "load" in run.phases} for runs in (ceiling, own)]
    return ratio(timed[0], timed[1], lambda run: run.phases["load"])


def _share(runs: Rounds, phase: str) -> Spread | None:
    """Of the load's own time, which is shorter than that of the process: the stricter of the two."""
    return spread(part for run in runs.values() if (part := share(run, phase)) is not None)


def _largest(results: Results, contender: str) -> dict[int, Rounds]:
    """The good runs of the two largest sizes that were loaded: none where all of a size went wrong."""
    runs = [run for run in results.growth if run.contender == contender]
    sizes = sorted({run.rows for run in runs})[-2:]
    return {size: {run.round: run for run in runs if run.rows == size and not run.trouble} for size in sizes}


def _named(largest: dict[int, Rounds]) -> str:
    return " and ".join(f"{size:,}" for size in largest) if len(largest) == SIZES else "the two largest sizes of"


def _weight(results: Results) -> Spread | None:
    """Of what is built to what the server makes of the same points."""
    weighed = {size.contender: size.bytes for size in results.sizes if not size.trouble}
    if not weighed.keys() >= {"importer", "bulk"}:
        return None
    return spread([weighed["bulk"] / weighed["importer"]])


def _peak(largest: dict[int, Rounds]) -> Spread | None:
    peaks = [spread(run.peak_bytes / MEGA for run in runs.values()) for runs in largest.values()]
    known = [peak for peak in peaks if peak is not None]
    return max(known, key=lambda peak: peak.median) if len(known) == SIZES else None


def _growing(largest: dict[int, Rounds]) -> Spread | None:
    if len(largest) < SIZES:
        return None
    before, last = largest.values()
    return ratio(last, before, lambda run: run.wall_seconds / run.rows)
