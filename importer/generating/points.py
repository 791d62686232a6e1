"""Points of a shape, a block at a time, in memory that does not grow with their number.

Goes in: a :class:`Request`. Comes out: frames of text, and between which times they lie.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from importer.errors import ConfigurationError
from importer.generating.draws import Draws, Integers
from importer.generating.shapes import Shape
from importer.limits import MAX_TIME_NS, MIN_TIME_NS, OUT_OF_RANGE
from importer.mapping.point_values import RowFaultError, time_ns

__all__ = ["POINTS_AT_ONCE", "Made", "Request"]

POINTS_AT_ONCE = 50_000
MOST_POINTS = 1_000_000_000
MOST_SEED = 2**63 - 1

# The numbers of a shape's draws; the fields' follow.
_STEPS, _TAGS, _FIELDS = 1, 10, 100


@dataclass(frozen=True, slots=True)
class Made:
    """A block of points.

    Attributes:
        frame: the shape's CSV columns, as text.
        times: counted in the shape's unit.
    """

    frame: pl.DataFrame
    times: Integers


class Request:
    """What is to be made, checked.

    Args:
        shape: of the points.
        points: how many.
        seed: other ones give other points.
        start: the earliest point's time, as RFC 3339, or ``now``; None: as the shape has it.
        end: the latest point's time; at most one of both.
        duplicates: so many of the points have the same tags and time as the one before them.

    Attributes:
        first_ns: the earliest point's time, ns since 1970 UTC.
        last_ns: the latest one's.

    Raises:
        ConfigurationError: a number is out of its range, a time is none, or the points would not fit between the times
            that InfluxDB keeps.
    """

    def __init__(
        self,
        shape: Shape,
        *,
        points: int,
        seed: int,
        start: str | None = None,
        end: str | None = None,
        duplicates: int = 0,
    ) -> None:
        for name, number, low, high in (
            ("points", points, 1, MOST_POINTS),
            ("seed", seed, 0, MOST_SEED),
            ("duplicates", duplicates, 0, points - 1),
        ):
            if not low <= number <= high:
                raise ConfigurationError(f"{name} is {number:,}: give {low:,} to {high:,}")
        if start is not None and end is not None:
            raise ConfigurationError("start and end are both given: how far apart they are follows from the points")
        self.shape, self.points, self.seed, self.duplicates = shape, points, seed, duplicates
        span_ns = sum(int(steps.sum()) for steps in self._steps(POINTS_AT_ONCE)) * shape.unit_ns
        given = end if start is None else start
        anchor_ns = shape.usual_ns if given is None else _moment_ns(given, shape, "end" if start is None else "start")
        from_end = shape.newest_first if given is None else start is None
        self.first_ns, self.last_ns = (anchor_ns - span_ns, anchor_ns) if from_end else (anchor_ns, anchor_ns + span_ns)
        if not MIN_TIME_NS <= self.first_ns <= self.last_ns <= MAX_TIME_NS:
            raise ConfigurationError(f"{points:,} points from or up to {given!r} do not fit: {OUT_OF_RANGE}")

    def blocks(self, at_once: int = POINTS_AT_ONCE) -> Iterator[Made]:
        """All points, in order; how many are made at once (:data:`POINTS_AT_ONCE` at the most) changes none."""
        shape, seed = self.shape, self.seed
        direction = -1 if shape.newest_first else 1
        now = (self.last_ns if shape.newest_first else self.first_ns) // shape.unit_ns
        values = shape.tags(seed)
        of_tags = {key: Draws(seed, shape.number, _TAGS + place) for place, key in enumerate(values)}
        of_fields = {key: Draws(seed, shape.number, _FIELDS + place) for place, key in enumerate(shape.fields)}
        vocabularies = {key: pl.Series(texts) for key, texts in values.items()}
        before, is_first = dict.fromkeys(values, 0), True
        for steps in self._steps(min(at_once, POINTS_AT_ONCE)):
            size = len(steps)
            times = now + direction * np.cumsum(steps)
            now = int(times[-1])
            codes = {key: draws.whole(0, len(values[key]) - 1, size) for key, draws in of_tags.items()}
            if self.duplicates:
                repeats = steps == 0
                repeats[0] &= not is_first
                codes = {key: _repeated(each, repeats, before[key]) for key, each in codes.items()}
                before = {key: int(each[-1]) for key, each in codes.items()}
            is_first = False
            columns = {shape.time: shape.time_text(times)}
            columns |= {key: vocabularies[key].gather(each) for key, each in codes.items()}
            columns |= {key: shape.fields[key].make(draws, codes, size) for key, draws in of_fields.items()}
            yield Made(pl.DataFrame(columns), times)

    def _steps(self, at_once: int) -> Iterator[Integers]:
        """From each point to the next, in units; 0 for the first one, and for one that has its predecessor's key."""
        draws = Draws(self.seed, self.shape.number, _STEPS)
        for begin in range(0, self.points, at_once):
            places = np.arange(begin, min(begin + at_once, self.points))
            steps = draws.whole(1, self.shape.longest_step, len(places))
            if self.duplicates:
                shares = np.arange(begin - 1, begin + len(places)) * self.duplicates // (self.points - 1)
                steps[np.diff(shares) > 0] = 0
            steps[places == 0] = 0
            yield steps


def _repeated(codes: Integers, repeats: npt.NDArray[np.bool_], before: int) -> Integers:
    """Codes in which some are that of the place before; ``before`` stands before the first one."""
    places = np.where(repeats, 0, np.arange(1, len(codes) + 1))
    with_before: Integers = np.concatenate(([before], codes))
    return with_before[np.maximum.accumulate(places)]


def _moment_ns(text: str, shape: Shape, name: str) -> int:
    if text == "now":
        return time.time_ns() // shape.unit_ns * shape.unit_ns
    try:
        moment_ns = time_ns(text, 1)
    except RowFaultError as error:
        raise ConfigurationError(f"{name}: {error}: write it as 2024-01-01T00:00:00Z, or now") from None
    if moment_ns % shape.unit_ns:
        raise ConfigurationError(f"{name}: {text!r} is finer than {shape.unit_ns:,} ns, which {shape.name} counts in")
    return moment_ns
