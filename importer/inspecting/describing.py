"""What was found and decided of each column, as the inspection shows it.

Goes in: facts, roles and the trial. Comes out: profiles and candidates.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from importer.annotated.layouts import Column
from importer.inspecting.choosing_roles import Role, Roles
from importer.inspecting.distinct import LONG_TEXT
from importer.inspecting.facts import SENTINELS, ColumnFacts
from importer.inspecting.records import ColumnProfile, ColumnRole, ColumnType, TagCandidate, ValueCount
from importer.inspecting.trial import Trial
from importer.moments import as_text

__all__ = ["annotated_profile", "column_profiles", "tag_candidates"]

_ROLES: dict[str, ColumnRole] = {
    "measurement": "measurement", "time": "time", "tag": "tag", "field": "field", "field_name": "field name",
    "field_value": "field", "ignored": "left out",
}  # fmt: skip
_TYPES: dict[str, ColumnType] = {
    "double": "float", "long": "integer", "unsignedLong": "unsigned", "boolean": "boolean", "duration": "integer",
}  # fmt: skip

MOST_FREQUENT = 10


def column_profiles(
    header: Sequence[str],
    unusable: Mapping[str, str],
    facts: Sequence[ColumnFacts],
    *,
    roles: Roles,
    keys: Mapping[str, str],
    trial: Trial,
) -> tuple[ColumnProfile, ...]:
    """The columns in the order of the header, those that cannot be read at their place too."""
    known = {column.name: column for column in facts}
    profiles = []
    for position, name in enumerate(header):
        if name in known:
            profiles.append(_profile(known[name], roles, key=keys.get(name), trial=trial))
        else:
            profiles.append(_unread(name, position, unusable.get(name, "cannot be read")))
    others = [name for name in unusable if name not in header]
    profiles += [_unread(name, len(header) + number, unusable[name]) for number, name in enumerate(others)]
    return tuple(profiles)


def tag_candidates(roles: Roles) -> tuple[TagCandidate, ...]:
    """Texts and identifiers, those that are tags first."""
    considered = [
        role for role in roles.roles.values() if role.role == "tag" or (role.role == "field" and role.type == "string")
    ]
    return tuple(
        TagCandidate(
            column=role.facts.name,
            distinct=role.facts.values.number,
            distinct_is_exact=role.facts.values.is_exact,
            chosen=role.role == "tag",
            why=role.why,
        )
        for role in sorted(considered, key=lambda role: role.role != "tag")
    )


def annotated_profile(
    facts: ColumnFacts,
    column: Column,
    table: int,
    *,
    ends: tuple[str | None, str | None],
    types: Collection[tuple[str, str]],
    trial: Trial,
) -> ColumnProfile:
    """A column of annotated CSV, of which the annotations say what it becomes.

    Args:
        facts: of its cells.
        column: as it is annotated.
        table: number of its table.
        ends: of the table's times.
        types: that fields have, with their keys.
        trial: of the whole source; of one table among others, an empty one.
    """
    kind = _annotated_type(facts, column, types)
    low, high = _range(facts, kind)
    if kind == "time":
        low, high = ends
    elif kind in {"integer", "unsigned", "float"} and facts.type == "string":
        low, high = None, None  # some cells are no such numbers, and would be rejected
    added = "" if column.name is not None else "by #concat" if column.template is not None else "by #constant"
    return ColumnProfile(
        name=facts.name,
        position=facts.position,
        type=kind,
        role=_ROLES[column.role],
        key=column.label if column.role in {"tag", "field"} else None,
        why=added or ("annotations make nothing of it" if column.role == "ignored" else "as annotated"),
        rows=facts.rows,
        nulls=facts.empty,
        distinct=facts.values.number,
        distinct_is_exact=facts.values.is_exact,
        minimum=low,
        maximum=high,
        examples=tuple(facts.examples),
        frequent=_frequent(facts),
        longest_bytes=facts.longest_bytes,
        histogram=trial.histograms.get(facts.name) if column.role == "field" else None,
        table=table,
        annotation=column.type.name or None,
    )


def _annotated_type(facts: ColumnFacts, column: Column, types: Collection[tuple[str, str]]) -> ColumnType:
    if column.role == "time":
        return "time"
    if not facts.rows - facts.empty:
        return "empty"
    if column.role not in {"field", "field_value"}:
        return "string"
    found = {kind for key, kind in types if key == column.label}
    written: ColumnType = found.pop() if len(found) == 1 else "string"  # type: ignore[assignment]
    return _TYPES.get(column.type.name, "string") if column.type.name else written


def _profile(facts: ColumnFacts, roles: Roles, *, key: str | None, trial: Trial) -> ColumnProfile:
    role = roles.roles[facts.name]
    kind = _type(facts, role)
    null_like = sum(facts.null_like[text] for text in facts.null_like if text in roles.null)
    low, high = _range(facts, kind)
    found = [ValueCount(value=text, rows=count) for text, count in facts.null_like.most_common()]
    found += _sentinels(facts, kind)
    return ColumnProfile(
        name=facts.name,
        position=facts.position,
        type=kind,
        role=role.role,
        key=key,
        why=role.why,
        rows=facts.rows,
        nulls=facts.empty + null_like,
        null_like=tuple(found),
        distinct=facts.values.number,
        distinct_is_exact=facts.values.is_exact,
        minimum=low,
        maximum=high,
        examples=tuple(facts.examples),
        frequent=_frequent(facts),
        longest_bytes=facts.longest_bytes,
        histogram=trial.histograms.get(facts.name),
        # Of numbers with a decimal comma, those with a point are refused, which are of the same type.
        refused=tuple(each for each in (*facts.refused.values(), *facts.times.refused.values()) if each.type != kind),
    )


def _type(facts: ColumnFacts, role: Role) -> ColumnType:
    if not facts.filled:
        return "empty"
    if role.role == "time" or facts.times.are_times:
        return "time"
    return role.type or facts.type or "empty"


def _range(facts: ColumnFacts, kind: ColumnType) -> tuple[str | None, str | None]:
    chosen = facts.times.chosen
    if kind == "time" and chosen is not None and chosen.first <= chosen.last:
        return as_text(chosen.first), as_text(chosen.last)
    if facts.low is not None and facts.high is not None and facts.type not in ("string", "boolean", None):
        return facts.low[1], facts.high[1]
    return facts.least, facts.most


def _frequent(facts: ColumnFacts) -> tuple[ValueCount, ...]:
    counts = facts.values.counts
    if not counts or len(counts) == facts.filled:
        return ()
    best = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MOST_FREQUENT]
    return tuple(ValueCount(value=text[:LONG_TEXT], rows=count) for text, count in best)


def _sentinels(facts: ColumnFacts, kind: ColumnType) -> list[ValueCount]:
    """Numbers at either end that occur often and look as if they meant that there is none."""
    if kind not in ("integer", "float", "unsigned"):
        return []
    ends = {item[1]: item[0] for item in (facts.low, facts.high) if item is not None}
    return [
        ValueCount(value=text, rows=facts.values.counts[text])
        for text, number in ends.items()
        if number in SENTINELS and facts.values.counts.get(text, 0) > 1 and facts.values.number > 2  # noqa: PLR2004
    ]


def _unread(name: str, position: int, why: str) -> ColumnProfile:
    return ColumnProfile(
        name=name, position=position, type="not read", role="left out", key=None, why=why, rows=0, nulls=0, distinct=0
    )
