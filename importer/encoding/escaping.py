"""How names and values are written in line protocol, and which ones it cannot carry.

https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/ names the characters to escape; what
the server really makes of the rest was measured, and is held by the property tests.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from importer.limits import MEASUREMENT_TROUBLE, TAG_VALUE_TROUBLE, UNUSABLE_MEASUREMENT, UNUSABLE_TAG_VALUE

__all__ = ["escape_key", "measurement", "string_fields", "tag_value", "unending", "unseparable", "unusable"]

# Looking for the end of a line, the server takes a space behind two backslashes (one of the text, one that escapes the
# space) for the beginning of the fields; a comma or an equals sign behind two backslashes makes it then miscount them.
_UNENDING = r"\\\\ (?s:.*)\\\\[,=]"

# Storage files have this between series and field; the server looks for the first one.
_UNSEPARABLE = r"#!~#|#!~$"

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


def string_fields(points: pl.DataFrame, columns: Sequence[str]) -> dict[str, pl.Series]:
    """String field values as they are written between quotes; mostly there is nothing to escape.

    Args:
        points: holds the columns.
        columns: String.

    Returns:
        the values, by column.
    """
    # Python finds a sign in one long text faster than polars in many short ones.
    texts = points.select(pl.col(column).str.join("") for column in dict.fromkeys(columns)).row(0) if columns else ()
    return {
        column: _escaped(points[column]) if text and ('"' in text or "\\" in text) else points[column]
        for column, text in zip(dict.fromkeys(columns), texts, strict=True)
    }


def _escaped(values: pl.Series) -> pl.Series:
    return values.str.replace_many(["\\", '"'], [r"\\", r"\""])


def unusable(values: pl.Series, *, is_measurement: bool = False) -> tuple[pl.Series, str] | None:
    """Tag values or measurements that line protocol cannot carry.

    Returns:
        where they are (Boolean), and why; None if all can be written.
    """
    pattern = UNUSABLE_MEASUREMENT if is_measurement else UNUSABLE_TAG_VALUE
    wrong = values.str.contains(pattern).fill_null(value=False)
    if not wrong.any():
        return None
    return wrong, MEASUREMENT_TROUBLE if is_measurement else TAG_VALUE_TROUBLE


def unending(keys: pl.Series) -> tuple[pl.Series, str] | None:
    """Series keys, as they are written, after which the server may not find the end of the line.

    Returns:
        where they are (Boolean), and why; None if all can be written.
    """
    wrong = keys.str.contains(_UNENDING)
    reason = "tags may not hold a backslash before a space and further on one before a comma or an equals sign"
    return (wrong, reason) if wrong.any() else None


def unseparable(keys: pl.Series) -> tuple[pl.Series, str] | None:
    """Series keys, as they are written, of whose keys in storage files the server would take a part for the field's.

    Returns:
        where they are (Boolean), and why; None if there are none.
    """
    wrong = keys.str.contains(_UNSEPARABLE)
    reason = (
        "storage files take no #!~# in measurement and tags, which parts them from the field: load by --method write"
    )
    return (wrong, reason) if wrong.any() else None
