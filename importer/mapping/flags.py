"""The mapping that the command line's options describe, in the shape of the mapping file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, get_args

from importer.errors import MappingError
from importer.mapping.header import nearest
from importer.mapping.spec import Mapping
from importer.records import FieldType

__all__ = ["field_specs", "mapping_from_flags", "no_flags", "tag_specs"]

_TYPES = get_args(FieldType)


def mapping_from_flags(
    *,
    measurement: str | None,
    tags: Sequence[str],
    fields: Sequence[str],
    time: Sequence[str],
    time_options: dict[str, Any],
    row_filter: str | None,
    csv_options: dict[str, Any],
) -> Mapping:
    """Build a mapping from options.

    Args:
        measurement: a constant.
        tags: ``COL`` or ``KEY=COL``.
        fields: ``COL``, ``COL:TYPE``, ``KEY=COL`` or ``KEY=COL:TYPE``.
        time: the column, or several that are joined by a space.
        time_options: ``format``, ``timezone``, ``ambiguous``, as far as they are given.
        row_filter: SQL condition.
        csv_options: as :class:`~importer.mapping.spec.CsvOptions`, as far as they are given.

    Raises:
        MappingError: something is missing, or wrong.
    """
    missing = [
        option for option, given in (("--measurement", measurement), ("--field", fields), ("--time", time)) if not given
    ]
    if missing:
        raise MappingError(
            f"say how to map the columns: {', '.join(missing)} is missing (or give --mapping FILE or --mapper)"
        )
    where = {"column": time[0]} if len(time) == 1 else {"columns": tuple(time)}
    raw: dict[str, Any] = {
        "measurement": measurement,
        "time": where | time_options,
        "tags": tag_specs(tags),
        "fields": field_specs(fields),
        "csv": csv_options,
    }
    if row_filter is not None:
        raw["filter"] = row_filter
    return Mapping.from_dict(raw, origin="options")


def no_flags(flags: dict[str, Any], instead: str) -> None:
    """Refuse options that describe a mapping where another option does already.

    Raises:
        MappingError: there is one.
    """
    options = {"measurement": "--measurement", "tags": "--tag", "fields": "--field", "time": "--time",
               "mapping": "--mapping",
               "time_options": "--time-format, --timezone or --ambiguous", "row_filter": "--filter"}  # fmt: skip
    for name, option in options.items():
        if flags.get(name):
            raise MappingError(f"{option} cannot go with {instead}, which says it all")


def tag_specs(tags: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Tags by key, in the shape of the mapping file, from ``COL`` or ``KEY=COL``.

    Raises:
        MappingError: a key is named twice.
    """
    return _once("--tag", map(_tag, tags))


def field_specs(fields: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Fields by key, in the shape of the mapping file, from ``COL``, ``COL:TYPE``, ``KEY=COL`` or ``KEY=COL:TYPE``.

    Raises:
        MappingError: a key is named twice, or a type is none.
    """
    return _once("--field", map(_field, fields))


def _once(option: str, pairs: Iterable[tuple[str, dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for key, spec in pairs:
        if key in found:
            raise MappingError(f"{option} names {key!r} twice: give one of them another key, as KEY=COLUMN")
        found[key] = spec
    return found


def _tag(text: str) -> tuple[str, dict[str, Any]]:
    key, _, column = text.rpartition("=")
    return (key or column), {"column": column}


def _field(text: str) -> tuple[str, dict[str, Any]]:
    name, separator, kind = text.rpartition(":")
    if not separator:
        name, kind = text, ""
    elif kind not in _TYPES:
        close = nearest(kind, _TYPES)
        meant = f"; did you mean {close[0]}?" if close else ""
        raise MappingError(
            f"--field {text!r}: {kind!r} is no type ({', '.join(_TYPES)}){meant} "
            "(a colon in a name needs a mapping file)"
        )
    key, _, column = name.rpartition("=")
    return (key or column), {"column": column} | ({"type": kind} if kind else {})
