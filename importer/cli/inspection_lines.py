"""What an inspection proposes, and what it finds odd, as lines for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from importer.inspecting.inspection import Inspection, KeyCollisions
from importer.inspecting.records import ColumnProfile
from importer.printable import printable

__all__ = ["notes", "proposal"]

_MOST_NOTES = 10


def proposal(found: Inspection) -> Iterator[str]:
    """What becomes of the columns, and what that makes of the rows; spaces in front of what belongs to a line above."""
    by_role: dict[str, list[ColumnProfile]] = {}
    for column in found.columns:
        by_role.setdefault(column.role, []).append(column)
    if found.mapping is not None:
        yield "proposed mapping"
        yield f"  measurement: {found.mapping.measurement.value}"
    else:
        yield "what the annotations make of it, without a mapping"
        yield f"  measurements: {_listed(_examples(by_role.get('measurement', ())))}"
    yield f"  tags: {_listed(each.key or each.name for each in by_role.get('tag', ()))}"
    fields = [each.key for each in by_role.get("field", ()) if each.key]
    yield f"  fields: {_listed([*fields, *_examples(by_role.get('field name', ()))])}"
    if found.mapping is None and "left out" in by_role:
        yield f"  left out: {_listed(each.name for each in by_role['left out'] if each.name)}"
    else:
        for each in by_role.get("left out", ()):
            yield f"  left out: {printable(each.name, 60)}: {each.why}"
    if found.series is not None:
        yield f"  series: {found.series:,}"
    if found.shard_groups is not None:
        groups = found.shard_groups
        yield f"  shard groups: {groups.groups:,} of {groups.duration}"
    if found.collisions is not None:
        yield from _collisions(found.collisions)


def _collisions(clash: KeyCollisions) -> Iterator[str]:
    yield f"  rows with the key of an earlier row: {clash.total:,}" + (
        f" (identical {clash.identical:,}, merged {clash.merged:,}, overwriting {clash.overwritten:,})"
        if clash.total
        else ""
    )
    for example in clash.examples[:3]:
        yield (
            f"    {printable(example.series, 60)} at {example.time}: {printable(example.field)} would be "
            f"{printable(example.kept)}, and {printable(example.lost)} lost"
        )
    if clash.tag_hint:
        yield f"    as a tag, {clash.tag_hint!r} would keep them apart"


def _examples(columns: Sequence[ColumnProfile]) -> Iterator[str]:
    """Values that are names; those that are no examples leave an ellipsis."""
    yield from (name for each in columns for name in each.examples)
    if any(each.distinct > len(each.examples) for each in columns):
        yield "…"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(printable(name, 60) for name in dict.fromkeys(names)) or "none"


def notes(found: Inspection) -> Iterator[str]:
    """What is odd in the cells."""
    found_notes = [
        f"{printable(each.name)} is no number because of {printable(refused.example)!r} in line {refused.line:,}"
        for each in found.columns
        for refused in each.refused
        if each.type == "string" and refused.type == "float" and refused.line and _begins_like_numbers(each)
    ]
    found_notes += [
        f"{printable(each.name)} may be empty where it says "
        + ", ".join(f"{printable(null.value)!r} ({null.rows:,} rows)" for null in each.null_like)
        for each in found.columns
        if each.null_like
    ]
    yield from found_notes[:_MOST_NOTES]
    if len(found_notes) > _MOST_NOTES:
        yield f"… and {len(found_notes) - _MOST_NOTES:,} such notes more, all of them in --json"


def _begins_like_numbers(column: ColumnProfile) -> bool:
    """Then what is none further down may be a slip, or mean an empty cell; else it is a text anyway."""
    try:
        float(column.examples[0])
    except (IndexError, ValueError):
        return False
    return True
