"""What InfluxDB 2.7 takes: each number measured on 2.7.12."""

from __future__ import annotations

__all__ = ["MAX_KEY_BYTES", "MAX_STRING_BYTES", "MAX_TIME_NS", "MIN_TIME_NS", "OUT_OF_RANGE", "RESERVED_KEYS"]

MIN_TIME_NS = -(2**63) + 2
MAX_TIME_NS = 2**63 - 2
"""The first and the last timestamp."""

OUT_OF_RANGE = "InfluxDB keeps times from 1677-09-21 to 2262-04-11"

MAX_KEY_BYTES = 65_535
"""Longest series key, field key included."""

MAX_STRING_BYTES = 1 << 20
"""Longest string field."""

RESERVED_KEYS = frozenset({"time", "_field", "_measurement", "_time", "_value", "_start", "_stop"})
"""Keys that the server refuses, drops without a word (a field ``time``), or shadows in Flux."""
