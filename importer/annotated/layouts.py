"""What the annotations and the header of a table say, put together.

Goes in: annotation rows and a header. Comes out: a :class:`Layout`, by which the table's rows become points. The rules
are those of ``influx write``; where it would drop something without a word, an error says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from importer.annotated.datatypes import Datatype, LayoutError, datatype
from importer.limits import key_trouble, measurement_trouble

__all__ = ["Annotations", "Column", "Layout", "LayoutError", "layout_of", "template_parts"]

Role = Literal["measurement", "tag", "field", "time", "field_name", "field_value", "ignored"]

_OF_FLUX = ("result", "table")
"""Columns of a query's result that are about the result."""

_ROLES: dict[str, Role] = {
    "_measurement": "measurement", "_time": "time", "_field": "field_name", "_value": "field_value",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table, or what an annotation adds as one.

    Attributes:
        label: from the header; the key of a tag or field.
        type: how its text is to be read.
        role: what it is of a point.
        name: of the frame's column; None for one that an annotation adds.
        template: of ``#concat``; None for all others.
        default: stands for an empty cell; the value of a constant.
    """

    label: str
    type: Datatype
    role: Role = "field"
    name: str | None = None
    template: str | None = None
    default: str = ""


@dataclass(frozen=True, slots=True)
class Layout:
    """What a table's columns are.

    Attributes:
        names: of the columns, each once; the header's labels as far as they can be.
        columns: of the header, for templates to refer to.
        measurement: where it stands.
        time: where it stands.
        tags: by label.
        fields: by label.
        field_name: where each row has one field: its key.
        field_value: and its value.
        timezone: for times without an offset: an IANA name, or ``+hhmm``.
        left_out: labels of columns that are of no use and were not said to be.
    """

    names: tuple[str, ...]
    columns: tuple[Column, ...]
    measurement: Column
    time: Column
    tags: tuple[Column, ...]
    fields: tuple[Column, ...]
    field_name: Column | None
    field_value: Column | None
    timezone: str
    left_out: tuple[str, ...] = ()

    @property
    def wanted(self) -> tuple[str, ...]:
        """The names of the columns to read."""
        one_field = (self.field_name, self.field_value)
        used = (self.measurement, self.time, *self.tags, *self.fields, *(column for column in one_field if column))
        return tuple(dict.fromkeys(name for column in used for name in self.names_of(column)))

    def names_of(self, column: Column) -> tuple[str, ...]:
        """The frame's columns that a column's text is made of."""
        if column.template is None:
            return () if column.name is None else (column.name,)
        labels = {label for _, label in template_parts(column.template) if label is not None}
        return tuple(other.name for other in self.columns if other.label in labels and other.name is not None)


@dataclass(frozen=True, slots=True)
class Annotations:
    """What was read of a table before its header.

    Attributes:
        group: cells of ``#group``, None where there is none; the same of the others.
        datatype: cells of ``#datatype``.
        default: cells of ``#default``.
        extras: columns of ``#constant`` and ``#concat``.
        timezone: of ``#timezone``.
    """

    group: tuple[str, ...] | None = None
    datatype: tuple[str, ...] | None = None
    default: tuple[str, ...] | None = None
    extras: tuple[Column, ...] = ()
    timezone: str = "UTC"


def template_parts(template: str) -> list[tuple[str, str | None]]:
    """A template's literal texts, each with the label of the ``${label}`` behind it; None after the last."""
    parts: list[tuple[str, str | None]] = []
    literal, *pieces = template.split("${")
    for piece in pieces:
        label, closed, behind = piece.partition("}")
        if not closed or not label:
            literal += "${" + piece  # a text like any other
            continue
        parts.append((literal, label))
        literal = behind
    return [*parts, (literal, None)]


def layout_of(annotations: Annotations, header: Sequence[str]) -> Layout:
    """Put annotations and a header together.

    Raises:
        LayoutError: they do not make points, or contradict one another.
    """
    _check_widths(annotations, header)
    columns = [_column(annotations, number, label) for number, label in enumerate(header)]
    names = _names([column.label for column in columns])
    columns = [replace(column, name=name) for column, name in zip(columns, names, strict=True)]
    one_field = any(column.role == "field_name" for column in columns)
    left_out = []
    for number, column in enumerate(columns):
        if column.role != "field":
            continue
        if annotations.group is not None and column.label in _OF_FLUX:
            columns[number] = replace(column, role="ignored")
        elif one_field and not column.type.is_field:
            # A query that groups anew leaves tags outside of the group key; without them, series would fall together.
            is_tag = annotations.group is not None and column.type.name == "string"
            columns[number] = replace(column, role="tag" if is_tag else "ignored")
            left_out += [] if is_tag else [column.label]
    everything = [*columns, *annotations.extras]
    for extra in annotations.extras:
        _check_template(extra, columns)
    layout = Layout(
        names=names,
        columns=tuple(columns),
        measurement=_only(everything, "measurement"),
        time=_time(everything),
        tags=_unique(everything, "tag"),
        fields=_unique(everything, "field"),
        field_name=_only(everything, "field_name") if one_field else None,
        field_value=_only(everything, "field_value") if one_field else None,
        timezone=annotations.timezone,
        left_out=tuple(left_out),
    )
    _check(layout)
    return layout


def _check_widths(annotations: Annotations, header: Sequence[str]) -> None:
    for name in ("group", "datatype", "default"):
        cells = getattr(annotations, name)
        if cells is not None and any(cell.strip() for cell in cells[len(header) :]):
            raise LayoutError(f"#{name} has {len(cells)} cells, but the header has {len(header)}")
    typed = annotations.datatype
    if typed is not None and len(typed) < len(header) and any(label.strip() for label in header[len(typed) :]):
        raise LayoutError(
            f"#datatype has {len(typed)} cells, but the header has {len(header)}: say ignored of the rest"
        )


def _column(annotations: Annotations, number: int, label: str) -> Column:
    written = _cell(annotations.datatype, number)
    if not written and "|" in label:
        label, _, written = label.partition("|")
    kind = datatype(written)
    column = Column(label, kind, default=_cell(annotations.default, number) or kind.default)
    if not label.strip() or kind.name == "ignored":
        return replace(column, role="ignored")
    if label == "_value" and kind.name == "dateTime":
        raise LayoutError("the values of '_value' are times, which InfluxDB has no field type for")
    role = _ROLES.get(label) or kind.role
    if role is None and _cell(annotations.group, number).endswith("true"):
        role = "tag"
    return replace(column, role=role or "field")


def _cell(cells: tuple[str, ...] | None, number: int) -> str:
    return cells[number] if cells is not None and number < len(cells) else ""


def _names(labels: Sequence[str]) -> tuple[str, ...]:
    """The labels; numbers for those that are empty or stand twice."""
    many = Counter(labels)
    names: list[str] = []
    for number, label in enumerate(labels):
        name = label if label and many[label] == 1 else f"column {number + 1}"
        while name in names or (name != label and name in many):
            name += "'"
        names.append(name)
    return tuple(names)


def _only(columns: Sequence[Column], role: Role) -> Column:
    found = [column for column in columns if column.role == role]
    if len(found) > 1:
        both = " and ".join(repr(column.label) for column in found[:2])
        raise LayoutError(f"there are two columns of the {_CALLED.get(role, role)}: {both}; say ignored of one")
    if not found:
        raise LayoutError(_MISSING[role])
    return found[0]


_CALLED = {"field_name": "field's name (_field)", "field_value": "field's value (_value)"}
_MISSING = {
    "measurement": "there is no measurement: give a column the type measurement, or every row the same by "
    "--header '#constant measurement,NAME'",
    "time": "there is no time: give a column the type dateTime; times are never made up",
    "field_value": "there is a column _field, but none of the name _value",
    "field_name": "there is a column _value, but none of the name _field",
}


def _time(columns: Sequence[Column]) -> Column:
    """The time; the bounds of a query's range are one only where there is no other."""
    found = [column for column in columns if column.role == "time"]
    named = [column for column in found if column.label == "_time"]
    others = [column for column in found if column.label not in ("_start", "_stop")]
    if not others and len(found) > 1:
        raise LayoutError("the only times are _start and _stop, the bounds of a query: keep _time in it")
    return _only(named or others or found, "time")


def _unique(columns: Sequence[Column], role: Role) -> tuple[Column, ...]:
    found = [column for column in columns if column.role == role]
    twice = [label for label, count in Counter(column.label for column in found).items() if count > 1]
    if twice:
        raise LayoutError(f"two {role}s are named {twice[0]!r}: rename one, or say ignored of it")
    return tuple(found)


def _check_template(extra: Column, columns: Sequence[Column]) -> None:
    known = [column.label for column in columns]
    for _, label in template_parts(extra.template or ""):
        if label is not None and known.count(label) != 1:
            trouble = "is not in the header" if label not in known else "stands in the header twice"
            raise LayoutError(
                f"#concat {extra.template!r}: column {label!r} {trouble}; it has: {', '.join(filter(None, known))}"
            )


def _check(layout: Layout) -> None:
    if layout.field_name is None and not layout.fields:
        raise LayoutError("there is no field: give a column a type such as double, long, boolean or string")
    if layout.measurement.name is None and layout.measurement.template is None:
        trouble = measurement_trouble(layout.measurement.default)
        if trouble is not None:
            raise LayoutError(f"measurement {layout.measurement.default!r}: {trouble}")
    for tag in layout.tags:
        if (trouble := key_trouble("tag", tag.label)) is not None:
            raise LayoutError(f"tag {tag.label!r}: {trouble}")
    for field in layout.fields:
        if (trouble := key_trouble("field", field.label)) is not None:
            raise LayoutError(f"field {field.label!r}: {trouble}; say ignored or dateTime of it, or rename it")
    both = sorted({tag.label for tag in layout.tags} & {field.label for field in layout.fields})
    if both:
        raise LayoutError(f"{both[0]!r} is both a tag and a field: rename one of them")
