"""Columns of all five types, and the same values as line protocol."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from importer.encoding.escaping import escape_key
from importer.records import FieldType
from importer.tsm import Column, field_key, series_key

__all__ = ["ODD_TEXTS", "SERIES", "START_NS", "Table", "columns", "lines", "tables"]

START_NS = 1_600_000_000 * 10**9
ODD_TEXTS = ("", "\r\n", "\t tab", '"', "back\\slash\\", "ü 🐦", " ", "null", "x" * 300, "b")
SERIES = {
    "plain": ("birds", (("bird", "a1"),)),
    "none": ("birds", ()),
    "odd": ("m,1 =x", (("aZ", "x=y"), ("a b", "c,d"), ("ü", "back\\slash"))),
}


@dataclass(frozen=True)
class Table:
    """Rows of one series.

    Attributes:
        measurement: plain.
        tags: plain.
        times: ns.
        fields: by name, type and values; of strings a list.
    """

    measurement: str
    tags: tuple[tuple[str, str], ...]
    times: npt.NDArray[np.int64]
    fields: dict[str, tuple[FieldType, Any]]


def tables(rows: int) -> list[Table]:
    """Series with times of every encoding, and fields of every type and encoding.

    Args:
        rows: of each, but for those with three times: far from one another, or in steps of powers of ten.
    """
    random = np.random.default_rng(11)
    places = np.arange(rows)
    all_times = {
        "plain": START_NS + places * 10**10,
        "none": START_NS + np.cumsum(random.integers(1, 3, size=rows) * 10**6),
        "odd": START_NS + np.cumsum(random.integers(1, 10**12, size=rows)),
        "lone": START_NS + np.cumsum(np.where(places % 400 == 7, 3, 1)),
        "raw": np.array([978_307_200, 2_400_000_000, 3_786_912_000], dtype=np.int64) * 10**9,
    }
    found = []
    for name, times in all_times.items():
        measurement, tags = SERIES.get(name, ("birds", (("bird", name),)))
        found.append(Table(measurement, tags, times, _fields(times.size, random)))
    for zeros in range(14):
        for steps in ([1, 1, 1], [1, 2, 1]):
            times = START_NS + np.cumsum(np.array(steps) * 10**zeros)
            tags = (("steps", f"{steps} with {zeros} zeros"),)
            found.append(Table("powers", tags, times, {"n": ("integer", np.arange(3))}))
    return found


def _fields(rows: int, random: np.random.Generator) -> dict[str, tuple[FieldType, Any]]:
    places = np.arange(rows)
    walk = np.cumsum(random.integers(-40, 40, size=rows))
    ones = np.cumsum(np.where(places % 450 == 3, 5, -1))
    any_bits = random.integers(0, 2**64 - 1, size=rows, dtype=np.uint64)
    large = np.concatenate([[2**61], 2**61 + walk[1:]])
    subnormal = any_bits >> np.uint64(12)
    return {
        "cents": ("float", 47 + walk / 100),
        "same": ("float", np.full(rows, -0.0)),
        "noise": ("float", random.normal(size=rows)),
        "tiny": ("float", subnormal.view(np.float64)),
        "f,= odd": ("float", np.where(places % 3 == 0, 1.7976931348623157e308, -5e-324)),
        "walk": ("integer", walk),
        "ones": ("integer", ones),
        "run": ("integer", places * -7),
        "any": ("integer", any_bits.view(np.int64)),
        "large": ("integer", large),
        "u": ("unsigned", any_bits),
        "count": ("unsigned", (places * 3).astype(np.uint64)),
        "flag": ("boolean", walk % 3 == 0),
        "text": ("string", [ODD_TEXTS[nth % len(ODD_TEXTS)] for nth in walk.tolist()]),
    }


def columns(of: list[Table]) -> list[Column]:
    """A column for each field of each table."""
    found = []
    for table in of:
        counts = np.array([table.times.size])
        for name, (kind, values) in table.fields.items():
            key = field_key(series_key(table.measurement, table.tags), name)
            stored = pa.array(values, type=pa.large_string()) if kind == "string" else values
            found.append(Column(kind, [key], counts, table.times, stored))
    return found


def lines(of: list[Table], start: int, stop: int) -> Iterator[str]:
    """Some rows of each table."""
    for table in of:
        measurement = table.measurement.replace(",", r"\,").replace(" ", r"\ ")
        head = ",".join([measurement, *(f"{escape_key(key)}={escape_key(value)}" for key, value in table.tags)])
        for nth in range(start, min(stop, table.times.size)):
            fields = (
                f"{escape_key(key)}={_written(kind, values[nth])}" for key, (kind, values) in table.fields.items()
            )
            yield f"{head} {','.join(fields)} {table.times[nth]}"


def _written(kind: FieldType, value: Any) -> str:
    if kind == "string":
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if kind == "float":
        return repr(float(value))
    return f"{value}{ {'integer': 'i', 'unsigned': 'u', 'boolean': ''}[kind] }"
