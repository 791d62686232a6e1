"""Cut a range of time into slices that are held in memory one at a time.

Goes in: a layout and a selection. Comes out: slices that follow one another without gaps, each with the number of
values that the server counts in it: what is read must be as much.

The server counts by windows; windows that hold too much are counted by finer ones. That is a small part of what reading
costs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from importer.bucket.influxql import Asking
from importer.errors import ConfigurationError
from importer.limits import MAX_TIME_NS, MIN_TIME_NS
from importer.reading.layout import Layout
from importer.reading.selection import Selection
from importer.reading.statements import counting, ends
from importer.reading.window import TimeRange

__all__ = ["Slice", "counted", "end_of", "slices"]

WINDOWS_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of the range.

    Attributes:
        span: from when to when.
        counts: the number of values of each of the layout's fields.
    """

    span: TimeRange
    counts: tuple[int, ...]

    @property
    def values(self) -> int:
        """Of all fields."""
        return sum(self.counts)


@dataclass(frozen=True, slots=True)
class _Cutting:
    """What is the same for all slices of a measurement.

    Attributes:
        asking: the bucket.
        layout: the measurement.
        chosen: the selection.
        inner: the range; what is counted by windows may begin before it and end behind it.
        step_ns: slices begin at multiples of it.
        most_values: in one slice.
    """

    asking: Asking
    layout: Layout
    chosen: Selection
    inner: TimeRange
    step_ns: int
    most_values: int


def slices(asking: Asking, layout: Layout, chosen: Selection, most_values: int) -> list[Slice]:
    """The slices of a range, in order; none where there is nothing in it.

    Args:
        asking: the bucket.
        layout: the measurement.
        chosen: the selection; its range is cut.
        most_values: in one slice, unless all of them have the same time, or are in one window.

    Raises:
        ConfigurationError: windows at the very ends of time are asked for, which the server cannot compute.
        ServerError: the server did not answer.
    """
    first, last = (end_of(asking, layout, chosen, last=last) for last in (False, True))
    if first is None or last is None:
        return []
    step = chosen.aggregate.every.ns if chosen.aggregate else 1
    span = TimeRange(first // step * step, (last // step + 1) * step)
    if chosen.aggregate and (span.start_ns - step < MIN_TIME_NS or span.stop_ns + step > MAX_TIME_NS):
        raise ConfigurationError(
            f"{layout.measurement!r} has points at the very ends of time, where the server cannot compute windows: "
            "say --start and --stop"
        )
    inner = TimeRange(max(span.start_ns, chosen.range.start_ns), min(span.stop_ns, chosen.range.stop_ns))
    found = _cut(_Cutting(asking, layout, chosen, inner, step, most_values), span)
    return _reaching(_joined(found, most_values), inner if chosen.aggregate else chosen.range)


def counted(asking: Asking, layout: Layout, chosen: Selection, span: TimeRange) -> Slice:
    """A slice, counted now."""
    pieces = asking.rows(*counting(layout, chosen, span))
    counts = pieces[0].rows[0][1:] if pieces else [0] * len(layout.fields)
    return Slice(span, tuple(count or 0 for count in counts))


def end_of(asking: Asking, layout: Layout, chosen: Selection, *, last: bool) -> int | None:
    """The time of the first point, or of the last one; None where there is none."""
    times = [row[0] for piece in asking.rows(*ends(layout, chosen, last=last)) for row in piece.rows]
    return int(times[0]) if times else None


def _cut(cutting: _Cutting, span: TimeRange) -> Iterator[Slice]:
    """Slices that are small enough, in order; empty ones left out."""
    asking, layout, chosen, step = cutting.asking, cutting.layout, cutting.chosen, cutting.step_ns
    asking.check_stopped()
    inner = cutting.inner
    within = TimeRange(max(span.start_ns, inner.start_ns), min(span.stop_ns, inner.stop_ns))
    whole = counted(asking, layout, chosen, within)
    length = span.stop_ns - span.start_ns
    if whole.values <= cutting.most_values or length <= step:
        if whole.values:
            yield whole
        return
    every = -(-length // WINDOWS_AT_ONCE // step) * step
    found = _by_windows(asking, layout, chosen, within, every) if within == span else []
    if sum(part.values for part in found) == whole.values:
        for part in found:
            if part.values <= cutting.most_values or part.span.stop_ns - part.span.start_ns <= step:
                yield part
            else:
                yield from _cut(cutting, part.span)
        return
    # Near the ends of time the server loses windows; and a bucket may be written to meanwhile.
    middle = (span.start_ns + span.stop_ns) // 2 // step * step
    if not span.start_ns < middle < span.stop_ns:
        middle = span.start_ns + step
    yield from _cut(cutting, TimeRange(span.start_ns, middle))
    yield from _cut(cutting, TimeRange(middle, span.stop_ns))


def _by_windows(asking: Asking, layout: Layout, chosen: Selection, span: TimeRange, every: int) -> list[Slice]:
    return [
        Slice(TimeRange(row[0], min(row[0] + every, span.stop_ns)), tuple(count or 0 for count in row[1:]))
        for piece in asking.rows(*counting(layout, chosen, span, every))
        for row in piece.rows
        if any(row[1:])
    ]


def _joined(parts: Iterator[Slice], most_values: int) -> Iterator[Slice]:
    """Neighbours together, as many as are small enough."""
    held: Slice | None = None
    for part in parts:
        if held is not None and held.values + part.values <= most_values:
            counts = tuple(one + other for one, other in zip(held.counts, part.counts, strict=True))
            held = Slice(TimeRange(held.span.start_ns, part.span.stop_ns), counts)
            continue
        if held is not None:
            yield held
        held = part
    if held is not None:
        yield held


def _reaching(parts: Iterator[Slice], span: TimeRange) -> list[Slice]:
    """The same slices, each from the end of the one before it, so that they cover the span without gaps."""
    found = list(parts)
    bounds = [span.start_ns, *(part.span.start_ns for part in found[1:]), span.stop_ns]
    return [Slice(TimeRange(*ends_of), part.counts) for ends_of, part in zip(pairwise(bounds), found, strict=True)]
