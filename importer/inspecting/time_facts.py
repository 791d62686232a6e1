"""Which time formats the cells of a column are of.

Goes in: the different values of a block. Comes out: :class:`TimeFacts`. The candidates come from the shapes of the
first values; each is then held against every value by the code that a load reads times with. A few cells may be of no
format: a load rejects their rows. Of two formats that nearly all cells are of, none is given up for the other while
there are cells that it alone reads.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

import polars as pl

from importer.inspecting.records import RefusedType
from importer.inspecting.time_fitting import Fitting
from importer.inspecting.time_shapes import EPOCHS, clock_formats, epoch_unit, is_offset, shapes_of
from importer.mapping.parts import TimeSpec
from importer.mapping.timestamps import parse_times

__all__ = ["FEW", "HALF", "Misfits", "TimeFacts"]

FIRST_VALUES = 50
"""Their shapes say which formats there may be."""

FEW, HALF = 10, 2
"""One cell in so many may be of no format: in a time that is taken without being asked for, and where one asks."""

EARLIEST_EPOCH_NS = 10**17
"""Numbers that would be times before 1973 are rather something else, such as 0 or -999 where there is no time."""

_TWIN = str.maketrans("dm", "md")
"""Of a format with the day first, the same with the month first."""

Refusal = Callable[[str, str, str], RefusedType]


@dataclass(slots=True)
class Misfits:
    """Cells that the very same formats do not read.

    Attributes:
        cell: the first of them.
        rows: how many rows have one.
    """

    cell: RefusedType
    rows: int = 0

    def __str__(self) -> str:
        return f"{self.cell.example!r}{f' in line {self.cell.line}' if self.cell.line else ''}"


@dataclass(slots=True)
class TimeFacts:
    """Of one column.

    Attributes:
        given: a format that the user says; where it fits, no others count.
        rows: seen.
        tried: formats that most values so far are of, the best first; None before the first value.
        clocks: likewise, of a time of day.
        misfits: what is not of a format, by the formats.
        refused: the first value that is not of a format, by the format.
        early: the first number that would be a time before 1973.
        has_two_digit_year: most values are dates with such years.
        are_offsets: all values are offsets from UTC.
        are_all: the values are all that there are, and no sample.
    """

    given: str | None = None
    rows: int = 0
    tried: list[Fitting] | None = None
    clocks: list[Fitting] = field(default_factory=list)
    misfits: dict[frozenset[str], Misfits] = field(default_factory=dict)
    refused: dict[str, RefusedType] = field(default_factory=dict)
    early: Misfits | None = None
    has_two_digit_year: bool = False
    are_offsets: bool = False
    are_all: bool = True

    def add(self, counted: pl.DataFrame, refusal: Refusal) -> None:
        """Hold the open formats against some values, each of them once.

        Args:
            counted: ``value`` and in how many ``rows`` it stands.
            refusal: where a cell stands that is not of a format, and why it is not.
        """
        values, rows = counted["value"], counted["rows"]
        if self.tried is None:
            self._begin(values.head(FIRST_VALUES).to_list())
        self.rows += int(rows.sum())
        if self.are_offsets:
            self.are_offsets = all(map(is_offset, values.head(1000)))
        self.tried = self._held(self.tried or [], "", counted, refusal)
        # A time of day is read with a date before it.
        self.clocks = self._held(self.clocks, "%Y-%m-%d ", counted.with_columns(value="2000-01-01 " + values), refusal)

    def _held(self, formats: list[Fitting], before: str, counted: pl.DataFrame, refusal: Refusal) -> list[Fitting]:
        """Note what is of which format; those formats that most values are of."""
        values, odd = counted["value"], {}
        for fitting in formats:
            times = parse_times(values, TimeSpec(column="x", format=before + fitting.format))
            ns = times.ns
            for mask, _, why in times.errors:
                ns = ns.set(mask, None)
                if fitting.format not in self.refused and not before:
                    self.refused[fitting.format] = refusal(fitting.format, values.filter(mask)[0], why)
            if fitting.format in EPOCHS and fitting.format != self.given:
                early = (ns < EARLIEST_EPOCH_NS).fill_null(value=False)
                if self.early is None and early.any():
                    self.early = Misfits(refusal(fitting.format, values.filter(early)[0], ""))
                ns = ns.set(early, None)
            fitting.take_in(values, ns)
            odd[fitting.format] = ns.is_null()
        if any(mask.any() for mask in odd.values()):
            found = pl.DataFrame(odd | {"rows": counted["rows"], "value": values.str.slice(len(before))})
            alike = found.group_by(*odd, maintain_order=True).agg(pl.col("rows").sum(), pl.col("value").first())
            for *refuse, rows, value in alike.iter_rows():
                key = frozenset(form for form, is_refused in zip(odd, refuse, strict=True) if is_refused)
                if key and key not in self.misfits:
                    self.misfits[key] = Misfits(refusal("", value, ""))
                if key:
                    self.misfits[key].rows += rows
        # The others cost time; they could come to hold most values only where the first block is quite unlike the rest.
        kept = {fitting.format for fitting in formats if self.misfits_of(fitting) * HALF <= self.rows}
        # Which of day and month is first is decided by all rows, not by those of the first block.
        return [fitting for fitting in formats if {fitting.format, fitting.format.translate(_TWIN)} & kept]

    def _begin(self, first: list[str]) -> None:
        shapes = [shapes_of(value) for value in first]
        self.has_two_digit_year = sum(shape.has_two_digit_year for shape in shapes) * HALF > len(first)
        self.are_offsets = all(map(is_offset, first))
        self.clocks = [
            Fitting(form) for form in dict.fromkeys(form for value in first for form in clock_formats(value))
        ]
        formats = dict.fromkeys(form for shape in shapes for form in shape.formats)
        units = Counter(epoch_unit(value) for value, shape in zip(first, shapes, strict=True) if not shape.has_clock)
        formats = {unit: None for unit, number in units.items() if unit and number * HALF > len(first)} | formats
        if self.given is not None:
            formats = {self.given: None} | formats
        self.tried = [Fitting(form) for form in formats]

    def misfits_of(self, fitting: Fitting) -> int:
        """In how many rows stands what is not of a format."""
        return sum(found.rows for formats, found in self.misfits.items() if fitting.format in formats)

    def within(self, share: int) -> list[Fitting]:
        """Formats that all values are of, but for one in so many; each reads something that the others do not."""
        said = [fitting for fitting in self.tried or () if fitting.format == self.given]
        near = said or [fitting for fitting in self.tried or () if self.misfits_of(fitting) * share <= self.rows]
        return [one for one in near if not any(self._is_behind(one.format, other.format) for other in near)]

    def _is_behind(self, one: str, other: str) -> bool:
        """Whether another format reads all that one does, and more."""
        only_one, only_other = (
            any(here in formats and there not in formats for formats in self.misfits)
            for here, there in ((other, one), (one, other))
        )
        return only_other and not only_one

    @property
    def fitting(self) -> list[Fitting]:
        """Formats that the values are of, but for a few; the best first."""
        return self.within(FEW)

    @property
    def clock(self) -> Fitting | None:
        """The format of a time of day that the values are of, but for a few."""
        best = min(self.clocks, key=self.misfits_of, default=None)
        return best if best is not None and self.misfits_of(best) * FEW <= self.rows else None

    @property
    def is_epoch(self) -> bool:
        """Whether the values are numbers that count from 1970."""
        return any(fitting.format in EPOCHS for fitting in self.fitting[:1])

    @property
    def are_times(self) -> bool:
        """Whether all values are times of one format, and no numbers."""
        chosen = self.chosen
        return chosen is not None and not self.misfits_of(chosen) and not self.is_epoch

    @property
    def chosen(self) -> Fitting | None:
        """The format, where the values decide it."""
        return self.decided(self.fitting)

    def decided(self, fittings: Sequence[Fitting]) -> Fitting | None:
        """The format, where there is but one, or several that say the same."""
        if not fittings:
            return None
        if not self.are_all and len({fitting.is_day_first for fitting in fittings}) > 1:
            return None  # what was not looked at may tell day and month apart
        return None if any(other.digest != fittings[0].digest for other in fittings) else fittings[0]

    def told_apart(self, fitting: Fitting) -> str:
        """The first cell that is of a format and not of another one, in words; empty: there is none."""
        for formats, found in self.misfits.items():
            other = next((form for form in self.refused if form in formats), None)
            if other is not None and fitting.format not in formats:
                return f"{found} is not {other}"
        return ""

    def not_of(self, form: str, *, but_of: Collection[str] = ()) -> str:
        """The first cell that is not of a format, but of one of some others, in words; empty: there is none."""
        for formats, found in self.misfits.items():
            if form in formats and not (but_of and formats.issuperset(but_of)):
                return f"{found} is not {form}"
        return ""
