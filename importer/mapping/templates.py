"""Templates over columns, such as ``{city}-{station}``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

__all__ = ["joined", "template_columns", "template_parts"]


def joined(columns: Iterable[str]) -> str:
    """The template that joins columns by a space."""
    return " ".join("{" + name + "}" for name in columns)


def template_columns(template: str) -> tuple[str, ...]:
    """The columns that a template names.

    Raises:
        ValueError: a brace is not closed, or a column is not named.
    """
    return tuple(dict.fromkeys(name for _, name in template_parts(template) if name is not None))


def template_parts(template: str) -> Iterator[tuple[str, str | None]]:
    """A template's literal texts, each with the column behind it (None after the last).

    A doubled brace is a brace of the text; braces in a column's name stand in pairs.

    Raises:
        ValueError: a brace is not closed, or a column is not named.
    """
    literal, position = "", 0
    while position < len(template):
        mark = template[position]
        if template.startswith(("{{", "}}"), position):
            literal, position = literal + mark, position + 2
        elif mark == "{":
            end = _closing_brace(template, position)
            if end == position + 1:
                raise ValueError(f"template {template!r}: a column's name stands in the braces")
            yield literal, template[position + 1 : end]
            literal, position = "", end + 1
        elif mark == "}":
            raise ValueError(f"template {template!r}: a brace is closed that was not opened; write }}}} for a brace")
        else:
            literal, position = literal + mark, position + 1
    if literal:
        yield literal, None


def _closing_brace(template: str, opening: int) -> int:
    depth = 0
    for position in range(opening, len(template)):
        depth += {"{": 1, "}": -1}.get(template[position], 0)
        if depth == 0:
            return position
    raise ValueError(f"template {template!r}: a brace is not closed; write {{{{ for a brace")
