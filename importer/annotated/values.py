"""Text to typed values, by the types of annotated CSV, a column at a time.

Goes in: a column of text and its :class:`~importer.annotated.datatypes.Datatype`. Comes out: :class:`Typed`, the values
by field type, and which cells are at fault.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from importer.annotated.datatypes import Datatype
from importer.mapping.values import DTYPES, to_values
from importer.records import FieldType

__all__ = ["Typed", "typed"]

_NUMBERS: dict[str, FieldType] = {"double": "float", "long": "integer", "unsignedLong": "unsigned"}
_TRUE, _FALSE = tuple("tTyY1"), tuple("fFnN0")

_DURATION = re.compile(r"[+-]?(?:0|(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)", re.ASCII)
_PART = re.compile(r"(\d*)\.?(\d*)(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_UNITS_NS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "μs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
_BASE64 = r"^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"

_AS_IT_IS: tuple[tuple[FieldType, str], ...] = (
    ("integer", r"^[+-]?[0-9]+i$"),
    ("unsigned", r"^[0-9]+u$"),
    ("boolean", r"^(?:t|T|true|True|TRUE|f|F|false|False|FALSE)$"),
    ("string", r'^(?s:"(?:[^"\\]|\\.)*")$'),
)
"""Values as line protocol writes them; all others are floats."""


@dataclass(frozen=True, slots=True)
class Typed:
    """Typed values of a column.

    Attributes:
        values: by type; null where a cell is empty, at fault or of another type.
        faults: where cells are at fault (Boolean), the fault's word and its message.
        cut: where digits behind the decimal mark of an integer were cut off that are not zero (Boolean); None: nowhere.
    """

    values: dict[FieldType, pl.Series]
    faults: tuple[tuple[pl.Series, str, str], ...] = ()
    cut: pl.Series | None = None

    def in_order(self, where: pl.Series | None = None) -> list[tuple[FieldType, pl.Series]]:
        """The values by type, of some rows (Boolean) or all; the type of the first value comes first."""
        found = [(kind, values if where is None else values.set(~where, None)) for kind, values in self.values.items()]
        return found if len(found) < 2 else sorted(found, key=lambda one: _first(one[1]))  # noqa: PLR2004 - an order

    @property
    def has_one(self) -> pl.Series:
        """Where there is a value (Boolean)."""
        return pl.select(pl.any_horizontal(pl.lit(values).is_not_null() for values in self.values.values())).to_series()


def typed(text: pl.Series, kind: Datatype) -> Typed:
    """Convert a column of text.

    Args:
        text: String, null where a cell is empty.
        kind: of a field.
    """
    if kind.name in _NUMBERS:
        return _number(text, kind, _NUMBERS[kind.name])
    if kind.name == "boolean":
        return _boolean(text, kind)
    if kind.name == "duration":
        return _mapped(text, "integer", _nanoseconds, "duration", "no duration such as 1h30m or 1.5ms")
    if kind.name == "base64Binary":
        wrong = ~text.str.contains(_BASE64).fill_null(value=True)
        return Typed({"string": text.set(wrong, None)}, ((wrong, "base64", "not base64"),))
    if kind.name == "string":
        return _plain(text, "string")
    return _as_it_is(text)


def _plain(text: pl.Series, kind: FieldType, message: str = "") -> Typed:
    found = to_values(text, kind)
    faults = () if found.faulty is None else ((found.faulty, kind, message or found.message),)
    return Typed({kind: found.values}, faults)


def _number(text: pl.Series, kind: Datatype, wanted: FieldType) -> Typed:
    mark, others = kind.marks[0], kind.marks[1:]
    every = "".join(dict.fromkeys(kind.marks))
    if kind.marks[0] == "." and wanted == "float":
        every = others  # what a float has of it may stay
    if every and text.str.contains(f"[{_class(every)}]").any():
        if others:
            text = text.str.replace_all(f"[{_class(others)}]", "")
        if mark not in others and wanted == "float" and mark != ".":
            text = text.str.replace_all(mark, ".", literal=True)
    if wanted == "float":
        return _plain(text, wanted)
    if mark != ".":
        # A point is then a mark that was not named; the digits behind it may be of thousands.
        text = text.set(text.str.contains(".", literal=True).fill_null(value=False), "a point")
    if mark in others or not text.str.contains(mark, literal=True).any():
        return _plain(text, wanted)
    halves = text.str.splitn(mark, 2)
    whole, fraction = halves.struct.field("field_0"), halves.struct.field("field_1")
    found = _plain(whole, wanted)
    if kind.strict:
        has_fraction = fraction.is_not_null()
        values = {name: column.set(has_fraction, None) for name, column in found.values.items()}
        return Typed(values, ((has_fraction, wanted, "has digits behind the decimal mark"), *found.faults))
    lost = (fraction.str.strip_chars("0") != "").fill_null(value=False)
    return Typed(found.values, found.faults, lost if lost.any() else None)


def _class(characters: str) -> str:
    return re.escape(characters).replace("&", r"\&").replace("~", r"\~")


def _boolean(text: pl.Series, kind: Datatype) -> Typed:
    true, false = kind.true, kind.false
    if true is None or false is None:
        first = text.str.slice(0, 1)
        values = first.replace_strict(dict.fromkeys(_TRUE, True) | dict.fromkeys(_FALSE, False), default=None,
                                      return_dtype=pl.Boolean)  # fmt: skip
        message = f"not a boolean: it must begin with one of {' '.join((*_TRUE, *_FALSE))}"
    else:
        rest = False if not false else True if not true else None
        meaning = dict.fromkeys(true, True) | dict.fromkeys(false, False)
        values = pl.Series([rest], dtype=pl.Boolean).new_from_index(0, len(text))
        if meaning:
            values = text.replace_strict(meaning, default=rest, return_dtype=pl.Boolean)
        values = values.set(text.is_null(), None)
        message = f"not a boolean: one of {', '.join((*true, *false))} is expected"
    wrong = values.is_null() & text.is_not_null()
    return Typed({"boolean": values}, ((wrong, "boolean", message),))


def _mapped(text: pl.Series, kind: FieldType, read: Callable[[str], int | None], word: str, message: str) -> Typed:
    """By a function of single texts; equal ones are read once."""
    meaning = {cell: value for cell in text.unique().drop_nulls() if (value := read(cell)) is not None}
    values = pl.Series([None], dtype=DTYPES[kind]).new_from_index(0, len(text))
    if meaning:
        values = text.replace_strict(meaning, default=None, return_dtype=DTYPES[kind])
    return Typed({kind: values}, ((values.is_null() & text.is_not_null(), word, message),))


def _nanoseconds(text: str) -> int | None:
    """A duration as Go writes it, exactly; what is below a nanosecond is cut off, as Go does."""
    if _DURATION.fullmatch(text) is None:
        return None
    total = 0
    for whole, fraction, unit in _PART.findall(text):
        scale = _UNITS_NS[unit]
        total += int(whole or 0) * scale + int(fraction or 0) * scale // 10 ** len(fraction)
    total = -total if text.startswith("-") else total
    return total if -(1 << 63) <= total < 1 << 63 else None


def _first(values: pl.Series) -> int:
    return int(values.is_not_null().arg_max() or 0) if values.null_count() < len(values) else len(values)


def _as_it_is(text: pl.Series) -> Typed:
    values: dict[FieldType, pl.Series] = {}
    faults: list[tuple[pl.Series, str, str]] = []
    left = text
    for kind, pattern in _AS_IT_IS:
        fits = left.str.contains(pattern).fill_null(value=False)
        if not fits.any():
            continue
        found = _plain(_content(left.set(~fits, None), kind), kind)
        values |= found.values
        faults += found.faults
        left = left.set(fits, None)
    if left.null_count() < len(left) or not values:
        message = (
            "no value as line protocol writes it: 1.5, 2i, 3u, true or a text in quotes; say its type, such as string"
        )
        found = _plain(left, "float", message)
        values |= found.values
        faults += found.faults
    return Typed(values, tuple(faults))


def _content(text: pl.Series, kind: FieldType) -> pl.Series:
    if kind in ("integer", "unsigned"):
        return text.str.slice(0, text.str.len_chars() - 1)
    if kind == "string":
        inner = text.str.slice(1, text.str.len_chars() - 2)
        inner = inner.set(inner == "", None)  # which is no value
        return inner.str.replace_all(r'\\(["\\])', "$1") if inner.str.contains("\\", literal=True).any() else inner
    return text
