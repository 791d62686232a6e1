"""Layouts of Go's ``time`` package, such as ``2006-01-02 15:04:05``, as formats of the importer.

Goes in: a layout (https://pkg.go.dev/time#pkg-constants). Comes out: a :class:`TimeLayout`, or a reason why not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from importer.mapping.time_formats import check_format, text_format

__all__ = ["GoLayoutError", "TimeLayout", "time_layout"]

# In the order in which Go looks for them: of those that fit at a place, the first is taken.
_DIRECTIVES = {
    "January": "%B", "Jan": "%b", "Monday": "%A", "Mon": "%a", "MST": "",
    "2006": "%Y", "002": "%j", "01": "%m", "02": "%d", "03": "%I", "04": "%M", "05": "%S", "06": "",
    "15": "%H", "__2": "", "_2006": "_%Y", "_2": "%e", "1": "%m", "2": "%d", "3": "%I", "4": "%M", "5": "%S",
    "PM": "%p", "pm": "%P",
    "-07:00:00": "", "-070000": "", "Z07:00:00": "", "Z070000": "",
    "-07:00": "%:z", "-0700": "%z", "-07": "%#z", "Z07:00": "%#z", "Z0700": "%#z", "Z07": "%#z",
}  # fmt: skip
_REFUSED = {
    "MST": "a zone's abbreviation (MST) is not unique: have offsets in the file, or say #timezone and leave it out",
    "06": "a year of two digits (06) is never guessed: write the century into the file",
    "__2": "a day of the year is written 002",
}
_TOKEN = re.compile(
    "|".join(
        re.escape(token) + ("(?![a-z])" if token in ("Jan", "Mon") else "")
        for token in sorted(_DIRECTIVES, key=len, reverse=True)
    )
    + r"|[.,](?:0+|9+)(?![0-9])"
)


class GoLayoutError(ValueError):
    """A layout that cannot be used; its text says why."""


@dataclass(frozen=True, slots=True)
class TimeLayout:
    """A format of times.

    Attributes:
        format: of the importer.
        has_zone: the text itself says which instant it is.
        added: to be put behind each text: what the layout leaves out, which Go takes for the first of its kind.
    """

    format: str
    has_zone: bool
    added: str = ""


def time_layout(layout: str) -> TimeLayout:
    """Translate a layout.

    Raises:
        GoLayoutError: it is none, or not one that gives a whole date.
    """
    form, position, seconds_end = "", 0, -1
    found: list[str] = []
    for match in _TOKEN.finditer(layout):
        token = match.group()
        literal = layout[position : match.start()]
        form += literal.replace("%", "%%")
        position = match.end()
        if token[0] in ".,":
            # A fraction stands behind seconds; elsewhere it is a text.
            if found and found[-1] == "%S" and not literal:
                if token[0] == ",":
                    raise GoLayoutError("a fraction of a second behind a comma cannot be read")
                form += "%.f"
                found.append("%.f")
            else:
                form += token
            continue
        directive = _DIRECTIVES[token]
        if not directive:
            raise GoLayoutError(_REFUSED.get(token, f"{token} cannot be read"))
        form += directive
        found.append(directive.removeprefix("_"))
        if directive == "%S":
            seconds_end = len(form)
    form += layout[position:].replace("%", "%%")
    if not found:
        raise GoLayoutError(
            "that is no layout: write how 2006-01-02 15:04:05 would be written, or RFC3339, RFC3339Nano or number"
        )
    if "%S" in found and "%.f" not in found and not form[seconds_end:].startswith("."):
        form = form[:seconds_end] + "%.f" + form[seconds_end:]  # Go takes a fraction there unasked
    form, added = _completed(form, set(found))
    try:
        check_format(form)
    except ValueError as error:
        raise GoLayoutError(f"as {error}") from None
    return TimeLayout(form, text_format(form).has_offset, added)


def _completed(form: str, found: set[str]) -> tuple[str, str]:
    """With the parts that Go takes for the first of their kind where they are left out."""
    directives, texts = "", ""
    if "%Y" in found and not found & {"%j"}:
        if not found & {"%m", "%b", "%B"}:
            directives, texts = directives + " %m", texts + " 01"
        if not found & {"%d", "%e"}:
            directives, texts = directives + " %d", texts + " 01"
    if found & {"%H", "%I"} and "%M" not in found:
        directives, texts = directives + " %M", texts + " 00"
    return form + directives, texts
