"""Annotated CSV in, line protocol out: by a dry run, as a person would see it."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import Any

import importer
from importer import LoadOptions
from importer.mapping.parts import CsvOptions

__all__ = ["Line", "converted", "parsed", "rejects"]

Line = tuple[str, frozenset[str], frozenset[str], str]
"""Measurement, tags, fields and time: the order of tags and fields says nothing."""

_SPACE = re.compile(r'(?<!\\) (?=(?:[^"]*"[^"]*")*[^"]*$)')
_COMMA = re.compile(r'(?<!\\),(?=(?:[^"]*"[^"]*")*[^"]*$)')


def converted(folder: Path, text: str | bytes, **options: Any) -> str:
    """The lines that a load of the text would send, in their order; rejects are in ``rejects.csv``."""
    source = folder / "annotated.csv"
    source.write_bytes(text if isinstance(text, bytes) else text.encode())
    reading = CsvOptions(**{name: options.pop(name) for name in CsvOptions.model_fields if name in options})
    out = io.BytesIO()
    usual = {"bucket": "b", "dry_run": True, "rejects": folder / "rejects.csv", "max_rejects": "100%"}
    importer.load(source, csv=reading, options=LoadOptions(**(usual | options)), stdout=out)
    return out.getvalue().decode()


def parsed(lines: str) -> list[Line]:
    found = []
    for line in lines.splitlines():
        key, fields, time = _SPACE.split(line)
        measurement, *tags = _COMMA.split(key)
        # The same float may be written with a point or without.
        values = (re.sub(r"(=-?[0-9]+)\.0$", r"\1", field) for field in _COMMA.split(fields))
        found.append((measurement, frozenset(tags), frozenset(values), time))
    return sorted(found, key=repr)


def rejects(folder: Path) -> list[tuple[int, str, str]]:
    """Line, column and word of each reject."""
    path = folder / "rejects.csv"
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return [(int(row["line"]), row["column"], row["error_type"]) for row in csv.DictReader(file)]
