"""Points to line protocol, one by one in a tight loop: batches are small and many, and columns would cost more.

Goes in: a :class:`~importer.timeseries.points.Batch`. Comes out: :class:`EncodedPoints`; or an error that names all
points that line protocol, or this API, cannot carry.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import isfinite
from typing import Final

import polars as pl

from importer.encoding.escaping import escape_key, unending
from importer.limits import (
    EMPTY_TEXT,
    MAX_KEY_BYTES,
    MAX_STRING_BYTES,
    MAX_TIME_NS,
    MIN_TIME_NS,
    OUT_OF_RANGE,
    TAG_VALUE_TROUBLE,
    UNUSABLE_TAG_VALUE,
    key_trouble,
    measurement_trouble,
)
from importer.timeseries.moments import PRECISIONS, ns_of
from importer.timeseries.points import BadPointsError, Batch, PointFault

__all__ = ["NUMBER_FIELD", "TEXT_FIELD", "EncodedPoints", "LineWriter", "unaskable"]

NUMBER_FIELD: Final = "value"
TEXT_FIELD: Final = "text"

LARGEST_EXACT: Final = 2**53
"""Beyond it, floats leave out whole numbers."""

ROOM_FOR_FIELD: Final = 10
"""Of a key in the storage engine, which holds the field's, too."""

MOST_KNOWN, LARGEST_KNOWN = 20_000, 1_000
"""Series whose keys are remembered, and characters of one, about."""

_UNUSABLE_TAG = re.compile(UNUSABLE_TAG_VALUE)
_NO_TIME: Final = "RFC 3339 with an offset is needed, such as 2024-05-01T12:00:00.25Z, to the nanosecond"
_NO_PRECISION: Final = "a whole number says nothing without the batch's precision: s, ms, us or ns"
_TOO_LARGE: Final = "whole numbers beyond 2^53 cannot be stored exactly: send it as a text, or with a decimal point"
_NOT_FINITE: Final = "NaN and infinities cannot be stored"

Name = tuple[str, ...]
"""A metric, the keys of its tags, their values: made and looked up for each point, so one flat tuple."""


@dataclass(frozen=True, slots=True)
class EncodedPoints:
    """Points as line protocol.

    Attributes:
        lines: in the order of the batch.
        keys: the series of each, as it is written.
        times: of each, ns.
        numeric: the metrics that have numbers here.
        textual: those that have texts.
    """

    lines: list[str]
    keys: list[str]
    times: list[int]
    numeric: frozenset[str]
    textual: frozenset[str]


class _BadNameError(Exception):
    """A metric and tags that cannot be a series: which part, and why."""


class LineWriter:
    """Writes batches; remembers the series that came by, whose names are fine. Safe to call from several threads."""

    def __init__(self) -> None:
        self._known: dict[Name, str] = {}

    def __call__(self, batch: Batch) -> EncodedPoints:  # noqa: C901 - calls for each point would cost as much again
        """Write a batch as lines.

        Raises:
            BadPointsError: points that cannot be stored, those included whose shape is wrong.
        """
        lines: list[str] = []
        keys: list[str] = []
        times: list[int] = []
        numeric: set[str] = set()
        textual: set[str] = set()
        faults = list(batch.faults)
        known, scale = self._known, PRECISIONS[batch.precision] if batch.precision else 0
        for place, point in enumerate(batch.points):
            metric, given, value = point["metric"], point["timestamp"], point["value"]
            tags = point.get("tags")
            name: Name = (metric, *tags, *tags.values()) if tags else (metric,)
            key = known.get(name)
            if key is None:
                try:
                    key = self._learn(name)
                except _BadNameError as error:
                    faults.append(PointFault(_index(batch, place), *error.args))
                    key = ""
            ns = ns_of(given) if isinstance(given, str) else given * scale
            if ns is None or not MIN_TIME_NS <= ns <= MAX_TIME_NS or (not scale and isinstance(given, int)):
                faults.append(PointFault(_index(batch, place), "timestamp", _time_trouble(ns, given, scale)))
            elif isinstance(value, float):
                if not isfinite(value):
                    faults.append(PointFault(_index(batch, place), "value", _NOT_FINITE))
                    continue
                lines.append(f"{key} {NUMBER_FIELD}={value!r} {ns}")
                numeric.add(metric)
            elif isinstance(value, str):
                if trouble := _text_trouble(value):
                    faults.append(PointFault(_index(batch, place), "value", trouble))
                if "\\" in value or '"' in value:
                    value = value.replace("\\", r"\\").replace('"', r"\"")
                lines.append(f'{key} {TEXT_FIELD}="{value}" {ns}')
                textual.add(metric)
            else:
                if not -LARGEST_EXACT <= value <= LARGEST_EXACT:
                    faults.append(PointFault(_index(batch, place), "value", _TOO_LARGE))
                    continue
                lines.append(f"{key} {NUMBER_FIELD}={value} {ns}")
                numeric.add(metric)
            keys.append(key)
            times.append(ns or 0)
        if faults:
            raise _all_of(faults)
        return EncodedPoints(lines, keys, times, frozenset(numeric), frozenset(textual))

    def _learn(self, name: Name) -> str:
        tags = len(name) // 2
        key = _series_key(name[0], dict(zip(name[1 : 1 + tags], name[1 + tags :], strict=True)))
        if len(key) <= LARGEST_KNOWN:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            self._known[name] = key
        return key


def _all_of(faults: list[PointFault]) -> BadPointsError:
    faults.sort(key=lambda fault: fault.index or 0)
    number = len({fault.index for fault in faults})
    return BadPointsError(
        f"{number:,} of the points cannot be stored as they are; nothing of the batch was stored", tuple(faults)
    )


def _time_trouble(ns: int | None, given: int | str, scale: int) -> str:
    if isinstance(given, int) and not scale:
        return _NO_PRECISION
    return _NO_TIME if ns is None else OUT_OF_RANGE


def _index(batch: Batch, place: int) -> int:
    return place if batch.places is None else batch.places[place]


def _series_key(metric: str, tags: dict[str, str]) -> str:
    """Metric and tags as line protocol has them, tags sorted.

    Raises:
        _BadNameError: the server could not keep them.
    """
    if trouble := measurement_trouble(metric) or unaskable(metric):
        raise _BadNameError("metric", trouble)
    parts = [metric.replace(",", r"\,").replace(" ", r"\ ")]
    for tag in sorted(tags, key=str.encode):
        text = tags[tag]
        if tag in {NUMBER_FIELD, TEXT_FIELD}:
            raise _BadNameError(f"tags.{tag}", "values are kept under this name: give the tag another one")
        if trouble := key_trouble("tag", tag) or unaskable(tag):
            raise _BadNameError(f"tags.{tag}", trouble)
        if not text:
            raise _BadNameError(f"tags.{tag}", "an empty text is no tag: leave it out")
        if _UNUSABLE_TAG.search(text):
            raise _BadNameError(f"tags.{tag}", TAG_VALUE_TROUBLE)
        parts.append(f"{escape_key(tag)}={escape_key(text)}")
    key = ",".join(parts)
    if len(key.encode()) > MAX_KEY_BYTES - ROOM_FOR_FIELD:
        raise _BadNameError("tags", f"metric and tags are longer than {MAX_KEY_BYTES:,} bytes")
    if "\\\\ " in key and (endless := unending(pl.Series([key]))):
        raise _BadNameError("tags", endless[1])
    return key


def unaskable(name: str) -> str | None:
    """Why no question to the server can hold a name: InfluxQL ends at a NUL, and half a surrogate pair is no text."""
    if "\0" in name or any("\ud800" <= sign <= "\udfff" for sign in name):
        return "a name may hold neither a NUL nor half a surrogate pair: no question to the server can hold it"
    return None


def _text_trouble(text: str) -> str | None:
    if not text:
        return EMPTY_TEXT
    if len(text) * 4 > MAX_STRING_BYTES and len(text.encode()) > MAX_STRING_BYTES:
        return f"a text may have {MAX_STRING_BYTES:,} bytes"
    return None
