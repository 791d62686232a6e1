"""Types as annotated CSV writes them, such as ``double:,.``, ``boolean:y:n|y`` or ``dateTime:2006-01-02``.

Goes in: the text of a ``#datatype`` cell. Comes out: a :class:`Datatype`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from importer.annotated.go_layouts import GoLayoutError, TimeLayout, time_layout
from importer.mapping.header import nearest
from importer.mapping.time_formats import UNIX_DIGITS

__all__ = ["FIELD_TYPES", "TYPES", "Datatype", "LayoutError", "datatype"]

FIELD_TYPES = ("string", "double", "long", "unsignedLong", "boolean", "duration", "base64Binary")
TYPES = ("measurement", "tag", "field", "time", "dateTime", "ignored", "ignore", *FIELD_TYPES)

_ROLES: dict[str, Literal["measurement", "tag", "time", "field"]] = {
    "measurement": "measurement", "tag": "tag", "dateTime": "time",
}  # fmt: skip

USUAL_MARKS = ". \n\t\r_"
"""Of numbers: the first is the decimal mark, the others are left out."""


class LayoutError(ValueError):
    """Annotations that cannot be used; its text says why."""


@dataclass(frozen=True, slots=True)
class Datatype:
    """How a column's text is to be read.

    Attributes:
        name: one of :data:`TYPES`, without its aliases; empty: the text is as in line protocol.
        role: what the type makes of the column; None: that is for others to say.
        is_field: it was said to be a field, whatever else the table has.
        default: for an empty cell.
        marks: of numbers: the decimal mark, then the signs that are left out.
        strict: digits behind the decimal mark of an integer are at fault, and not cut off.
        true: texts that are true; none: all that are not false. Both None: by the first letter.
        false: texts that are false; none: all that are not true.
        time: of dateTime, the format; None: RFC 3339, or nanoseconds since 1970.
    """

    name: str
    role: Literal["measurement", "tag", "time", "field"] | None = None
    is_field: bool = False
    default: str = ""
    marks: str = USUAL_MARKS
    strict: bool = False
    true: tuple[str, ...] | None = None
    false: tuple[str, ...] | None = None
    time: TimeLayout | None = None


@lru_cache(maxsize=256)
def datatype(text: str) -> Datatype:
    """Read a type.

    Raises:
        LayoutError: there is no such type, or its format is none.
    """
    written, _, default = text.partition("|")
    name, _, form = written.strip().partition(":") if ":" in written else (written.strip(), "", "")
    if not name and not form:
        return Datatype("", default=default)
    if name.startswith("ignore"):
        return Datatype("ignored")
    if name == "field":
        return Datatype("", "field", is_field=True, default=default)
    name = "dateTime" if name == "time" else name
    if name not in TYPES:
        near = nearest(name, TYPES)
        meant = f"; did you mean {near[0]}?" if near else f"; there are: {', '.join(TYPES)}"
        raise LayoutError(f"{name!r} is no type{meant}")
    kind = Datatype(name, _ROLES.get(name), default=default)
    return _with_format(kind, written.partition(":")[2]) if form else kind


def _with_format(kind: Datatype, form: str) -> Datatype:
    if kind.name in ("long", "unsignedLong"):
        strict = form.startswith("strict")
        return replace(kind, strict=strict, marks=form.removeprefix("strict") or USUAL_MARKS)
    if kind.name == "double":
        return replace(kind, marks=form)
    if kind.name == "boolean":
        true, colon, false = form.partition(":")
        if not colon:
            raise LayoutError(f"boolean:{form}: write the true texts, a colon and the false ones, such as boolean:y:n")
        return replace(kind, true=_texts(true), false=_texts(false))
    if kind.name == "dateTime":
        try:
            return replace(kind, time=_time(form))
        except GoLayoutError as error:
            raise LayoutError(f"dateTime:{form}: {error}") from None
    return kind


def _texts(listed: str) -> tuple[str, ...]:
    return tuple(listed.split(",")) if listed else ()


def _time(form: str) -> TimeLayout:
    if form in ("RFC3339", "RFC3339Nano"):
        return TimeLayout("rfc3339", has_zone=True)
    if form == "number":
        return TimeLayout("unix_ns", has_zone=True)
    if form in UNIX_DIGITS:
        return TimeLayout(form, has_zone=True)
    return time_layout(form)
