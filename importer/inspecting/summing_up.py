"""What the two passes over the data add up to: questions, warnings, collisions, shard groups.

Goes in: what was counted, chosen and tried. Comes out: records of the inspection.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from importer.bucket.shards import fitting_duration, format_duration
from importer.inspecting.choosing_roles import Roles
from importer.inspecting.choosing_time import TimeChoice
from importer.inspecting.facts import ColumnFacts
from importer.inspecting.records import Choice, KeyCollisions, KeyExample, Question, ShardGroups, TimeCandidate
from importer.inspecting.time_facts import as_text
from importer.inspecting.trial import Trial
from importer.ledger.windows import Windows

__all__ = ["Counted", "as_tried", "collisions_of", "questions_of", "said", "shard_groups_of", "warnings_of"]


@dataclass(slots=True)
class Counted:
    """What the first pass found."""

    facts: list[ColumnFacts]
    rows: int = 0
    blank: int = 0
    broken: int = 0
    broken_examples: list[str] = field(default_factory=list)
    second: tuple[str, ...] = ()


def questions_of(time: TimeChoice, roles: Roles, *, header: bool, rows: int, name: str) -> list[Question]:
    """What must be answered before the data can be loaded."""
    if not rows:
        return [Question(about="rows", text=f"{name!r} has a header and no rows: there is nothing to go by.",
                         option="--mapping")]  # fmt: skip
    found = [*time.questions, *roles.questions]
    if not header:
        names = Choice(
            value="time,a,b", meaning="the names of the columns, in their order; the first line is a row then"
        )
        return [
            Question(
                about="header",
                text="The first line looks like data: what are the columns' names? If it names them after all, "
                "give a mapping.",
                option="--header",
                choices=(names,),
            )
        ]
    return found


def as_tried(candidate: TimeCandidate, trial: Trial) -> TimeCandidate:
    """The chosen time with the span that the trial found, zones and several columns taken into account."""
    if not candidate.chosen or trial.first_ns is None or trial.last_ns is None:
        return candidate
    span = {"first_ns": trial.first_ns, "last_ns": trial.last_ns}
    return candidate.model_copy(update={**span, "first": as_text(trial.first_ns), "last": as_text(trial.last_ns)})


def said(column: str, message: str) -> str:
    """A fault in words."""
    return f"{column}: {message}" if column else message


def warnings_of(trial: Trial, counted: Counted) -> list[str]:
    """What one should know before loading."""
    found = []
    if counted.broken:
        found.append(f"{counted.broken:,} records are no rows, and would be rejected: {counted.broken_examples[0]}")
    if trial.rejects:
        example = f": {trial.reject_examples[0]}" if trial.reject_examples else ""
        found.append(f"{trial.rejects:,} rows would be rejected{example}")
    lost = trial.duplicates.kinds["overwritten"]
    if lost:
        hint = trial.duplicates.tag_hint
        apart = f"; as a tag, {hint!r} would keep them apart (--tag)" if hint else ""
        found.append(
            f"{lost:,} rows have the tags and the time of an earlier row, and other values: they replace them{apart}"
        )
    return found


def collisions_of(trial: Trial) -> KeyCollisions:
    """Rows that share a key."""
    kinds, overwritten = trial.duplicates.kinds, trial.duplicates.kinds["overwritten"]
    return KeyCollisions(
        total=trial.duplicates.total,
        identical=kinds["identical"],
        merged=kinds["merged"],
        overwritten=overwritten,
        examples=tuple(
            KeyExample(series=lost.series, time=as_text(lost.time_ns), field=lost.field, lost=lost.lost, kept=lost.kept)
            for lost in trial.duplicates.examples
        ),
        tag_hint=trial.duplicates.tag_hint if overwritten else None,
    )


def shard_groups_of(trial: Trial) -> ShardGroups | None:
    """What the server will need."""
    if trial.first_ns is None or trial.last_ns is None:
        return None
    seconds = fitting_duration((trial.last_ns - trial.first_ns) / 1e9)
    windows = Windows(seconds * 10**9)
    groups = windows.number_of(trial.last_ns) - windows.number_of(trial.first_ns) + 1
    return ShardGroups(duration_seconds=seconds, duration=format_duration(seconds), groups=groups)
