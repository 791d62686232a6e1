"""Hostile rows, made by hand or by chance, and the mapping of their columns."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from hypothesis import strategies as st

from importer.limits import MAX_TIME_NS, MIN_TIME_NS, key_trouble
from tests.loading import START

DAY_NS = 86_400 * 10**9
START_NS = START * 10**9
HOSTILE = [
    ",",
    "=",
    " ",
    '"',
    "#",
    "'",
    "\\x",
    "x\\\\y",
    "${a}",
    "ü 🐦",
    "a,b=c d",
    "!~#",
    "\x7f",
    "\u2028",
    "x\\n",
    "\\,",
    "x\\=y",
    "x\\,y=z",
    "\\\\,",
    "\t",
]
FIELDS = {
    "f": {"column": "f", "type": "float"},
    "i": {"column": "i", "type": "integer"},
    "u": {"column": "u", "type": "unsigned"},
    "b": {"column": "b", "type": "boolean"},
    "s": {"column": "s", "type": "string"},
}
ALL_TYPES: dict[str, Any] = {
    "measurement": {"column": "m"},
    "time": {"column": "t", "format": "unix_ns"},
    "tags": {"k": {"column": "k"}, "l": {"column": "l"}},
    "fields": FIELDS,
}
HEADER = ["m", "t", "k", "l", *FIELDS]
Row = Sequence[object]


def text_of(rows: Iterable[Row], header: Sequence[str] = HEADER) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow(header)
    writer.writerows(["" if cell is None else cell for cell in row] for row in rows)
    return file.getvalue()


def tags_of(keys: Sequence[str]) -> dict[str, Any]:
    """The mapping's tags, named by two texts, or otherwise where these cannot be keys."""
    return {
        key if not key_trouble("tag", key) and key not in FIELDS else f"key {n}": {"column": "kl"[n]}
        for n, key in enumerate(keys)
    }


pieces = st.sampled_from(["\\", ",", "=", " ", '"', "#", "\t", "'", "\n", "\\,", "\\ ", "#!", "é"]) | st.characters(
    exclude_categories=("Cs",), exclude_characters="\x00\r"
)
texts = st.lists(pieces, max_size=5).map("".join)
# What stands between two zeros is too fine for the reader of numbers, which is not what is looked at here.
floats = st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([-0.0, 5e-324, 1.7976931348623157e308])
times = st.integers(MIN_TIME_NS, MAX_TIME_NS) | st.integers(-3, 3) | st.sampled_from([MIN_TIME_NS, MAX_TIME_NS])
times |= st.integers(START_NS, START_NS + 100)
rows_of_any = st.tuples(
    st.sampled_from(["m", "m, n", "ü"]) | texts,
    times,
    texts,
    st.none() | st.sampled_from(["l", "l2"]),
    st.none() | floats.map(repr),
    st.none() | st.integers(-(2**63), 2**63 - 1),
    st.none() | st.integers(0, 2**64 - 1),
    st.none() | st.booleans(),
    st.none() | texts,
)
two_keys = st.lists(texts, min_size=2, max_size=2, unique=True)
