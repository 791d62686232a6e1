"""What is known of a column after all its cells were seen, gathered block by block in bounded memory.

Goes in: the cells of a block, as text. Comes out: :class:`ColumnFacts`. A type is open until a cell does not fit it;
the first such cell is kept, as the reason. Whether a cell fits is asked of the code that a load converts it by. Of long
texts the beginnings are kept.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import polars as pl

from importer.inspecting.distinct import LONG_TEXT, DistinctValues
from importer.inspecting.records import RefusedType
from importer.inspecting.time_facts import TimeFacts
from importer.limits import MAX_STRING_BYTES, UNUSABLE_TAG_VALUE
from importer.mapping.values import to_values
from importer.records import FieldType

__all__ = ["NULL_LIKE", "ColumnFacts", "LineOf"]

LineOf = Callable[[int], int | None]
"""The line in the file of a row of the block."""

NULL_LIKE = frozenset(
    {"", "na", "n/a", "#n/a", "#na", "nan", "null", "(null)", "<null>", "none", "nil", "-", "--", "---", "?", ".", "..",
     "missing", "nodata", "no data", "\\n", "undefined"}
)  # fmt: skip
"""Texts that may mean an empty cell, in lower case and without the spaces around them."""

SENTINELS = frozenset({-99.0, -999.0, -9999.0, -99999.0, -999999.0, -999.9, -99.9, 999.0, 9999.0, 99999.0, 999999.0})
"""Numbers that often mean an empty cell; reported, never taken for one."""

EXAMPLES = 5
TRUTHS = (frozenset({"true", "false"}), frozenset({"yes", "no"}), frozenset({"y", "n"}), frozenset({"t", "f"}))
_DIGITS = r"^\s*[+-]?[0-9]+\s*$"
_LEADING_ZEROS = r"^\s*[+-]?0[0-9]+\s*$"
_THOUSANDS = re.compile(r"\s*[+-]?[1-9][0-9]{0,2}(,[0-9]{3})+\s*")

Number = Literal["integer", "unsigned", "float", "comma float"]
_WHOLE: tuple[Literal["integer", "unsigned"], ...] = ("integer", "unsigned")
_DECIMALS: tuple[tuple[Literal["float", "comma float"], Literal[".", ","]], ...] = (
    ("float", "."),
    ("comma float", ","),
)
MOST_EXACT = 2**53
"""Up to here floats tell whole numbers apart."""

MOST_DIGITS = 18
"""Of a number that is surely one of 64 bits."""


@dataclass(slots=True)
class ColumnFacts:
    """A column.

    Attributes:
        name: in the header.
        position: in the header.
        values: the different ones.
        rows: cells seen.
        empty: of these without a text.
        null_like: texts that may mean an empty cell, and how often they occur.
        open: number types that all cells fit so far.
        refused: why the others are closed.
        folded: the different values in lower case, while there are few: for truth values.
        low: the least number and its text.
        high: the greatest.
        least: the first text in order.
        most: the last.
        examples: the first values.
        longest_bytes: of a cell.
        text_bytes: of all cells.
        words: of all cells.
        unusable_as_tag: a cell that no tag can hold; None: all can be.
        many_digits: the first cell with more digits than a float has.
        comma_is_decimal: a number was seen in which the comma cannot be a thousands mark.
        times: of a column that may be the time.
    """

    name: str
    position: int
    values: DistinctValues
    times: TimeFacts
    rows: int = 0
    empty: int = 0
    null_like: Counter[str] = field(default_factory=Counter)
    open: set[Number] = field(default_factory=lambda: {"integer", "unsigned", "float", "comma float"})
    refused: dict[str, RefusedType] = field(default_factory=dict)
    folded: set[str] | None = field(default_factory=set)
    low: tuple[float, str] | None = None
    high: tuple[float, str] | None = None
    least: str | None = None
    most: str | None = None
    examples: list[str] = field(default_factory=list)
    longest_bytes: int = 0
    text_bytes: int = 0
    words: int = 0
    unusable_as_tag: str | None = None
    many_digits: RefusedType | None = None
    comma_is_decimal: bool = False

    def add(self, text: pl.Series, line_of: LineOf) -> None:
        """Take in a block's cells (String, null where empty)."""
        self.rows += len(text)
        self.empty += text.null_count()
        # In the order of the file: examples, and the cells that are named as a reason, are the first of their kind.
        counted = pl.DataFrame({"value": text.drop_nulls()}).group_by("value", maintain_order=True).len("rows")
        values = counted["value"]
        if values.is_empty():
            return
        plain = values.str.strip_chars().str.to_lowercase()
        odd = plain.is_in(list(NULL_LIKE))
        if odd.any():
            for value, count in counted.filter(odd).iter_rows():
                self.null_like[value] += count
                if re.search(UNUSABLE_TAG_VALUE, value):
                    self.unusable_as_tag = value[:LONG_TEXT]
            counted, values, plain = counted.filter(~odd), values.filter(~odd), plain.filter(~odd)
            if values.is_empty():
                return
        self.values.add(values, counted["rows"])
        self._texts(text, counted)
        self._truths(plain)
        seen = _Seen(text, line_of)
        if self.open:
            self._numbers(values, seen)
        self.times.add(counted, seen.refusal)

    @property
    def filled(self) -> int:
        """Cells with a value that is not like a null."""
        return self.rows - self.empty - self.null_like.total()

    @property
    def type(self) -> FieldType | None:
        """Of all cells together, null-like ones aside; None where there is no value."""
        if not self.filled:
            return None
        if self.folded and (self.folded <= TRUTHS[0] or self.folded in TRUTHS):
            return "boolean"
        for kind in ("integer", "unsigned"):
            if kind in self.open:
                return kind
        return "float" if "float" in self.open or "comma float" in self.open else "string"

    @property
    def has_decimal_comma(self) -> bool:
        """Whether its numbers are such only with the comma as decimal mark."""
        return self.type == "float" and "float" not in self.open

    @property
    def is_comma_undecided(self) -> bool:
        """Whether its commas may as well be thousands marks."""
        return self.has_decimal_comma and not self.comma_is_decimal

    def _texts(self, text: pl.Series, counted: pl.DataFrame) -> None:
        values, rows = counted["value"], counted["rows"]
        if len(self.examples) < EXAMPLES:
            for value in text.head(1000).drop_nulls().str.head(LONG_TEXT).unique(maintain_order=True):
                if value not in self.examples and value.strip().lower() not in NULL_LIKE:
                    self.examples.append(value)
                if len(self.examples) == EXAMPLES:
                    break
        low, high = str(values.min())[:LONG_TEXT], str(values.max())[:LONG_TEXT]
        self.least = low if self.least is None else min(self.least, low)
        self.most = high if self.most is None else max(self.most, high)
        lengths = values.str.len_bytes()
        self.longest_bytes = max(self.longest_bytes, int(lengths.max() or 0))  # type: ignore[arg-type]
        self.text_bytes += int((lengths * rows).sum())
        self.words += int((values.str.count_matches(" ", literal=True) * rows).sum()) + int(rows.sum())
        if self.unusable_as_tag is None:
            bad = values.filter(values.str.contains(UNUSABLE_TAG_VALUE))
            self.unusable_as_tag = None if bad.is_empty() else bad[0][:LONG_TEXT]
        if self.longest_bytes > MAX_STRING_BYTES and "string" not in self.refused:
            self.refused["string"] = RefusedType(
                type="string", example="…", line=None, why=f"a cell is longer than {MAX_STRING_BYTES:,} bytes"
            )

    def _truths(self, plain: pl.Series) -> None:
        if self.folded is not None:
            self.folded |= set(plain.unique().head(EXAMPLES).str.head(LONG_TEXT))
            if len(self.folded) > 2:  # noqa: PLR2004 - true and false
                self.folded = None

    def _numbers(self, values: pl.Series, seen: _Seen) -> None:
        zeros = values.filter(values.str.contains(_LEADING_ZEROS))
        if not zeros.is_empty():
            for kind in sorted(self.open):
                self._refuse(kind, zeros[0], "its leading zeros would be lost", seen)
            return
        digits = values.str.contains(_DIGITS)
        self._whole_numbers(values, digits, seen)
        many = values.filter(digits & (values.str.strip_chars().str.len_bytes() > MOST_DIGITS))
        if self.many_digits is None and len(many):
            self.many_digits = seen.refusal("float", many[0], "it has more digits than a number can hold")
        if self.many_digits is not None and not {"integer", "unsigned"} & self.open:
            # Wherever it stands: what a column is must not depend on where a block ends.
            for kind in sorted(self.open):
                self._refuse(kind, "", "", seen, instead=self.many_digits)
        self._decimals(values, seen)

    def _whole_numbers(self, values: pl.Series, digits: pl.Series, seen: _Seen) -> None:
        odd = values.filter(~digits)
        for kind in _WHOLE:
            if kind not in self.open:
                continue
            fits = to_values(values, kind)
            if not odd.is_empty():
                self._refuse(kind, odd[0], "it is no whole number", seen)
            elif fits.faulty is not None:
                self._refuse(kind, values.filter(fits.faulty)[0], fits.message, seen)

    def _decimals(self, values: pl.Series, seen: _Seen) -> None:
        for kind, mark in _DECIMALS:
            if kind not in self.open:
                continue
            fits = to_values(values, "float", decimal=mark)
            if fits.faulty is not None:
                self._refuse(kind, values.filter(fits.faulty)[0], fits.message, seen)
            else:
                self._ranges(values, fits.values)
        if "comma float" in self.open and not self.comma_is_decimal:
            commas = values.filter(values.str.contains(",", literal=True))
            self.comma_is_decimal = any(not _THOUSANDS.fullmatch(value) for value in commas)

    def _ranges(self, values: pl.Series, numbers: pl.Series) -> None:
        least, most = numbers.min(), numbers.max()
        if least is None or most is None:
            return
        low, high = min(_exact(values, numbers, least)), max(_exact(values, numbers, most))
        if self.low is None or low[0] < self.low[0]:
            self.low = low[0], low[1][:LONG_TEXT]
        if self.high is None or high[0] > self.high[0]:
            self.high = high[0], high[1][:LONG_TEXT]

    def _refuse(self, kind: Number, example: str, why: str, seen: _Seen, *, instead: RefusedType | None = None) -> None:
        self.open.discard(kind)
        name = "float with a decimal comma" if kind == "comma float" else kind
        self.refused[name] = (
            seen.refusal(name, example, why) if instead is None else instead.model_copy(update={"type": name})
        )


def _exact(values: pl.Series, numbers: pl.Series, number: Any) -> list[tuple[float, str]]:
    """The texts of a number: the first, or, of whole numbers that floats do not tell apart, all with their own."""
    texts = values.filter(numbers == number)
    if abs(number) < MOST_EXACT or not texts.str.contains(_DIGITS).all():
        return [(number, texts[0])]
    return [(int(text), text) for text in texts]


@dataclass(slots=True)
class _Seen:
    """The cells of a block, to say where one stands."""

    text: pl.Series
    line_of: LineOf

    def refusal(self, kind: str, example: str, why: str) -> RefusedType:
        row = (self.text == example).arg_true()
        line = self.line_of(int(row[0])) if len(row) else None
        return RefusedType(type=kind, example=example[:LONG_TEXT], line=line, why=why)
