"""What a measurement consists of, and which part of it is to be read.

Goes in: a bucket and a selection. Comes out: a :class:`Layout` for each measurement in which there may be something to
read; or an error that names what the bucket does not have.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from importer.bucket.influxql import Asking, identifier
from importer.bucket.schema import FIELD_KEYS, types_in
from importer.errors import ConfigurationError
from importer.mapping.header import nearest
from importer.printable import printable
from importer.reading.selection import Selection, aggregated_type
from importer.records import FieldColumn, FieldType, TagColumn

__all__ = ["VALUES_TO_COMPARE", "FieldKeys", "Layout", "layouts", "layouts_of", "unknown_value"]

VALUES_TO_COMPARE = 1_000
"""With one that is not there."""

FieldKeys = dict[str, dict[str, set[FieldType]]]
"""The types of each field, by measurement."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What is read of a measurement.

    Attributes:
        measurement: its name.
        tags: its tags, sorted by key; their columns are ``tag:KEY``.
        fields: the fields that are read, sorted by key, of the types that come out; their columns are ``field:KEY``.
        stored: the types that these fields are stored in.
    """

    measurement: str
    tags: tuple[TagColumn, ...]
    fields: tuple[FieldColumn, ...]
    stored: tuple[FieldType, ...]


def layouts(asking: Asking, chosen: Selection) -> tuple[tuple[Layout, ...], tuple[str, ...]]:
    """The layouts of the measurements that are chosen, sorted by name, and warnings of what is left out.

    Raises:
        ConfigurationError: a measurement, tag or field that is named is not there, or cannot be read as asked.
        ServerError: the server did not answer.
    """
    fields = _field_keys(asking)
    tags: dict[str, list[str]] = {}
    for piece in asking.rows("SHOW TAG KEYS"):
        tags.setdefault(piece.measurement, []).extend(row[0] for row in piece.rows)
    found, warnings = layouts_of(fields, tags, chosen)
    return found, (*_unknown_values(asking, chosen), *warnings)


def layouts_of(
    fields: FieldKeys, tags: Mapping[str, Iterable[str]], chosen: Selection
) -> tuple[tuple[Layout, ...], tuple[str, ...]]:
    """The same, of what a bucket is known to have.

    Args:
        fields: of each measurement.
        tags: the keys of each measurement's.
        chosen: what is to be read.

    Raises:
        ConfigurationError: as :func:`layouts`.
    """
    _check_names("measurement", chosen.measurements, fields)
    names = [name for name in sorted(fields) if not chosen.measurements or name in chosen.measurements]
    if names:
        _check_names("field", chosen.fields, {key for name in names for key in fields[name]})
        _check_names("tag", [key for key, _ in chosen.tags], {key for name in names for key in tags.get(name, ())})
    found, warnings = [], []
    needed = {key for key, values in chosen.tags if "" not in values}
    for name in names:
        if not needed.issubset(tags.get(name, ())):
            continue  # no point of it can have these tags
        wanted = {key: kinds for key, kinds in fields[name].items() if not chosen.fields or key in chosen.fields}
        _check_types(name, wanted)
        stored: dict[str, FieldType] = {key: min(kinds) for key, kinds in sorted(wanted.items())}
        kept, left_out = _as_aggregated(name, stored, chosen)
        if left_out:
            warnings.append(left_out)
        if kept:
            found.append(
                Layout(
                    name,
                    tuple(TagColumn(key, f"tag:{key}", key) for key in sorted(tags.get(name, ()))),
                    tuple(FieldColumn(key, kind, f"field:{key}", key) for key, kind in kept.items()),
                    tuple(stored[key] for key in kept),
                )
            )
    return tuple(found), tuple(warnings)


def _field_keys(asking: Asking) -> FieldKeys:
    found: FieldKeys = {}
    for (measurement, key), kinds in types_in(asking.rows(FIELD_KEYS)).items():
        found.setdefault(measurement, {})[key] = kinds
    return found


def _check_names(kind: str, wanted: Iterable[str], known: Iterable[str]) -> None:
    there = sorted(known)
    for name in wanted:
        if name not in there:
            near = nearest(name, there)
            meant = f"; did you mean {' or '.join(map(repr, near))}?" if near else f"; there is: {_listed(there)}"
            raise ConfigurationError(f"the bucket has no {kind} {name!r}{meant}")


def _unknown_values(asking: Asking, chosen: Selection) -> Iterator[str]:
    """Warnings of values that no point has in that tag: mistyped, or not there yet."""
    for key, values in chosen.tags:
        for value in filter(None, values):
            asked = f"SHOW TAG VALUES WITH KEY = {identifier(key)}"
            if asking.rows(f"{asked} WHERE {identifier(key)}::tag = $value LIMIT 1", {"value": value}):
                continue
            known = {row[1] for piece in asking.rows(f"{asked} LIMIT {VALUES_TO_COMPARE}") for row in piece.rows}
            yield unknown_value(key, value, known)


def unknown_value(key: str, value: str, known: Iterable[str]) -> str:
    """A warning of a tag that no point has, with the values that may have been meant."""
    near = nearest(value, sorted(known))
    meant = f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
    return f"no point has the tag {printable(key, None)}={value!r}{meant}"


def _check_types(measurement: str, fields: dict[str, set[FieldType]]) -> None:
    """Refuse what the server itself would give back in part only, or as another type."""
    for key, kinds in fields.items():
        if len(kinds) > 1:
            raise ConfigurationError(
                f"the field {key!r} of {measurement!r} is stored as {' and as '.join(sorted(kinds))}, in different "
                "shard groups: no query gives all of it back, and no column holds both; leave it out by naming the "
                "other fields"
            )


def _as_aggregated(
    measurement: str, stored: dict[str, FieldType], chosen: Selection
) -> tuple[dict[str, FieldType], str | None]:
    """The fields with the types that come out; and a warning of those of which a function makes nothing."""
    if chosen.aggregate is None:
        return stored, None
    function = chosen.aggregate.function
    kept = {key: made for key, kind in stored.items() if (made := aggregated_type(function, kind)) is not None}
    lost = [key for key in stored if key not in kept]
    if not lost:
        return kept, None
    named = f"{', '.join(repr(key) for key in lost)} of {measurement!r}"
    if chosen.fields:
        raise ConfigurationError(
            f"there is no {function} of {named} ({', '.join(stored[key] for key in lost)}): "
            "take count, first, last or mode, or name other fields"
        )
    return kept, f"left out, as there is no {function} of texts and truth values: {named}"


def _listed(names: list[str], most: int = 20) -> str:
    shown = ", ".join(names[:most]) or "none"
    return shown if len(names) <= most else f"{shown}, … ({len(names)} in all)"
