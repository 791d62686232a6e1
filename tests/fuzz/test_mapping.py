"""Random cells against random typed mappings; Python's own numbers are the oracle."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from importer.limits import MAX_TIME_NS, MIN_TIME_NS
from importer.mapping.values import FALSE, TRUE
from tests.fuzz.effort import fuzz
from tests.mapping.mapped import adds_up, column_mapper, faults, points, table

Value = Any
SKIPPED = object()
REJECTED = object()

SIGNS = st.text(st.sampled_from("0123456789+-.eE_ xinfaNI٣½"), min_size=1, max_size=8)
DECIMALS = st.from_regex(r"[+-]?[0-9]{0,22}(\.[0-9]{0,22})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)
NEAR_LIMITS = st.sampled_from([2**53, 2**63, 2**64, MIN_TIME_NS, MAX_TIME_NS, 0]).flatmap(
    lambda limit: st.integers(-3, 3).map(lambda step: str(limit + step))
)
WORDS = st.sampled_from([*TRUE, *FALSE, "TRUE", " yes ", "maybe", "nan", "inf", "-Infinity", "1e400", "0x10", "", "\0"])
CELLS = (SIGNS | DECIMALS | NEAR_LIMITS | WORDS | st.integers().map(str) | st.floats().map(repr)).map(
    lambda cell: cell.replace(",", "")
)

MOMENT = st.from_regex(r"-?[0-9]{1,10}\.[0-9]{0,11}|[0-9]{1,3}[eE]-?[0-9]{1,2}", fullmatch=True)


def as_float(cell: str) -> Value:
    try:
        value = float(cell)
    except ValueError:
        return REJECTED
    # Python alone takes digits of other scripts, and underscores between digits.
    return value if cell.isascii() and "_" not in cell and math.isfinite(value) else REJECTED


def as_integer(lowest: int, highest: int) -> Callable[[str], Value]:
    def read(cell: str) -> Value:
        if not re.fullmatch(r"[+-]?[0-9]+(\.0*)?", cell.strip(), re.ASCII):
            return REJECTED
        value = int(cell.strip().partition(".")[0])
        return value if lowest <= value <= highest else REJECTED

    return read


def as_boolean(cell: str) -> Value:
    word = cell.strip().lower()
    return word in TRUE if word in (*TRUE, *FALSE) else REJECTED


def as_time(unit_ns: int, finest_ns: int) -> Callable[[str], Value]:
    def read(cell: str) -> Value:
        text = cell.strip()
        if not re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?", text, re.ASCII):
            return REJECTED
        exact = Fraction(text) * unit_ns
        return int(exact) if exact % finest_ns == 0 and MIN_TIME_NS <= exact <= MAX_TIME_NS else REJECTED

    return read


KINDS: dict[str, Callable[[str], Value]] = {
    "float": as_float,
    "integer": as_integer(-(2**63), 2**63 - 1),
    "unsigned": as_integer(0, 2**64 - 1),
    "boolean": as_boolean,
    "string": str,
}
UNITS = {"unix_s": 10**9, "unix_ms": 10**6, "unix_us": 10**3, "unix_ns": 1}
FINEST = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}


@given(
    st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=4),
    st.sampled_from(sorted(UNITS)),
    st.sampled_from(sorted(FINEST)),
    st.data(),
)
@fuzz
def test_each_row_is_mapped_to_pythons_own_values_or_rejected_by_its_cells_or_skipped(
    kinds: list[str], unit: str, precision: str, data: st.DataObject
) -> None:
    rows = data.draw(st.lists(st.tuples(CELLS | MOMENT, *(CELLS for _ in kinds)), max_size=12))
    names = ["t", *(f"c{number}" for number in range(len(kinds)))]
    fields = {name: {"column": name, "type": kind} for name, kind in zip(names[1:], kinds, strict=True)}
    mapper = column_mapper(time={"column": "t", "format": unit}, fields=fields, precision=precision)
    batch = mapper(table(",".join(names) + "\n" + "".join(",".join(row) + "\n" for row in rows), mapper))

    readers = [as_time(UNITS[unit], FINEST[precision]), *(KINDS[kind] for kind in kinds)]
    mapped, rejected, skipped = {}, set(), 0
    for number, row in enumerate(rows):
        values = {name: read(cell) if cell else SKIPPED for name, read, cell in zip(names, readers, row, strict=True)}
        wrong = {(number, name) for name, value in values.items() if value is REJECTED}
        if values["t"] is SKIPPED:
            wrong.add((number, "t"))
        given = {name: value for name, value in values.items() if value is not SKIPPED and name != "t"}
        rejected |= wrong
        if not wrong and given:
            mapped[number] = given | {"time": values["t"]}
        elif not wrong:
            skipped += 1

    assert adds_up(batch)
    assert {(record, column) for record, column, _, _ in faults(batch)} == rejected
    found = {
        point["record"]: {name: point[name] for name in point if name not in {"record", "measurement"}}
        for point in points(batch)
    }
    assert {number: _bits(values) for number, values in found.items()} == {
        n: _bits(values) for n, values in mapped.items()
    }
    assert batch.skipped.get("no_fields", 0) == skipped


def _bits(values: dict[str, Value]) -> dict[str, Value]:
    """Zero and minus zero differ, and an integer differs from a float."""
    return {name: (type(value), str(value)) for name, value in values.items()}


EPOCH, FIRST, LAST = (dt.datetime(*day) for day in ((1970, 1, 1), (1677, 9, 20), (2262, 4, 13)))  # noqa: DTZ001
MOMENTS = st.datetimes(FIRST, LAST)
FRACTIONS = st.text(st.sampled_from("0123456789"), max_size=11)
ZONES = st.sampled_from(["Z", "z"]) | st.integers(-1439, 1439).map(
    lambda minutes: f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
)


@given(st.lists(st.tuples(MOMENTS, FRACTIONS, ZONES), min_size=1, max_size=10))
@fuzz
def test_a_time_of_rfc_3339_is_the_very_nanosecond_or_a_reject(
    written: list[tuple[dt.datetime, str, str]],
) -> None:
    cells, expected = [], {}
    for number, (moment, digits, zone) in enumerate(written):
        whole = moment.replace(microsecond=0)
        cells.append(f"{whole:%Y-%m-%dT%H:%M:%S}{'.' + digits if digits else ''}{zone}")
        minutes = 0 if zone in "Zz" else (int(zone[1:3]) * 60 + int(zone[4:])) * (-1 if zone[0] == "-" else 1)
        seconds = (whole - EPOCH) // dt.timedelta(seconds=1) - minutes * 60
        exact = (seconds + Fraction(f"0.{digits}0")) * 10**9
        if exact.denominator == 1 and MIN_TIME_NS <= exact <= MAX_TIME_NS:
            expected[number] = int(exact)
    mapper = column_mapper(time={"column": "t"})
    batch = mapper(table("t,v\n" + "".join(f"{cell},1\n" for cell in cells), mapper))
    assert adds_up(batch)
    assert {point["record"]: point["time"] for point in points(batch)} == expected
