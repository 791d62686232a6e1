"""What InfluxDB 2.7 takes: each number and each character measured on 2.7.12."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:  # the options of the command line look here, and need no numpy
    import numpy as np
    import numpy.typing as npt

__all__ = [
    "EMPTY_TEXT",
    "MAX_KEY_BYTES",
    "MAX_STRING_BYTES",
    "MAX_TIME_NS",
    "MEASUREMENT_TROUBLE",
    "MIN_TIME_NS",
    "OUT_OF_RANGE",
    "RESERVED_KEYS",
    "TAG_VALUE_TROUBLE",
    "TOO_OLD",
    "UNUSABLE_MEASUREMENT",
    "UNUSABLE_TAG_VALUE",
    "key_trouble",
    "measurement_trouble",
    "shard_group_numbers",
    "shard_group_offset_ns",
]

MIN_TIME_NS = -(2**63) + 2
MAX_TIME_NS = 2**63 - 2
"""The first and the last timestamp."""

TOO_OLD = (
    "older than the bucket keeps points: load with a longer --retention (0 keeps them for ever; "
    "without it, a bucket's retention is carried over)"
)
OUT_OF_RANGE = "InfluxDB keeps times from 1677-09-21 to 2262-04-11"

MAX_KEY_BYTES = 65_535
"""Longest series key, field key included."""

MAX_STRING_BYTES = 1 << 20
"""Longest string field."""

EMPTY_TEXT = "an empty text is no value: InfluxDB's queries shift the values around it to other times"
"""Stored rightly, but Flux reads ``"a", "", "b"`` back as ``"a", "b", null`` (influxdata/influxdb#26916)."""

RESERVED_KEYS = frozenset({"time", "_field", "_measurement", "_time", "_value", "_start", "_stop"})
"""Keys that the server refuses, drops without a word (a field ``time``), or shadows in Flux."""

# A line break ends the line; the server stores a carriage return, but its CSV answers leave it out of names and
# tags, so that two series would look like one. A backslash at the end escapes what follows.
UNUSABLE_TAG_VALUE = r"[\r\n]|\\$"
TAG_VALUE_TROUBLE = "a tag may not hold a line break or end in a backslash"

# A tab or NUL in front is dropped without a word, as is the whole line of a #; and what is stored under a backslash
# before one of the escaped characters is never found again by a query.
UNUSABLE_MEASUREMENT = r'^[#\t\x00]|[\r\n]|\\([,= "]|$)'
MEASUREMENT_TROUBLE = (
    "a measurement may not be empty, start with #, a tab or NUL, hold a line break, end in a backslash or have one "
    "before a comma, an equals sign, a space or a quote"
)

# Behind a backslash before a space in a tag's key, the server takes quotes for a text's, and may lose the line's end.
_UNUSABLE_TAG_KEY = re.compile(r"^\x00$|[\r\n]|\\( |$)")
_UNUSABLE_FIELD_KEY = re.compile(r'^[\t\x00]|[\r\n]|\\([,= "]|$)')
_YEAR_ONE_NS = -62_135_596_800 * 10**9


def measurement_trouble(name: str) -> str | None:
    """Why the server cannot keep a measurement of this name; None if it can."""
    return MEASUREMENT_TROUBLE if not name or re.search(UNUSABLE_MEASUREMENT, name) else None


def key_trouble(kind: Literal["tag", "field"], key: str) -> str | None:
    """Why the server cannot keep this key of a tag or field; None if it can."""
    if not key:
        return "a key may not be empty"
    if key in RESERVED_KEYS:
        return f"InfluxDB keeps the name {key!r} for itself"
    if kind == "tag" and _UNUSABLE_TAG_KEY.search(key):
        return "a tag's key may not hold a line break, have a backslash before a space or at its end, or be NUL"
    if kind == "field" and _UNUSABLE_FIELD_KEY.search(key):
        return (
            "a field's key may not start with a tab or NUL, hold a line break, end in a backslash "
            "or have one before a comma, an equals sign, a space or a quote"
        )
    return None


def shard_group_offset_ns(duration_ns: int) -> int:
    """Where shard groups begin: this much after the multiples of their duration since 1970.

    The server cuts time at multiples since year 1 (``Time.Truncate`` of Go).
    """
    return _YEAR_ONE_NS % duration_ns


def shard_group_numbers(times_ns: npt.NDArray[np.int64], duration_ns: int) -> npt.NDArray[np.int64]:
    """The shard group of each time, counted from the one that begins first after 1970; no step of this overflows."""
    quotient = times_ns // duration_ns
    numbers: npt.NDArray[np.int64] = quotient - (
        (times_ns - quotient * duration_ns) < shard_group_offset_ns(duration_ns)
    )
    return numbers
