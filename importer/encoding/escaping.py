"""How names and values are written in line protocol, and which ones it cannot carry.

https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/ names the characters to escape; what
the server really makes of the rest was measured, and is held by the property tests.
"""

from __future__ import annotations

import polars as pl

__all__ = ["escape_key", "measurement", "string_field", "tag_value", "unusable"]

_KEY = str.maketrans({",": r"\,", "=": r"\=", " ": r"\ "})


def escape_key(key: str) -> str:
    """A tag key or field key."""
    return key.translate(_KEY)


def tag_value(values: pl.Series) -> pl.Series:
    """Tag values (String) as they are written; nearly always there is nothing to escape."""
    if not values.str.contains(r"[,= ]").any():
        return values
    return values.str.replace_many([",", "=", " "], [r"\,", r"\=", r"\ "])


def measurement(values: pl.Series) -> pl.Series:
    """Measurements (String) as they are written."""
    if not values.str.contains(r"[, ]").any():
        return values
    return values.str.replace_many([",", " "], [r"\,", r"\ "])


def string_field(values: pl.Series) -> pl.Series:
    """String field values (String) as they are written between quotes; mostly there is nothing to escape."""
    if not values.str.contains(r'["\\]').any():
        return values
    return values.str.replace_many(["\\", '"'], [r"\\", r"\""])


def unusable(values: pl.Series, *, is_measurement: bool = False) -> tuple[pl.Series, str] | None:
    """Tag values or measurements that line protocol cannot carry.

    Returns:
        where they are (Boolean), and why; None if all can be written.
    """
    wrong = values.str.contains(r"\n|\\$").fill_null(value=False)
    reason = "a line break or a backslash at the end cannot be written in a tag"
    if is_measurement:
        wrong |= values.str.starts_with("#").fill_null(value=False)
        reason = "a measurement may not start with #, end in a backslash or hold a line break"
    return (wrong, reason) if wrong.any() else None
