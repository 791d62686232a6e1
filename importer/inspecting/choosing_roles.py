"""What each column becomes: a tag, a field of a type, or nothing.

Goes in: what is known of the columns, the time's columns, and what the user says. Comes out: a :class:`Role` for each.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from importer.inspecting.facts import ColumnFacts
from importer.inspecting.hints import Hints
from importer.inspecting.records import Choice, ColumnRole, Question
from importer.records import FieldType

__all__ = ["Role", "Roles", "choose_roles", "is_tag_like"]

SMALL_ROWS = 1_000
FEW_ROWS = 20
"""Of so few, nothing can be said of how often values come again."""

MOST_TAG_VALUES = 10_000
LONG_TEXT_BYTES = 64
MANY_WORDS = 5
NEVER_WORDS = frozenset({"", "na", "n/a", "#n/a", "nan", "null", "(null)", "<null>", "none", "\\n"})
"""Texts that mean nothing but an empty cell, in a column of texts, too."""

_IDENTIFIER = re.compile(
    r"(^|[^a-z])(id|ids|uid|uuid|identifier|code|key|serial|mac|imei|device|sensor|station|node|host|hostname|server|"
    r"channel|machine|site|zone|tag|individual|animal|vehicle|meter|probe|gateway|bird|patient|location|region|city|"
    r"country|name|species|taxon|type|kind|category|unit)(s?)$|(?-i:[a-z]Id$|ID$)",
    re.IGNORECASE,
)


@dataclass(slots=True)
class Role:
    """What a column becomes.

    Attributes:
        facts: of it.
        role: what.
        why: in words.
        type: of a field; of a tag or a column that is left out, what it would be as one.
        null: its null-like texts are taken for empty cells.
    """

    facts: ColumnFacts
    role: ColumnRole
    why: str
    type: FieldType | None
    null: bool = False


@dataclass(slots=True)
class Roles:
    """All columns.

    Attributes:
        roles: by column.
        null: texts that mean an empty cell, in every column.
        questions: what must be answered first.
        warnings: what one should know.
    """

    roles: dict[str, Role]
    null: tuple[str, ...] = ()
    questions: list[Question] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def of(self, role: ColumnRole) -> list[Role]:
        """Those that become the same, in the order of the header."""
        return [item for item in self.roles.values() if item.role == role]


def choose_roles(facts: Sequence[ColumnFacts], used_as_time: Collection[str], hints: Hints) -> Roles:
    """Decide what each column becomes.

    Args:
        facts: of all columns.
        used_as_time: columns of the time.
        hints: what the user says.
    """
    null, doubtful = _null_texts(facts)
    found = Roles({}, (*hints.null, *sorted(null)))
    tags = {column for spec in hints.tags.values() for column in _columns(spec)}
    fields = {column: spec for spec in hints.fields.values() for column in _columns(spec)}
    for column in facts:
        found.roles[column.name] = role = _role(column, found.null, used_as_time)
        name = column.name
        if name in used_as_time:
            continue
        if name in tags:
            role.role, role.why = "tag", "as given"
        elif name in fields:
            role.role, role.why = "field", "as given"
            role.type = fields[name].get("type") or role.type
        elif hints.fields and (role.role != "tag" or hints.tags):
            role.role, role.why = "left out", "not named by --field"
        elif hints.tags and role.role == "tag":
            role.role, role.why = "field", "not named by --tag"
        if column.is_comma_undecided and "decimal" not in hints.csv and role.role == "field":
            found.questions.append(_about_comma(column))
        found.warnings += _notes(column, doubtful)
    if not found.of("field") and (tag := _least_of_a_tag(found.of("tag"), tags)) is not None:
        tag.role, tag.why = "field", "there is no other column for a field"
    if not found.of("field"):
        found.questions.append(
            Question(
                about="fields",
                text="There is no column for a field: without the time" + (" and the tags" if tags else "")
                + " nothing with values is left.",
                option="--field",
            )
        )  # fmt: skip
    return found


def is_tag_like(role: Role) -> bool:
    """Whether a column could tell series apart, should that be needed: an identifier, or text that is not free."""
    column, kind = role.facts, role.type
    is_of_its_own = column.values.number * 2 > column.filled > FEW_ROWS  # or nearly: in each row
    if is_of_its_own and not (_IDENTIFIER.search(column.name) and column.values.number < column.filled):
        return False
    if column.unusable_as_tag is not None or column.values.number > MOST_TAG_VALUES:
        return False
    if kind == "string":
        return not _is_free_text(column)
    return kind in ("integer", "unsigned") and _IDENTIFIER.search(column.name) is not None


def _columns(spec: Mapping[str, Any]) -> tuple[str, ...]:
    return (spec["column"],) if "column" in spec else ()


def _role(column: ColumnFacts, null: Collection[str], used_as_time: Collection[str]) -> Role:
    if column.name in used_as_time:
        return Role(column, "time", "the time", None)
    if not column.filled:
        only = ", ".join(repr(text) for text in sorted(column.null_like))
        return Role(column, "left out", f"nothing but {only} in it" if only else "empty in every row", None)
    needs_null = column.type != "string" and bool(column.null_like)
    if needs_null and not set(column.null_like) <= set(null):
        texts = ", ".join(repr(text) for text in sorted(set(column.null_like) - set(null)))
        return Role(column, "field", f"{column.type}, but for {texts}: say --null if that is an empty cell", "string")
    role = Role(column, "field", "", column.type, null=needs_null)
    role.role, role.why = _tag_or_field(column, role)
    return role


def _tag_or_field(column: ColumnFacts, role: Role) -> tuple[ColumnRole, str]:
    if role.type in ("float", "boolean"):
        return "field", "measured" if role.type == "float" else "true or false"
    if column.times.are_times:
        return "field", "another time, kept as it is written"
    return _number(column) if role.type != "string" else _text(column)


def _number(column: ColumnFacts) -> tuple[ColumnRole, str]:
    distinct, rows = column.values.number, column.filled
    if _IDENTIFIER.search(column.name) is not None and distinct <= min(max(1, rows // 10), MOST_TAG_VALUES):
        return "tag", f"an identifier, by its name: {distinct:,} different values in {rows:,} rows"
    return "field", "a value of its own in every row" if distinct == rows > 1 else "a number"


def _text(column: ColumnFacts) -> tuple[ColumnRole, str]:
    distinct, rows = column.values.number, column.filled
    counted = f"{'' if column.values.is_exact else 'about '}{distinct:,} different values in {rows:,} rows"
    few = rows // 2 if rows <= SMALL_ROWS else max(SMALL_ROWS // 2, rows // 20)
    if column.unusable_as_tag is not None:
        return "field", "a tag cannot hold all of its texts"
    if _is_free_text(column):
        return "field", "free text"
    if distinct == 1 and rows == column.rows:
        return "tag", f"{_short(column.examples[0])!r} in every row: costs nothing as a tag, and is not lost"
    if distinct == 1:
        return "field", f"{_short(column.examples[0])!r}, or empty"
    return ("field", f"{counted}: too many for a tag") if distinct > min(few, MOST_TAG_VALUES) else ("tag", counted)


def _is_free_text(column: ColumnFacts) -> bool:
    filled = max(1, column.filled)
    return column.text_bytes / filled > LONG_TEXT_BYTES or column.words / filled > MANY_WORDS


def _null_texts(facts: Sequence[ColumnFacts]) -> tuple[set[str], set[str]]:
    """Texts that must mean an empty cell, as a column is of numbers but for them; and such as may mean something."""
    texts = [column for column in facts if column.type == "string"]
    null, doubtful = set(), set()
    for column in facts:
        if not column.filled or column.type == "string":
            continue
        for text in column.null_like:
            within = [other for other in texts if text in other.null_like]
            is_code = any(other.longest_bytes <= 3 for other in within)  # noqa: PLR2004 - NA is a country, too
            if within and (is_code or text.strip().lower() not in NEVER_WORDS):
                doubtful.add(text)
            else:
                null.add(text)
    return null - doubtful, doubtful


def _about_comma(column: ColumnFacts) -> Question:
    example = next((text for text in column.examples if "," in text), column.examples[0])
    return Question(
        about=column.name,
        text=f"{column.name!r}: is the comma a decimal mark? Three digits follow it always, as with thousands.",
        option="--decimal",
        choices=(
            Choice(value=",", meaning=f"{example} is {example.replace(',', '.')}"),
            Choice(value=".", meaning=f"{example} is no number, and is kept as text"),
        ),
    )


def _notes(column: ColumnFacts, doubtful: Collection[str]) -> list[str]:
    notes = []
    texts = sorted(set(column.null_like) & set(doubtful))
    if texts and column.type not in ("string", None):
        notes.append(
            f"{column.name!r} holds {column.type}s but for {', '.join(map(repr, texts))}, which may mean something in "
            "another column: it is kept as text; say --null if it is an empty cell everywhere"
        )
    return notes


def _least_of_a_tag(tags: Sequence[Role], given: Collection[str]) -> Role | None:
    free = [tag for tag in tags if tag.facts.name not in given]
    return max(free, key=lambda tag: tag.facts.values.number, default=None)


def _short(text: str, most: int = 40) -> str:
    return text if len(text) <= most else text[:most] + "…"
