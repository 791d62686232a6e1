"""The rows of annotated CSV that are no data: annotations, comments, headers.

Goes in: the cells of such rows, in the order of the file. Comes out: the :class:`~importer.annotated.layouts.Layout`
of the rows that follow them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from importer.annotated.datatypes import TYPES, datatype
from importer.annotated.layouts import Annotations, Column, Layout, LayoutError, layout_of
from importer.annotated.timezones import timezone_of
from importer.mapping.header import nearest

__all__ = ["KNOWN", "RowKind", "Tables", "annotation_of", "has_types"]

KNOWN = ("group", "datatype", "default", "constant", "concat", "timezone")
MOST_EXTRAS = 1_000
"""Columns that annotations add to one table."""

MOST_KEPT = 1_000
"""Layouts: of a query's result a few come again and again."""

_OF_COLUMNS = ("group", "datatype", "default")
_ANNOTATION = re.compile(r"#(\w+)(?:[ ]+(.*))?", re.DOTALL)

RowKind = Literal["annotation", "comment"]


def annotation_of(first_cell: str) -> RowKind | None:
    """What a row is by its first cell; None: neither, and so a header or data.

    Data may begin with ``#``, too: an animal's number such as ``#1918725``.
    """
    match = _ANNOTATION.fullmatch(first_cell)
    if match is not None and match.group(1).lower() in KNOWN:
        return "annotation"
    return "comment" if first_cell == "#" or first_cell.startswith("# ") else None


def has_types(header: Sequence[str]) -> bool:
    """Whether a header is one of names with types, such as ``m|measurement,host|tag,v|double``.

    A single column is none: it may be a header of names between bars.
    """
    typed = [label.partition("|")[2].partition("|")[0].partition(":")[0].strip() for label in header if "|" in label]
    known = sum(kind in TYPES or kind == "ignored" for kind in typed)
    return len(header) > 1 and known > 1 and known * 2 > len(typed)


class Tables:
    """Reads annotations and headers, table by table.

    Args:
        most_columns: that a header may have.

    Attributes:
        most_columns: as given.
        layout: of the rows that come next; None: a header must come first.
        has_annotations: whether there was one; the types may also stand in the header alone.
    """

    def __init__(self, most_columns: int) -> None:
        self.most_columns = most_columns
        self.layout: Layout | None = None
        self.has_annotations = False
        self._header: tuple[str, ...] = ()
        self._annotations = Annotations()
        self._ahead = Annotations()  # behind rows: of the next table, or of further rows if they come at once
        self._is_changed = False
        self._layouts: dict[tuple[Annotations, tuple[str, ...]], Layout] = {}

    def annotate(self, cells: Sequence[str]) -> None:
        """Take an annotation.

        Raises:
            LayoutError: it says nothing that can be understood.
        """
        self.has_annotations = True
        match = _ANNOTATION.fullmatch(cells[0])
        name, rest = (match.group(1).lower(), match.group(2) or "") if match else ("", "")
        if name in _OF_COLUMNS:
            self._annotate_columns(name, (rest, *cells[1:]))
            return
        if name == "timezone":
            zone = rest.strip() or next((cell.strip() for cell in cells[1:] if cell.strip()), "")
            self._ahead = replace(self._ahead, timezone=timezone_of(zone))
        else:
            if len(self._ahead.extras) >= MOST_EXTRAS:
                raise LayoutError(f"more than {MOST_EXTRAS:,} columns are added to a table")
            given = (*([rest] if rest else []), *cells[1:])
            self._ahead = replace(self._ahead, extras=_with(self._ahead.extras, (_extra(name, given),)))
        self._is_changed = True

    def head(self, cells: Sequence[str]) -> None:
        """Take a header.

        Raises:
            LayoutError: it and the annotations do not make points.
        """
        self._header, self._annotations = tuple(cells), self._ahead
        self.layout = self._laid_out()
        self._await_rows()

    def rows_follow(self) -> Layout:
        """The layout of the rows that come next; what was annotated behind the rows before holds for them, too.

        Raises:
            LayoutError: it does not fit the header.
        """
        if self._is_changed:
            extras = _with(self._annotations.extras, self._ahead.extras)
            self._annotations = replace(self._annotations, extras=extras, timezone=self._ahead.timezone)
            self.layout = self._laid_out()
            self._await_rows()
        if self.layout is None:
            raise LayoutError("there is no header")
        return self.layout

    def _await_rows(self) -> None:
        self._ahead, self._is_changed = Annotations(timezone=self._annotations.timezone), False

    def _annotate_columns(self, name: str, cells: tuple[str, ...]) -> None:
        self.layout = None
        if getattr(self._ahead, name) is not None:
            raise LayoutError(f"#{name} stands twice before a header")
        for cell in cells if name == "datatype" else ():
            datatype(cell)  # what is wrong with it is best said of this line
        if name == "group":
            self._ahead = replace(self._ahead, group=cells)
        elif name == "datatype":
            self._ahead = replace(self._ahead, datatype=cells)
        else:
            self._ahead = replace(self._ahead, default=cells)

    def _laid_out(self) -> Layout:
        key = (self._annotations, self._header)
        if key not in self._layouts:
            if len(self._layouts) >= MOST_KEPT:
                self._layouts.clear()
            self._layouts[key] = layout_of(*key)
        return self._layouts[key]


def _with(extras: tuple[Column, ...], more: tuple[Column, ...]) -> tuple[Column, ...]:
    """With further columns; those that they take the place of go."""
    alone = {column.role for column in more} & {"measurement", "time"}
    labels = {column.label for column in more}
    return (*(column for column in extras if column.role not in alone and column.label not in labels), *more)


def _extra(name: str, cells: Sequence[str]) -> Column:
    """The column that ``#constant`` or ``#concat`` adds: a type, a label and a value; some have no label."""
    if not cells or not cells[0].strip():
        raise LayoutError(f"#{name} needs a type, a name and a value, such as #{name} tag,host,a")
    kind = datatype(cells[0])
    label = cells[1] if len(cells) > 1 else ""
    value = cells[2] if len(cells) > 2 else ""  # noqa: PLR2004 - type, name, value
    if kind.role in ("measurement", "time"):
        value, label = value or label or kind.default, label if value else f"#{name} {kind.name}"
    elif not label:
        raise LayoutError(f"#{name} {cells[0]}: the name of the {kind.role or 'field'} is missing")
    if kind.name == "ignored":
        raise LayoutError(f"#{name} ignored: say of what use it is, or leave it out")
    if not value and not kind.default:
        near = nearest(cells[0], TYPES)
        raise LayoutError(
            f"#{name} {cells[0]}{f' ({near[0]})' if near and near[0] != cells[0] else ''}: it has no value"
        )
    role = kind.role or "field"
    if name == "concat":
        return Column(label, kind, role, template=value or kind.default)
    return Column(label, kind, role, default=value or kind.default)
