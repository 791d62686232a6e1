"""Values of a client library's ``Point``, read one by one: exact times, one type per value, nothing dropped."""

from __future__ import annotations

import datetime as dt
import math
import re
from decimal import Decimal
from numbers import Integral
from typing import Any

from importer.limits import MAX_STRING_BYTES
from importer.mapping.timestamps import TOO_FINE
from importer.records import FieldType

__all__ = ["EXACT_IN_FLOAT", "INTEGER_LIMITS", "RowFaultError", "text_of", "time_ns", "typed"]

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_TIME_TEXT = re.compile(
    r"\s*(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?\s?"
    r"(Z|z|[+-](?:[01]\d|2[0-3])(?::?[0-5]\d)?)?)?\s*",
    re.ASCII,
)
INTEGER_LIMITS: dict[FieldType, tuple[int, int]] = {
    "integer": (-(1 << 63), (1 << 63) - 1),
    "unsigned": (0, (1 << 64) - 1),
}
EXACT_IN_FLOAT = 1 << 53


class RowFaultError(Exception):
    """A row whose points cannot be loaded.

    Attributes:
        word: the fault's type.
        column: the field or tag at fault.
    """

    def __init__(self, word: str, message: str, column: str = "") -> None:
        super().__init__(message)
        self.word = word
        self.column = column


def typed(key: str, value: Any, suffix: str | None) -> tuple[FieldType, Any]:
    """A field's type and plain value; ``suffix`` is what the Point says of its integers (``i``, ``u``, or nothing).

    Raises:
        RowFaultError: InfluxDB cannot hold it.
    """
    if hasattr(value, "item") and getattr(value, "ndim", 0) == 0 and not isinstance(value, str):
        value = value.item()  # a numpy scalar
    if isinstance(value, bool):
        return "boolean", value
    if isinstance(value, Integral) and suffix != "":
        kind: FieldType = "unsigned" if suffix == "u" else "integer"
        low, high = INTEGER_LIMITS[kind]
        if not low <= value <= high:  # type: ignore[operator]
            raise RowFaultError(kind, f"{value} is out of range", key)
        return kind, int(value)
    if isinstance(value, Integral | float | Decimal):
        try:
            plain = float(value)
        except (OverflowError, ValueError):  # an integer beyond all floats, a signalling NaN
            plain = math.nan
        if not math.isfinite(plain):
            raise RowFaultError("float", f"{value} is not a finite number", key)
        return "float", plain
    if isinstance(value, str):
        if len(value) > MAX_STRING_BYTES // 4 and len(value.encode()) > MAX_STRING_BYTES:
            raise RowFaultError("string", f"longer than {MAX_STRING_BYTES} bytes, which InfluxDB refuses", key)
        return "string", text_of(value, "string", key)
    raise RowFaultError("type", f"{type(value).__name__} is no type of a field", key)


def text_of(value: object, word: str, key: str = "") -> str:
    """A value as text.

    Raises:
        RowFaultError: it cannot be written as UTF-8.
    """
    text = str(value)
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise RowFaultError(word, f"{text!r} cannot be written as UTF-8: {error.reason}", key) from None
    return text


def time_ns(time: Any, unit_ns: int) -> int:
    """A Point's time in nanoseconds since 1970 UTC; an integer counts in its unit.

    Raises:
        RowFaultError: there is none, or it is no time.
    """
    if time is None:
        raise RowFaultError("time_missing", "the point has no time; the server's clock is never used")
    if isinstance(time, Integral) and not isinstance(time, bool):
        return int(time) * unit_ns
    if isinstance(time, dt.datetime) and time == time:  # noqa: PLR0124 - pandas' NaT is a datetime that differs
        return _datetime_ns(time) + int(getattr(time, "nanosecond", 0))
    if isinstance(time, str):
        return _text_ns(time)
    raise RowFaultError(
        "time_format", f"{type(time).__name__} is no time: give a datetime, an integer or ISO 8601 text"
    )


def _datetime_ns(moment: dt.datetime) -> int:
    """Exact; a datetime without a zone is UTC, as the client library has it."""
    since = (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)) - _EPOCH
    return (since.days * 86_400 + since.seconds) * 10**9 + since.microseconds * 1000


def _text_ns(text: str) -> int:
    match = _TIME_TEXT.fullmatch(text)
    if match is None:
        raise RowFaultError("time_format", f"{text!r} is not ISO 8601: give a datetime or an integer instead")
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    fraction, offset = match.group(7) or "", match.group(8) or "Z"
    if fraction[9:].strip("0"):
        raise RowFaultError("precision", TOO_FINE)
    try:
        moment = dt.datetime(year, month, day, hour, minute, second, tzinfo=dt.UTC)
    except ValueError as error:
        raise RowFaultError("time_format", f"{text!r} is no time: {error}") from None
    shift = 0
    if offset not in "Zz":
        digits = offset[1:].replace(":", "")
        shift = (int(digits[:2]) * 60 + int(digits[2:] or 0)) * (-60 if offset[0] == "-" else 60)
    return _datetime_ns(moment) - shift * 10**9 + int(fraction[:9].ljust(9, "0"))
