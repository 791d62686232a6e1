from __future__ import annotations

import math
import struct
from typing import Any

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from importer.limits import MAX_STRING_BYTES
from importer.mapping.values import to_values, type_of_first
from importer.records import FieldType


def values(texts: list[str | None], kind: FieldType, **how: Any) -> list[Any]:
    """Each cell's value; an exclamation mark for one at fault."""
    found = to_values(pl.Series(texts, dtype=pl.String), kind, **how)
    faulty = [False] * len(texts) if found.faulty is None else found.faulty.to_list()
    assert all(value is None for value, wrong in zip(found.values, faulty, strict=True) if wrong)
    return ["!" if wrong else value for value, wrong in zip(found.values, faulty, strict=True)]


def _bits(number: float) -> bytes:
    return struct.pack("<d", number)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
@example([5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, -0.0, 0.1, 9007199254740993.0])
def test_a_float_is_read_to_the_very_bit_that_python_reads(numbers: list[float]) -> None:
    texts: list[str | None] = [
        text for number in numbers for text in (repr(number), f"{number:.17e}", f" {number:.3f}") if text
    ]
    assert [_bits(value) for value in values(texts, "float")] == [_bits(float(text)) for text in texts if text]


@settings(max_examples=200, deadline=None)
@given(st.from_regex(r"[+-]?[0-9]{1,30}(\.[0-9]{0,30})?([eE][+-]?[0-9]{1,3})?", fullmatch=True))
def test_a_decimal_number_of_any_length_is_the_nearest_float_or_a_fault_if_there_is_none(text: str) -> None:
    expected = float(text)
    (value,) = values([text], "float")
    assert value == "!" if math.isinf(expected) else _bits(value) == _bits(expected)


@pytest.mark.parametrize(
    "text",
    [
        "1e400",
        "-1e400",
        "nan",
        "NaN",
        "inf",
        "-inf",
        "Infinity",
        "1_000",
        "0x10",
        "1,5",
        "1 000",
        "+",
        "x",
        " ",
        "1d5",
        "\u0663",
    ],
)
def test_what_is_no_finite_number_is_a_fault(text: str) -> None:
    assert values(["1.5", text, None], "float") == [1.5, "!", None]


def test_a_decimal_comma_is_read_where_it_is_asked_for_and_a_point_is_then_a_fault() -> None:
    assert values(["1,5", "-2", "1.5", "1.000,5", "1,000,5", None, ",5"], "float", decimal=",") == [
        1.5, -2.0, "!", "!", "!", None, 0.5,
    ]  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.integers(-(2**65), 2**65), st.sampled_from(["", ".", ".0", ".000"]))
@example(2**63, "")
@example(2**63 - 1, ".0")
@example(-(2**63), "")
@example(-(2**63) - 1, "")
@example(2**64 - 1, ".0")
@example(2**64, "")
@example(2**53 + 1, ".0")
def test_an_integer_is_exact_within_its_limits_and_a_fault_beyond_them(number: int, tail: str) -> None:
    text = f"{number}{tail}"
    assert values([text, "1"], "integer") == [number if -(2**63) <= number < 2**63 else "!", 1]
    assert values([text, "1"], "unsigned") == [number if 0 <= number < 2**64 else "!", 1]


@pytest.mark.parametrize("text", ["5.5", "1e5", "five", " ", ".", ".0", "--1", "0x10", "1_000", "true", "\u0663"])
def test_what_is_no_integer_is_a_fault_whatever_stands_beside_it(text: str) -> None:
    for others in (["1"], ["1.0"], []):
        for kind in ("integer", "unsigned"):
            assert values([text, *others], kind)[0] == "!"  # type: ignore[arg-type]


def test_signs_and_spaces_around_a_number_do_not_matter() -> None:
    assert values([" +5 ", "\t5"], "integer") == [5, 5]
    assert values([" +5 ", "\t5"], "unsigned") == [5, 5]
    assert values([" +5 ", "\t5", ".5", "5."], "float") == [5.0, 5.0, 0.5, 5.0]


def test_the_usual_words_are_booleans_in_any_case_and_others_are_faults() -> None:
    texts: list[str | None] = ["true", "FALSE", " Yes ", "n", "1", "0", "T", "f", "2", "maybe", None]
    assert values(texts, "boolean") == [True, False, True, False, True, False, True, False, "!", "!", None]


def test_words_of_ones_own_take_the_place_of_the_usual_ones() -> None:
    how = {"true": ("Ja", "wahr"), "false": ("nein",)}
    assert values(["ja", "WAHR", "nein", "true", "1"], "boolean", **how) == [True, True, False, "!", "!"]
    assert values(["x", None], "boolean", **how) == ["!", None]


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("float", "not a finite number"),
        ("integer", "not an integer in -2^63 to 2^63-1"),
        ("unsigned", "not an unsigned integer in 0 to 2^64-1"),
        ("boolean", "not a boolean: one of true, t, yes, y, 1, false, f, no, n, 0 is expected"),
    ],
)
def test_the_message_says_what_is_expected(kind: FieldType, message: str) -> None:
    assert to_values(pl.Series(["x"]), kind).message == message


@settings(max_examples=50, deadline=None)
@given(st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"]), min_size=1)))
def test_a_string_is_kept_as_it_stands(texts: list[str | None]) -> None:
    assert values(texts, "string") == texts


def test_a_string_of_more_bytes_than_the_server_takes_is_a_fault() -> None:
    longest = "x" * MAX_STRING_BYTES
    assert values([longest, longest + "x", "é" * (MAX_STRING_BYTES // 2) + "x", None, "y"], "string") == [
        longest, "!", "!", None, "y",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("texts", "kind"),
    [
        (["1"], "float"), (["1.5", "x"], "float"), ([None, "-1e5"], "float"), (["true"], "boolean"),
        ([" FALSE ", "1"], "boolean"), (["yes"], "string"), (["x", "1"], "string"), (["nan"], "float"),
        (["1e400"], "string"), ([None, None], None), ([], None),
    ],
)  # fmt: skip
def test_the_first_value_decides_the_type(texts: list[str | None], kind: FieldType | None) -> None:
    assert type_of_first(pl.Series(texts, dtype=pl.String)) == kind


def test_the_first_value_is_a_number_in_the_decimal_mark_that_is_asked_for() -> None:
    assert type_of_first(pl.Series(["1,5"]), decimal=",") == "float"
    assert type_of_first(pl.Series(["1,5"])) == "string"
    assert type_of_first(pl.Series(["1.5"]), decimal=",") == "string"


@pytest.mark.parametrize("kind", ["float", "integer", "unsigned", "boolean", "string"])
def test_columns_without_a_value_or_a_row_have_no_fault(kind: FieldType) -> None:
    assert values([], kind) == []
    assert values([None, None], kind) == [None, None]
