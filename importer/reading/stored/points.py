"""Units to parts: measurement by measurement, in the order of time, each block decoded once.

Goes in: units, layouts and a selection. Comes out: one :class:`~importer.reading.points.Part` after the other.

What a unit has of a measurement is one slice where that is not too much. Where it is, times alone are read, which is
cheap, and show where to cut.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from importer.errors import VerificationError
from importer.reading.layout import Layout
from importer.reading.points import Part, Progress
from importer.reading.selection import Selection
from importer.reading.stored.cuts import Cuts
from importer.reading.stored.rows import SeriesTags, part_of
from importer.reading.stored.slicing import FieldValues, Slices
from importer.reading.stored.texts import Series, series_of, text_of
from importer.reading.stored.unit import Unit, pieces_of
from importer.reading.window import TimeRange
from importer.tsm import IndexedKey, Reader
from importer.tsm.blocks import decode_times
from importer.tsm.keys import SEPARATOR
from importer.tsm.layout import Times, Values

__all__ = ["stored_parts"]

MOST_BYTES = 8 << 20
"""Of the values of a slice, with their times, unless all of them have the same time."""

TELL_EVERY = 100_000
"""Values."""


@dataclass(slots=True)
class _Told:
    """How far the reading is.

    Attributes:
        progress: is told so.
        all_bytes: of the blocks that are gone through.
        bytes: of those that have been.
        values: that were decoded.
        rows: that were given out.
        told: values when it was last told.
    """

    progress: Progress
    all_bytes: int
    bytes: int = 0
    values: int = 0
    rows: int = 0
    told: int = 0

    def tell(self) -> None:
        self.told = self.values
        # How many there will be in all is not known before the end.
        total = self.values * self.all_bytes // max(self.bytes, 1)
        self.progress(self.values, max(total, self.values), self.rows)


def stored_parts(  # noqa: PLR0917 - called in one place
    units: Sequence[Unit],
    found: Sequence[Layout],
    chosen: Selection,
    expected: Mapping[int, int],
    progress: Progress,
    check_stopped: Callable[[], None],
) -> Iterator[Part]:
    """All that is chosen.

    Args:
        units: looked through.
        found: the measurements.
        chosen: which part of them.
        expected: how many values a unit (by its number) had when it was backed up, where that is known.
        progress: told how many values were read, of about how many, and the rows that were given out.
        check_stopped: called again and again; may raise to break off.

    Raises:
        SourceError: a file is damaged.
        SpoolError: the disk refuses.
        VerificationError: fewer values were read than there were.
    """
    there = [(layout, number) for layout in found for number in range(len(units))]
    told = _Told(progress, sum(units[number].block_bytes.get(layout.measurement, 0) for layout, number in there))
    values = [0] * len(units)
    for layout, number in there:
        unit = units[number]
        if layout.measurement not in unit.runs:
            continue
        with unit.opened() as readers:
            for part in _Measurement(unit, layout, chosen, readers, told, check_stopped).parts():
                values[number] += part.values
                told.rows += part.frame.height
                told.tell()
                yield part
    for number, count in expected.items():
        if values[number] < count:
            raise VerificationError(
                f"{units[number].span} the backup held {count:,} values when it was made, and {values[number]:,} were "
                "read: restore it (importer restore), which compares each of them"
            )
    progress(sum(values), sum(values), told.rows)


@dataclass(slots=True)
class _Measurement:
    """What a unit has of a measurement.

    Attributes:
        unit: the unit.
        layout: the measurement.
        chosen: which part of it.
        readers: of the unit's files.
        told: how far the reading is.
        check_stopped: may raise to break off.
        not_utf8: bytes of tags that were replaced, until a part tells of them.
    """

    unit: Unit
    layout: Layout
    chosen: Selection
    readers: Sequence[Reader]
    told: _Told
    check_stopped: Callable[[], None]
    not_utf8: int = 0

    def parts(self) -> Iterator[Part]:
        bytes_before, values_before = self.told.bytes, self.told.values
        with self._slices(np.zeros(0, dtype=np.int64)) as slices:
            tags = self._gathered(slices, MOST_BYTES)
            if tags is not None:
                yield from self._parts(slices, tags)
                return
        cuts = self._cuts()
        self.told.bytes, self.told.values, self.not_utf8 = bytes_before, values_before, 0
        with self._slices(cuts) as slices:
            tags = self._gathered(slices)
            if tags is not None:
                yield from self._parts(slices, tags)

    def _slices(self, cuts: Times) -> Slices:
        return Slices(cuts, self.layout.stored, self.unit.folder)

    def _parts(self, slices: Slices, tags: SeriesTags) -> Iterator[Part]:
        for found in slices.slices():
            self.check_stopped()
            part = part_of(self.layout, found, tags)
            yield replace(part, not_utf8=part.not_utf8 + self.not_utf8)
            self.not_utf8 = 0

    def _gathered(self, slices: Slices, most_bytes: int | None = None) -> SeriesTags | None:
        """Put all values into slices; returns the tags of their series, or None if they have more bytes than that."""
        tags, last, series = SeriesTags(self.layout), None, 0
        for field, of_series, reader, piece in self._wanted():
            times, values = _within(*reader.points(piece), self.chosen.range)
            if not times.size:
                continue
            if of_series is not last:
                last, series = of_series, tags.add(of_series.tags)
                self.not_utf8 += of_series.not_utf8
            slices.add(field, FieldValues(np.full(times.size, series, dtype=np.uint32), times, values))
            self.told.values += times.size
            if self.told.values >= self.told.told + TELL_EVERY:
                self.told.tell()
            if most_bytes is not None and slices.size_bytes > most_bytes:
                return None
        return tags

    def _cuts(self) -> Times:
        cuts = Cuts()
        for _, _, reader, piece in self._wanted():
            for block in reader.raw_blocks(piece):
                times, size = decode_times(block)
                within = times[(times >= self.chosen.range.start_ns) & (times < self.chosen.range.stop_ns)]
                cuts.add(within, size * within.size // max(times.size, 1))
        return cuts.at(MOST_BYTES)

    def _wanted(self) -> Iterator[tuple[int, Series, Reader, IndexedKey]]:
        """The keys that are chosen, some blocks at a time: the field's number, the series, and where they are."""
        numbers = {field.key: number for number, field in enumerate(self.layout.fields)}
        last, series, is_chosen = b"", Series("", {}, 0), False
        for key, in_files in self.unit.keys_of(self.layout.measurement, self.readers):
            self.told.bytes += sum(int(indexed.entries["size"].sum(dtype="i8")) for _, indexed in in_files)
            written, _, field_key = key.partition(SEPARATOR)
            if written != last:
                last, series = written, series_of(key)
                is_chosen = all(series.tags.get(tag, "") in values for tag, values in self.chosen.tags)
            field = numbers.get(text_of(field_key)[0]) if is_chosen else None
            self.check_stopped()
            if field is None:
                continue
            for reader, indexed in in_files:
                for piece in pieces_of(indexed, self.chosen.range):
                    self.check_stopped()
                    yield field, series, reader, piece


def _within(times: Times, values: Values, span: TimeRange) -> tuple[Times, Values]:
    """Those in a range of time; in the order of time, in which they nearly always are."""
    if (times[1:] < times[:-1]).any():
        order = np.argsort(times, kind="stable")
        times, values = times[order], values.take(order)
    begin, end = np.searchsorted(times, [span.start_ns, span.stop_ns]).tolist()
    return times[begin:end], values[begin:end]
