"""What an analysis finds: the records that it hands on, as JSON too (``model_dump(mode="json")``).

Times are RFC 3339 in UTC; lengths of time are seconds. What is not there, or means nothing for the type, is None.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

__all__ = ["Analysis", "Bin", "FieldFigures", "Gaps", "TagValue", "TextCount", "TimeWindow"]

Number = int | float


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True)


class TagValue(_Record):
    """Which part of a field figures are of.

    Attributes:
        key: of the tag.
        value: of the tag; empty: the series that do not have it.
    """

    key: str
    value: str


class TextCount(_Record):
    """A text, and how many values are this text; its first 200 letters."""

    text: str
    count: int


class Gaps(_Record):
    """Where values are further apart than they usually are, within each series.

    The server knows intervals to some 256 ns.

    Attributes:
        median_seconds: half of the intervals from a value to the next one of its series are longer, half are shorter.
        longest_seconds: the longest interval.
        longest_start: where it begins.
        factor: an interval longer than so many medians is a gap.
        count: how many gaps there are.
    """

    median_seconds: float
    longest_seconds: float
    longest_start: str
    factor: float
    count: int


class TimeWindow(_Record):
    """The values of a short time.

    Attributes:
        start_ns: where it begins, in nanoseconds since 1970.
        count: values.
        minimum: least; of numbers only, as are the next two.
        mean: of all.
        maximum: greatest.
    """

    start_ns: int
    count: int
    minimum: float | None = None
    mean: float | None = None
    maximum: float | None = None


class Bin(_Record):
    """Values from the last bin's upper edge up to this one's, which belongs to it."""

    upper: float
    count: int


class FieldFigures(_Record):
    """Figures of a field, or of the part of it that has a certain value of a tag.

    Attributes:
        measurement: it is in.
        field: its key.
        type: of its values; ``mixed`` where the server holds several, and then counts only.
        tag: None: the figures are of the whole field.
        series: how many there are.
        count: values.
        first: time of the earliest value.
        last: time of the latest.
        per_second: values after the first one, over the time from the first to the last.
        per_hour: the same.
        minimum: least value of a number.
        mean: of numbers.
        maximum: greatest.
        p50: median.
        p95: 95 of 100 values are not greater.
        p99: 99 of 100.
        percentiles: ``exact`` (interpolated between two values), or ``estimated`` by a t-digest where there are very
            many values.
        true_count: of a boolean.
        distinct: different texts.
        frequent: the most frequent texts; empty where there are too many different ones.
        gaps: None where no series has two values.
        over_time: the same in short windows; only if asked for.
        window_ns: how long each of them is.
        histogram: how the values of a number are spread; only if asked for.
    """

    measurement: str
    field: str
    type: Literal["float", "integer", "unsigned", "boolean", "string", "mixed"]
    tag: TagValue | None = None
    series: int
    count: int
    first: str | None = None
    last: str | None = None
    per_second: float | None = None
    per_hour: float | None = None
    minimum: Number | None = None
    mean: float | None = None
    maximum: Number | None = None
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None
    percentiles: Literal["exact", "estimated"] | None = None
    true_count: int | None = None
    distinct: int | None = None
    frequent: tuple[TextCount, ...] = ()
    gaps: Gaps | None = None
    over_time: tuple[TimeWindow, ...] = ()
    window_ns: int | None = None
    histogram: tuple[Bin, ...] = ()


class Analysis(_Record):
    """What a bucket holds.

    Attributes:
        schema_version: of this shape.
        bucket: its name.
        start: from when it was looked at, included; None: from the first time that can be stored.
        stop: until when, not included; None: to the last.
        by: the tag by whose values figures are given, too.
        filters: what was asked for, in words.
        count: values in all fields.
        fields: figures, by measurement and field; those of the whole field stand before those of its parts.
        warnings: what one should know, in words.
    """

    schema_version: int = 1
    bucket: str
    start: str | None = None
    stop: str | None = None
    by: str | None = None
    filters: tuple[str, ...] = ()
    count: int
    fields: tuple[FieldFigures, ...]
    warnings: tuple[str, ...] = ()
