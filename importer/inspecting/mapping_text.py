"""A proposed mapping as a commented mapping file, which says why each thing is as it is and what else it could be."""

from __future__ import annotations

import json
import re
from typing import Any

from importer.errors import MappingError
from importer.inspecting.asking import shown_questions
from importer.inspecting.inspection import Inspection
from importer.inspecting.records import ColumnProfile, TimeCandidate
from importer.mapping.parts import CsvOptions, FieldSpec, TimeSpec
from importer.mapping.spec import Mapping

__all__ = ["plain_toml", "to_toml"]

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_WIDTH = 100


def to_toml(inspection: Inspection) -> str:
    """The proposal as the text of a mapping file that a person can edit.

    Raises:
        MappingError: questions are open, and it names the options that answer them; or annotations take the place of a
            mapping.
    """
    mapping = inspection.mapping
    if inspection.is_annotated:
        raise MappingError(
            f"{inspection.sources[0]!r} is annotated CSV, which says itself what its columns are: importer load takes "
            "it as it is, and no mapping file can be written"
        )
    if mapping is None:
        raise MappingError(shown_questions(inspection))
    parts = [_head(inspection), _csv(inspection, mapping), _time(inspection, mapping)]
    parts += [_tags(inspection, mapping), _fields(inspection, mapping), _left_out(inspection)]
    return "\n".join(part for part in parts if part)


def plain_toml(mapping: Mapping) -> str:
    """A mapping as the text of a mapping file, without comments."""
    plain = mapping.model_dump(mode="json", exclude_none=True)
    usual = CsvOptions().model_dump(mode="json")
    csv = {name: value for name, value in plain["csv"].items() if value != usual[name]}
    lines = [f"measurement = {_value(plain['measurement'].get('value', plain['measurement']))}"]
    if mapping.filter is not None:
        lines.append(f"filter = {_value(mapping.filter)}")
    for name, table in (("csv", csv), ("time", plain["time"]), ("tags", plain["tags"]), ("fields", plain["fields"])):
        if table:
            lines += ["", f"[{name}]", *(f"{_key(key)} = {_value(value)}" for key, value in table.items())]
    return "\n".join(lines) + "\n"


def _head(inspection: Inspection) -> str:
    names = ", ".join(inspection.sources[:3]) + (", …" if len(inspection.sources) > 3 else "")  # noqa: PLR2004
    rows = f"{inspection.rows:,} rows" if inspection.is_whole else f"a sample: {inspection.sampled}"
    lines = [f"Which column of {_line(names)} becomes what; proposed after a look at {rows}."]
    lines += [f"Note: {_line(warning)}." for warning in inspection.warnings]
    text = "\n".join(f"# {line}" for line in lines)
    mapping = inspection.mapping
    assert mapping is not None  # noqa: S101 - asked before
    text += f"\n\nmeasurement = {_value(mapping.measurement.value)}\n"
    if mapping.filter is not None:
        text += f"filter = {_value(mapping.filter)}\n"
    return text


def _csv(inspection: Inspection, mapping: Mapping) -> str:
    plain = CsvOptions().model_dump()
    given = {name: value for name, value in mapping.csv.model_dump().items() if value != plain[name]}
    if not given:
        return ""
    lines = ["[csv]"]
    for name, value in given.items():
        lines.append(
            f"{name} = {_value(list(value) if isinstance(value, tuple) else value)}{_why_csv(name, inspection)}"
        )
    return "\n".join(lines) + "\n"


def _why_csv(name: str, inspection: Inspection) -> str:
    if name == "encoding" and not inspection.dialect.encoding_is_certain:
        return "   # guessed by its letters"
    if name == "null":
        return "   # texts that mean an empty cell, in every column"
    return "   # the decimal mark" if name == "decimal" else ""


def _time(inspection: Inspection, mapping: Mapping) -> str:
    spec, chosen = mapping.time, inspection.time
    given = spec.model_dump(exclude_none=True)
    lines = ["[time]"]
    if chosen is not None:
        lines += _comment(f"{chosen.why}; from {chosen.first} to {chosen.last}" if chosen.first else chosen.why)
    for name in ("column", "columns", "template", "format"):
        if name in given:
            value = given[name]
            lines.append(f"{name} = {_value(list(value) if isinstance(value, tuple) else value)}")
    if chosen is None or not chosen.has_offset or spec.timezone != "UTC":
        lines.append(f"timezone = {_value(spec.timezone)}")
    default = TimeSpec.model_fields["ambiguous"].default
    for name in ("ambiguous", "nonexistent"):
        if given.get(name) not in (None, default):
            lines.append(f"{name} = {_value(given[name])}")
    for other in inspection.times:
        if not other.chosen and other.format is not None:
            lines += _other_time(other)
    return "\n".join(lines) + "\n"


def _other_time(other: TimeCandidate) -> list[str]:
    where = f"column = {_value(other.columns[0])}"
    if len(other.columns) > 1:
        where = f"columns = {_value(list(other.columns))}"
    return [*_comment(f"or: {other.why}"), f"# {where}", f"# format = {_value(other.format)}"]


def _tags(inspection: Inspection, mapping: Mapping) -> str:
    lines = [
        "# Tags are indexed texts, by which one selects and groups; together with the time they are what a point is",
        "# known by: of two rows with the same tags and time the later one stays.",
    ]
    collisions = inspection.collisions
    if collisions is not None:
        counts = f"{inspection.series:,} series; rows with the tags and time of an earlier one: {collisions.total:,}"
        if collisions.total:
            counts += f" ({collisions.identical:,} identical, {collisions.overwritten:,} with other values)"
        lines += _comment(counts)
    lines.append("[tags]")
    by_column = {column.name: column for column in inspection.columns}
    for key, spec in mapping.tags.items():
        lines += _entry(key, f"{{ column = {_value(spec.column)} }}", by_column.get(spec.column or ""))
    return "\n".join(lines) + "\n"


def _fields(inspection: Inspection, mapping: Mapping) -> str:
    lines = [
        "# Fields are the values. Types: float, integer, unsigned, boolean, string. A cell that is not of its type",
        "# makes the row a reject; an empty cell is no value, unless there is a default.",
        "[fields]",
    ]
    by_column = {column.name: column for column in inspection.columns}
    for key, spec in mapping.fields.items():
        given = {
            name: value for name, value in spec.model_dump(exclude_none=True).items() if name in FieldSpec.model_fields
        }
        shown = ", ".join(f"{name} = {_value(list(v) if isinstance(v, tuple) else v)}" for name, v in given.items())
        lines += _entry(key, f"{{ {shown} }}", by_column.get(spec.column or ""))
    return "\n".join(lines) + "\n"


def _left_out(inspection: Inspection) -> str:
    left = [column for column in inspection.columns if column.role == "left out"]
    if not left:
        return ""
    lines = ["# Left out:"]
    lines += [f"#   {_line(_value(column.name))}: {_line(column.why)}" for column in left]
    return "\n".join(lines) + "\n"


def _entry(key: str, value: str, column: ColumnProfile | None) -> list[str]:
    entry = f"{_key(key)} = {value}"
    if column is None:
        return [entry]
    why = column.why
    if column.type in ("float", "integer", "unsigned") and column.minimum is not None:
        why += f"; {column.minimum} to {column.maximum}"
    if column.nulls:
        why += f"; empty in {column.nulls:,} rows"
    if column.null_like:
        why += "; may mean an empty cell: " + ", ".join(f"{item.value!r} ({item.rows:,})" for item in column.null_like)
    comment = _line(why)
    return [f"{entry}   # {comment}"] if len(entry) + len(comment) < _WIDTH else [f"# {comment}", entry]


def _comment(text: str) -> list[str]:
    return [f"# {_line(text)}"]


def _line(text: str) -> str:
    """On one line, without signs that TOML has no place for in a comment."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _value(key)


def _value(value: Any) -> str:
    # A JSON text is a TOML text, once what JSON may leave unescaped is escaped.
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(key)} = {_value(item)}" for key, item in value.items()) + " }"
    return json.dumps(value)
