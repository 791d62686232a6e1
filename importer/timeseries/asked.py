"""What may be asked of a metric, and what comes back: the models, and what they say turned into values.

Goes in: :class:`SeriesQuery`, as it was sent. Comes out: an :class:`Asked`, whose times are nanoseconds.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from importer.errors import ConfigurationError
from importer.limits import MAX_TIME_NS, MIN_TIME_NS, key_trouble
from importer.reading.window import TimeRange, parse_window, time_range
from importer.timeseries.lines import unaskable

__all__ = [
    "AGGREGATIONS",
    "MOST_LISTED",
    "Asked",
    "Position",
    "SeriesAnswer",
    "SeriesPoint",
    "SeriesQuery",
    "UnclearError",
    "asked",
]

Aggregation = Literal["AVG", "SUM", "MIN", "MAX", "COUNT", "FIRST", "LAST", "MEDIAN", "STDDEV"]

AGGREGATIONS: Final[dict[Aggregation, str]] = {
    "AVG": "mean",
    "SUM": "sum",
    "MIN": "min",
    "MAX": "max",
    "COUNT": "count",
    "FIRST": "first",
    "LAST": "last",
    "MEDIAN": "median",
    "STDDEV": "stddev",
}
"""What they are called at the server."""

MOST_LISTED: Final = 10_000
SECOND_NS: Final = 10**9

TagText = Annotated[str, Field(max_length=65_535)]


class UnclearError(ConfigurationError):
    """A query that is not understood.

    Attributes:
        part: of the request; several, if it is they together.
    """

    def __init__(self, part: str, message: str) -> None:
        super().__init__(message)
        self.part = ", ".join(f"body.{each}" for each in part.split())


class SeriesQuery(BaseModel):
    """Which points of a metric, and what is to become of them."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "examples": [
                {
                    "metric": "temperature",
                    "start": "2024-05-01T00:00:00Z",
                    "stop": "2024-05-02T00:00:00Z",
                    "tags": {"room": ["kitchen", "hall"]},
                    "aggregation": "AVG",
                    "interval": "5m",
                }
            ]
        },
    )

    metric: str = Field(min_length=1, max_length=65_535, description="Its name.")
    start: str | None = Field(
        default=None,
        description="From when, included: RFC 3339, a date, or a time before now such as -30d, in whole seconds.",
    )
    stop: str | None = Field(default=None, description="Until when, not included.")
    tags: dict[str, TagText | Annotated[list[TagText], Field(min_length=1, max_length=1000)]] = Field(
        default={},
        max_length=100,
        description="The values, one or several, of which a point has to have one; an empty text: no such tag.",
    )
    aggregation: Aggregation | None = Field(
        default=None,
        description="One value for each series (and interval) instead of the points; of texts there are COUNT, FIRST "
        "and LAST.",
    )
    interval: str | None = Field(
        default=None,
        description="With an aggregation: a whole number and s, m, h, d or w; intervals begin at its multiples since "
        "1970 UTC, and those without a value are left out.",
    )
    limit: int = Field(default=1000, ge=1, le=MOST_LISTED, description="Points of a page.")
    cursor: str | None = Field(default=None, max_length=200, description="`next` of the page before, to go on.")


class SeriesPoint(BaseModel):
    """A value."""

    time: str | None = Field(
        description="RFC 3339. Of an interval: its beginning. Of an aggregation without one: when the value was "
        "measured (FIRST, LAST, MIN, MAX), else the start that was asked for, if any."
    )
    value: float | int | str = Field(description="A number or a text.")
    tags: dict[str, str] = Field(description="Of its series.")


class SeriesAnswer(BaseModel):
    """A page of points, in the order of their times; of aggregations without an interval, in that of their series."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "metric": "temperature",
                    "points": [{"time": "2024-05-01T12:00:00Z", "value": 21.5, "tags": {"room": "kitchen"}}],
                    "next": None,
                }
            ]
        }
    )

    metric: str
    points: list[SeriesPoint]
    next: str | None = Field(description="The cursor of the next page; null if there is none.")


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page begins.

    Attributes:
        time_ns: the time of the last point before it; None: at the beginning, or where there are no times.
        passed: how many points of that time come before it; without times, how many at all.
    """

    time_ns: int | None = None
    passed: int = 0


@dataclass(frozen=True, slots=True)
class Asked:
    """A query whose texts have been understood.

    Attributes:
        metric: its name.
        span: from when to when.
        has_start: whether that was said.
        tags: for each key the values of which a point has to have one; an empty text: no such tag.
        aggregation: None for the points themselves.
        interval_ns: None: over the whole span.
        limit: points of a page.
        position: where the page begins.
        digest: the same for the pages of one query.
    """

    metric: str
    span: TimeRange
    has_start: bool
    tags: tuple[tuple[str, tuple[str, ...]], ...]
    aggregation: Aggregation | None
    interval_ns: int | None
    limit: int
    position: Position
    digest: str

    def cursor(self, position: Position) -> str:
        """What is to be sent to get the page that begins there."""
        text = json.dumps([self.digest, position.time_ns, position.passed], separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def asked(query: SeriesQuery) -> Asked:
    """Understand a query.

    Raises:
        UnclearError: a time, the interval, a tag's key or the cursor cannot be, or they do not fit together.
    """
    with _about("start stop"):
        span = _in_whole_seconds(time_range(start=query.start, stop=query.stop), query)
    if query.interval is not None and query.aggregation is None:
        raise UnclearError("interval", "an interval goes with an aggregation, such as AVG: say which")
    with _about("interval"):
        interval = parse_window(query.interval, name="interval") if query.interval is not None else None
    tags = tuple(
        (key, (given,) if isinstance(given, str) else tuple(dict.fromkeys(given)))
        for key, given in sorted(query.tags.items())
    )
    for key, values in tags:
        if trouble := key_trouble("tag", key) or next(filter(None, map(unaskable, (key, *values))), None):
            raise UnclearError("tags", f"no point has such a tag {key!r}: {trouble}")
    # What was sent, and not what it means now: a start of -30d is another instant on each page.
    said = json.dumps([query.metric, query.start, query.stop, tags, query.aggregation, query.interval])
    digest = hashlib.blake2b(said.encode(errors="surrogatepass"), digest_size=6).hexdigest()
    return Asked(
        metric=query.metric,
        span=span,
        has_start=query.start is not None,
        tags=tags,
        aggregation=query.aggregation,
        interval_ns=interval.ns if interval else None,
        limit=query.limit,
        position=Position() if query.cursor is None else _position(query.cursor, digest),
        digest=digest,
    )


@contextmanager
def _about(part: str) -> Iterator[None]:
    try:
        yield
    except ConfigurationError as error:
        raise UnclearError(part, str(error)) from None


def _in_whole_seconds(span: TimeRange, query: SeriesQuery) -> TimeRange:
    """Times before now by the second, so that all who ask within it ask for the same; nothing is left out by that."""
    start, stop = span.start_ns, span.stop_ns
    if _is_before_now(query.start):
        start = max(MIN_TIME_NS, start // SECOND_NS * SECOND_NS)
    if _is_before_now(query.stop):
        stop = min(MAX_TIME_NS + 1, -(-stop // SECOND_NS) * SECOND_NS)
    return TimeRange(start, stop)


def _is_before_now(text: str | None) -> bool:
    return text is not None and text.strip().lower().startswith(("-", "now"))


def _position(cursor: str, digest: str) -> Position:
    why = "the cursor is none of this query: send `next` of the page before, and all else as then"
    wrong = UnclearError("cursor", why)
    try:
        of, time_ns, passed = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, TypeError):
        raise wrong from None
    is_time = time_ns is None or (type(time_ns) is int and MIN_TIME_NS <= time_ns <= MAX_TIME_NS)
    if of != digest or not is_time or type(passed) is not int or not 0 <= passed <= MAX_TIME_NS:
        raise wrong
    return Position(time_ns, passed)
