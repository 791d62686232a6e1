"""What a chart shows: records without any drawing in them, so that what is drawn can be checked."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Band", "Columns", "Panel", "Ranking", "Spread"]


@dataclass(frozen=True, slots=True)
class Columns:
    """How many there are in each short window of time.

    Attributes:
        title: above it.
        starts_ns: where the windows begin, in nanoseconds since 1970.
        width_ns: how long each of them is.
        counts: how many.
        what: is counted, such as ``rows``.
    """

    title: str
    starts_ns: tuple[int, ...]
    width_ns: int
    counts: tuple[int, ...]
    what: str


@dataclass(frozen=True, slots=True)
class Band:
    """Least, mean and greatest value in each short window of time.

    Attributes:
        title: above it.
        times_ns: the middles of the windows, rising.
        low: least values.
        middle: means.
        high: greatest values.
    """

    title: str
    times_ns: tuple[int, ...]
    low: tuple[float, ...]
    middle: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Spread:
    """How numbers are spread.

    Attributes:
        title: above it.
        edges: one more than counts, rising.
        counts: values between two edges.
        what: is counted.
    """

    title: str
    edges: tuple[float, ...]
    counts: tuple[int, ...]
    what: str


@dataclass(frozen=True, slots=True)
class Ranking:
    """Texts, and how many there are of each; the first stands on top.

    Attributes:
        title: above it.
        labels: the texts.
        counts: as many.
        what: is counted.
    """

    title: str
    labels: tuple[str, ...]
    counts: tuple[int, ...]
    what: str


Panel = Columns | Band | Spread | Ranking
