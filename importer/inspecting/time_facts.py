"""Which time formats all cells of a column are of.

Goes in: the different values of a block. Comes out: :class:`TimeFacts`. The candidates come from the shapes of the
first values; each is then held against every value by the code that a load reads times with.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

import numpy as np
import polars as pl

from importer.inspecting.distinct import SEED
from importer.inspecting.records import RefusedType
from importer.inspecting.time_shapes import EPOCHS, clock_formats, epoch_unit, is_offset, shapes_of
from importer.mapping.parts import TimeSpec
from importer.mapping.timestamps import parse_times

__all__ = ["Fitting", "TimeFacts", "as_text"]

FIRST_VALUES = 50
"""Their shapes say which formats there may be."""

Unit = Literal["s", "ms", "us", "ns"]
_UNITS: tuple[tuple[Unit, int], ...] = (("s", 10**9), ("ms", 10**6), ("us", 10**3), ("ns", 1))


@dataclass(slots=True)
class Fitting:
    """A format that all values so far are of.

    Attributes:
        format: as the mapping file takes it.
        first: earliest time, ns.
        last: latest.
        step: the finest unit that occurs, ns.
        digest: of all times with their texts; equal for two formats that read all of them alike.
    """

    format: str
    first: int = 2**63 - 1
    last: int = -(2**63)
    step: int = 10**9
    digest: int = 0

    @property
    def precision(self) -> Unit:
        """The finest unit that occurs."""
        return next(unit for unit, size in _UNITS if size <= self.step)


@dataclass(slots=True)
class TimeFacts:
    """Of one column.

    Attributes:
        given: a format that the user says; no others are tried.
        fitting: formats that are still open, the best first; None before the first value.
        refused: the first value that is not of a format, by the format.
        clocks: formats of a time of day that are still open.
        has_clock: the dates have times of day.
        has_offset: they have offsets, or count from 1970.
        has_two_digit_year: some values are dates with such years.
        are_offsets: all values are offsets from UTC.
        are_all: the values are all that there are, and no sample.
    """

    given: str | None = None
    fitting: list[Fitting] | None = None
    refused: dict[str, RefusedType] = field(default_factory=dict)
    clocks: list[str] = field(default_factory=list)
    has_clock: bool = False
    has_offset: bool = False
    has_two_digit_year: bool = False
    are_offsets: bool = False
    are_all: bool = True

    def add(self, values: pl.Series, refusal: Callable[[str, str, str], RefusedType]) -> None:
        """Hold the open formats against some values, each of them once."""
        if self.fitting is None:
            self._begin(values.head(FIRST_VALUES).to_list())
        if self.are_offsets:
            self.are_offsets = all(map(is_offset, values.head(1000)))
        for clock in tuple(self.clocks):
            # A time of day is read with a date before it.
            times = parse_times("2000-01-01 " + values, TimeSpec(column="x", format="%Y-%m-%d " + clock))
            if times.errors:
                self.clocks.remove(clock)
        for fitting in tuple(self.fitting or ()):
            times = parse_times(values, TimeSpec(column="x", format=fitting.format))
            if times.errors:
                mask, _, why = times.errors[0]
                assert self.fitting is not None  # noqa: S101 - it is being gone through
                self.fitting.remove(fitting)
                self.refused[fitting.format] = refusal(fitting.format, values.filter(mask)[0], why)
            else:
                _take_in(fitting, values, times.ns)

    def _begin(self, first: list[str]) -> None:
        shapes = [shapes_of(value) for value in first]
        self.has_two_digit_year = all(shape.has_two_digit_year for shape in shapes)
        self.are_offsets = all(map(is_offset, first))
        self.clocks = list(dict.fromkeys(form for value in first for form in clock_formats(value)))
        self.has_clock = any(shape.has_clock for shape in shapes)
        self.has_offset = all(shape.has_offset for shape in shapes)
        if self.given is not None:
            self.fitting = [Fitting(self.given)]
            self.has_clock = "%H" in self.given or "%I" in self.given or "%T" in self.given or "%" not in self.given
            self.has_offset = "z" in self.given or "%" not in self.given
            return
        formats = dict.fromkeys(form for shape in shapes for form in shape.formats)
        try:
            numbers = [float(value) for value in first]
        except ValueError:
            numbers = []
        unit = epoch_unit(min(numbers), max(numbers)) if numbers else None
        if unit is not None and not self.has_clock:
            self.has_clock = self.has_offset = True
            formats = {unit: None} | formats
        self.fitting = [Fitting(form) for form in formats]

    @property
    def is_epoch(self) -> bool:
        """Whether the values are numbers that count from 1970."""
        return bool(self.fitting) and self.fitting is not None and self.fitting[0].format in EPOCHS

    @property
    def chosen(self) -> Fitting | None:
        """The format, where the values leave but one, or several that say the same."""
        if not self.fitting:
            return None
        best = self.fitting[0]
        if not self.are_all and len({form.format.find("%d") < form.format.find("%m") for form in self.fitting}) > 1:
            return None  # what was not looked at may tell day and month apart
        return None if any(other.digest != best.digest for other in self.fitting) else best

    @property
    def undecided(self) -> list[Fitting]:
        """Formats between which the values do not decide."""
        return [] if self.chosen is not None or not self.fitting else list(self.fitting)


def _take_in(fitting: Fitting, values: pl.Series, ns: pl.Series) -> None:
    products = ns.to_numpy().astype(np.uint64) * values.hash(SEED).to_numpy()  # wraps around
    fitting.digest = (fitting.digest + int(products.sum(dtype=np.uint64))) % 2**64
    fitting.first = min(fitting.first, int(ns.min()))  # type: ignore[arg-type]
    fitting.last = max(fitting.last, int(ns.max()))  # type: ignore[arg-type]
    for _, size in _UNITS:
        if size <= fitting.step and (ns % size == 0).all():
            fitting.step = size
            break


def as_text(ns: int) -> str:
    """A time in RFC 3339, without digits that say nothing."""
    seconds, fraction = divmod(ns, 10**9)
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    digits = f".{fraction:09}".rstrip("0").rstrip(".") if fraction else ""
    return f"{moment:%Y-%m-%dT%H:%M:%S}{digits}Z"
