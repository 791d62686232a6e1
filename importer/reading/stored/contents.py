"""What there is in the files: measurements, fields with their types, tags.

Goes in: units, unpacked. Comes out: :class:`Contents`; each unit learns where the keys of each measurement are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace

from importer.mapping.header import nearest
from importer.reading.layout import VALUES_TO_COMPARE, FieldKeys, unknown_value
from importer.reading.selection import Selection
from importer.reading.stored.texts import Series, series_of, text_of
from importer.reading.stored.unit import Unit, pieces_of
from importer.tsm import Reader
from importer.tsm.index import index_bytes
from importer.tsm.keys import SEPARATOR

__all__ = ["Contents", "look_through"]


@dataclass(frozen=True, slots=True)
class Contents:
    """What units hold, as far as it was not deleted.

    Attributes:
        fields: the types of each field, by measurement.
        tags: the keys of the tags, by measurement.
        there: tags that are asked for and that a series has.
        known: some values of the tags that are asked for, to compare mistyped ones with.
    """

    fields: FieldKeys = field(default_factory=dict)
    tags: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    there: set[tuple[str, str]] = field(default_factory=set)
    known: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def warnings(self, chosen: Selection) -> Iterator[str]:
        """Of tags that are asked for and that no series has."""
        for key, values in chosen.tags:
            for value in filter(None, values):
                if (key, value) not in self.there:
                    yield unknown_value(key, value, self.known[key])

    def narrowed(self, chosen: Selection) -> tuple[Selection | None, list[str]]:
        """What is asked for without the names that are not there, and warnings of them; None: nothing is left.

        Other shard groups of the bucket may have those names, so that they are no error.
        """
        names = [name for name in self.fields if not chosen.measurements or name in chosen.measurements]
        fields = {key for name in names for key in self.fields[name]}
        tags = {key for name in names for key in self.tags[name]}
        missing = [("measurement", name) for name in chosen.measurements if name not in names]
        missing += [("field", key) for key in chosen.fields if key not in fields]
        missing += [("tag", key) for key, _ in chosen.tags if key not in tags]
        there = {"measurement": list(self.fields), "field": fields, "tag": tags}
        warnings = [_missing(kind, name, there[kind]) for kind, name in missing]
        # Points without a tag fit where just that is asked for.
        if any(key not in tags and "" not in values for key, values in chosen.tags):
            return None, warnings
        left = replace(
            chosen,
            measurements=tuple(name for name in chosen.measurements if name in names),
            fields=tuple(key for key in chosen.fields if key in fields),
            tags=tuple((key, values) for key, values in chosen.tags if key in tags),
        )
        lost = len(left.measurements) < bool(chosen.measurements) or len(left.fields) < bool(chosen.fields)
        return None if lost else left, warnings


def _missing(kind: str, name: str, known: Collection[str]) -> str:
    near = nearest(name, sorted(known))
    meant = f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
    return f"no shard group of that range has the {kind} {name!r}{meant}"


def look_through(units: Sequence[Unit], chosen: Selection, check_stopped: Callable[[], None]) -> Contents:
    """Look through the indexes of all files.

    Args:
        units: unpacked; each notes what is in it.
        chosen: what is asked for.
        check_stopped: called at each key; may raise to break off.

    Raises:
        SourceError: a file is damaged.
    """
    found = Contents()
    for unit in units:
        with unit.opened() as readers:
            for number, reader in enumerate(readers):
                _look_into(unit, number, reader, found, chosen, check_stopped)
    return found


def _look_into(  # noqa: PLR0917 - called in one place
    unit: Unit,
    number: int,
    reader: Reader,
    found: Contents,
    chosen: Selection,
    check_stopped: Callable[[], None],
) -> None:
    at, _ = reader.index_span
    last, name, is_noted, series = b"", "", False, Series("", {}, 0)
    for key in reader.indexed_keys():
        check_stopped()
        begin, at = at, at + index_bytes([key.key], key.entries)
        written, _, field_key = key.key.partition(SEPARATOR)
        if written != last:
            last, series, is_noted = written, series_of(key.key), False
        name = series.measurement
        runs = unit.runs[name][number]
        if runs and runs[-1][1] == begin:
            runs[-1] = (runs[-1][0], at)
        else:
            runs.append((begin, at))
        unit.block_bytes[name] += int(key.entries["size"].sum(dtype="i8"))
        if reader.has_deleted(key.key) and not any(reader.points(piece)[0].size for piece in pieces_of(key)):
            continue
        found.fields.setdefault(name, {}).setdefault(text_of(field_key)[0], set()).add(key.type)
        if not is_noted:
            is_noted = True
            found.tags[name].update(series.tags)
            _note_values(series, found, chosen)


def _note_values(series: Series, found: Contents, chosen: Selection) -> None:
    for key, values in chosen.tags:
        value = series.tags.get(key)
        if value is None:
            continue
        if value in values:
            found.there.add((key, value))
        if len(found.known[key]) < VALUES_TO_COMPARE:
            found.known[key].add(value)
