"""Whether a header has the columns that a mapping names; if not, which ones may have been meant."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Sequence

from importer.errors import MappingError

__all__ = ["check_columns", "nearest"]


def nearest(name: str, known: Iterable[str]) -> list[str]:
    """Up to three known names that a mistyped one may have meant."""
    by_folded = {item.casefold(): item for item in known}
    found = difflib.get_close_matches(name.casefold(), by_folded, n=3, cutoff=0.5)
    return [by_folded[item] for item in found]


def check_columns(wanted: Sequence[str], header: Sequence[str], source: str) -> None:
    """Refuse a header that lacks a column, or has it twice.

    Raises:
        MappingError: with the nearest names.
    """
    there = Counter(header)
    for name in wanted:
        if there[name] > 1:
            raise MappingError(f"{source!r} has {there[name]} columns named {_shown(name)}: rename one in the header")
        if name not in there:
            delimiter = _delimiter_hint(header)
            near = [] if delimiter else nearest(name, header)
            meant = f"; did you mean {' or '.join(map(_shown, near))}?" if near else "."
            raise MappingError(f"{source!r} has no column {name!r}{meant} It has: {_listed(header)}{delimiter}")


def _listed(header: Sequence[str], most: int = 20) -> str:
    shown = ", ".join(_shown(name).strip("'") for name in header[:most])
    return shown if len(header) <= most else f"{shown}, … ({len(header)} in all)"


def _shown(name: str, most: int = 60) -> str:
    """A name in quotes, without signs that a terminal would obey, and not longer than a message may be."""
    return repr(name) if len(name) <= most else repr(name[:most]) + "…"


def _delimiter_hint(header: Sequence[str]) -> str:
    if len(header) == 1:
        for mark, name in ((";", "';'"), ("\t", "tab"), ("|", "'|'"), (",", "','")):
            if mark in header[0]:
                return f" (that looks like one column per {name}: say --delimiter {name})"
    return ""
