"""Text to typed field values, a column at a time.

Goes in: a column of text. Comes out: the values, and which cells are at fault. Numbers are read by
polars, whose parser rounds correctly; what it takes too easily (``inf``, ``5.0`` as an integer of any
size) and what it does not take (surrounding spaces) is settled here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import polars as pl

from importer.limits import MAX_STRING_BYTES
from importer.records import FieldType

__all__ = ["DTYPES", "Values", "to_values", "type_of_first"]

DTYPES: dict[FieldType, type[pl.DataType]] = {
    "float": pl.Float64,
    "integer": pl.Int64,
    "unsigned": pl.UInt64,
    "boolean": pl.Boolean,
    "string": pl.String,
}

TRUE = ("true", "t", "yes", "y", "1")
FALSE = ("false", "f", "no", "n", "0")

_INTEGER = r"^[+-]?[0-9]+(\.0*)?$"


@dataclass(frozen=True, slots=True)
class Values:
    """Typed values of a column.

    Attributes:
        values: null where the cell is empty or at fault.
        faulty: Boolean, where a cell is not empty and does not fit; None where all fit.
        message: what such a cell should have been.
    """

    values: pl.Series
    faulty: pl.Series | None
    message: str


def to_values(
    text: pl.Series,
    kind: FieldType,
    *,
    decimal: Literal[".", ","] = ".",
    true: tuple[str, ...] = TRUE,
    false: tuple[str, ...] = FALSE,
) -> Values:
    """Convert a column of text.

    Args:
        text: String, null where a cell is empty.
        kind: the type wanted.
        decimal: the decimal mark of floats.
        true: texts that are true, in any case.
        false: texts that are false, in any case.
    """
    if kind == "string":
        return _string(text)
    if kind == "boolean":
        values = _boolean(text, true, false)
        message = f"not a boolean: one of {', '.join((*true, *false))} is expected"
    elif kind == "float":
        values = _float(text, decimal)
        message = f"not a finite number{' with a decimal comma' if decimal == ',' else ''}"
    else:
        values = _integer(text, DTYPES[kind])
        limits = "-2^63 to 2^63-1" if kind == "integer" else "0 to 2^64-1"
        message = f"not {'an integer' if kind == 'integer' else 'an unsigned integer'} in {limits}"
    faulty = values.is_null() & text.is_not_null() if values.null_count() > text.null_count() else None
    return Values(values, faulty, message)


def type_of_first(text: pl.Series, *, decimal: Literal[".", ","] = ".") -> FieldType | None:
    """The type that the first cell with a value speaks for: a number is a float; None without a value."""
    first = text.drop_nulls().head(1)
    if first.is_empty():
        return None
    if to_values(first, "float", decimal=decimal).faulty is None:
        return "float"
    if first.str.contains(r"(?i)^\s*[+-]?(nan|inf(inity)?)\s*$").item():
        return "float"  # that cell is a reject; those behind it are numbers
    return "boolean" if first.str.strip_chars().str.to_lowercase().is_in(["true", "false"]).item() else "string"


def _string(text: pl.Series) -> Values:
    faulty = None
    # The longest is looked for only where all of them together are long enough for one to be too long.
    if text.estimated_size() > MAX_STRING_BYTES and (text.str.len_bytes().max() or 0) > MAX_STRING_BYTES:  # type: ignore[operator]
        lengths = text.str.len_bytes()
        faulty = (lengths > MAX_STRING_BYTES).fill_null(value=False)
        text = text.zip_with(~faulty, text.clear(len(text)))
    return Values(text, faulty, f"longer than {MAX_STRING_BYTES} bytes, which InfluxDB refuses")


def _float(text: pl.Series, decimal: Literal[".", ","]) -> pl.Series:
    if decimal == ",":
        # A point is then a thousands mark or a mistake; neither is guessed.
        text = text.set(text.str.contains(".", literal=True).fill_null(value=False), None)
        text = text.str.replace(",", ".", literal=True)
    values = text.cast(pl.Float64, strict=False)
    if values.null_count() > text.null_count():
        values = text.str.strip_chars().cast(pl.Float64, strict=False)
    if math.isfinite(values.sum()):  # a sum is cheaper to have, and neither nan nor inf get lost in it
        return values
    finite = values.is_finite()
    return values if finite.all() else values.set(~finite.fill_null(value=True), None)


def _integer(text: pl.Series, dtype: type[pl.DataType]) -> pl.Series:
    if not text.str.contains(".", literal=True).any():
        values = text.cast(dtype, strict=False)
        if values.null_count() == text.null_count():
            return values
    plain = text.str.strip_chars()
    fits = plain.str.contains(_INTEGER)
    whole = plain if fits.all() else plain.set(~fits.fill_null(value=True), None)
    if whole.str.contains(".", literal=True).any():
        whole = whole.str.replace(r"\.0*$", "")
    return whole.cast(dtype, strict=False)


def _boolean(text: pl.Series, true: tuple[str, ...], false: tuple[str, ...]) -> pl.Series:
    known = {word.lower(): True for word in true} | {word.lower(): False for word in false}
    distinct = text.unique().drop_nulls()
    meaning = {word: known[folded] for word in distinct if (folded := word.strip().lower()) in known}
    if not meaning:
        return pl.Series([None], dtype=pl.Boolean).new_from_index(0, len(text))
    return text.replace_strict(meaning, default=None, return_dtype=pl.Boolean)
