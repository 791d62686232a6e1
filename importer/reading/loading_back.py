"""The mapping by which a file that was written is loaded again.

Goes in: the file's columns. Comes out: the text of a mapping file, or why there can be none.
"""

from __future__ import annotations

import json
import re

from importer.errors import MappingError
from importer.limits import EMPTY_TEXT
from importer.mapping.spec import Mapping
from importer.reading.columns import MEASUREMENT, TIME, Columns

__all__ = ["EMPTY_TEXTS_STAY_OUT", "mapping_text", "no_mapping_because"]

EMPTY_TEXTS_STAY_OUT = f"a load takes them for missing ({EMPTY_TEXT}); line protocol (--format lp) keeps them"


def no_mapping_because(columns: Columns) -> str | None:
    """Why no mapping can say what these columns are; None where one can."""
    if not columns.columns:
        return "there is nothing in the file"
    tags = {column.key for column in columns.columns if column.role == "tag"}
    seen: set[str] = set()
    for column in columns.columns:
        if column.role == "field":
            if column.key in tags:
                return f"{column.key!r} is both a tag and a field, which no mapping can say: take --format lp"
            if column.key in seen:
                return (
                    f"the field {column.key!r} has several types, a mapping gives it one: "
                    "write a file for each measurement (--measurement), or take --format lp"
                )
            seen.add(column.key)
    try:
        Mapping.from_dict(_as_dict(columns))
    except MappingError as error:
        return f"{error}; take --format lp"
    return None


def mapping_text(columns: Columns, file: str) -> str:
    """The text of the mapping file.

    Args:
        columns: of the file.
        file: its name, for the comment.
    """
    lines = [f"# How {_quoted(file)} is loaded again: importer load FILE --mapping THIS_FILE --bucket NAME"]
    lines += [f"measurement = {{ column = {_quoted(MEASUREMENT)} }}", "", "[time]"]
    lines += [f"{key} = {_quoted(value)}" for key, value in _TIME.items()]
    for role in ("tag", "field"):
        specs = _specs(columns, role)
        if specs:
            lines += ["", f"[{role}s]"]
        for key, spec in specs.items():
            inner = ", ".join(f"{name} = {_quoted(value)}" for name, value in spec.items())
            lines.append(f"{key if _BARE.fullmatch(key) else _quoted(key)} = {{ {inner} }}")
    return "\n".join(lines) + "\n"


_BARE = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_TIME = {"column": TIME, "format": "rfc3339"}


def _specs(columns: Columns, role: str) -> dict[str, dict[str, str]]:
    return {
        column.key: {"column": column.name} | ({} if role == "tag" else {"type": column.type})
        for column in columns.columns
        if column.role == role
    }


def _as_dict(columns: Columns) -> dict[str, object]:
    return {
        "measurement": {"column": MEASUREMENT},
        "time": _TIME,
        "tags": _specs(columns, "tag"),
        "fields": _specs(columns, "field"),
    }


def _quoted(text: str) -> str:
    """As a basic string of TOML, which is one of JSON but for one sign."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
