"""What the two passes over the data add up to: questions, warnings, collisions, shard groups.

Goes in: what was counted, chosen and tried. Comes out: records of the inspection.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from importer.bucket.shards import fitting_duration, format_duration
from importer.inspecting.choosing_time import TimeChoice
from importer.inspecting.counting import Counted
from importer.inspecting.dialect import Sniffed
from importer.inspecting.hints import Hints
from importer.inspecting.inspection import KeyCollisions, KeyExample, ShardGroups
from importer.inspecting.records import Choice, Question, TimeCandidate
from importer.inspecting.rows import Rows
from importer.inspecting.trial import Trial
from importer.ledger.windows import Windows
from importer.moments import as_text
from importer.printable import printable

__all__ = [
    "about_columns",
    "about_header",
    "about_no_rows",
    "about_text",
    "as_tried",
    "collisions_of",
    "shard_groups_of",
    "warnings_of",
]


def about_no_rows(name: str) -> Question:
    """What becomes of the columns of a file without rows?"""
    return Question(
        about="rows", text=f"{name!r} has a header and no rows: there is nothing to go by.", option="--mapping"
    )


def about_header(header: Sequence[str], delimiter: str, time: TimeChoice) -> Question:
    """What are the columns called that nobody names?"""
    is_time = time.candidates[0].columns if time.candidates else ()
    names = ["time" if is_time == (cell,) else f"column_{number}" for number, cell in enumerate(header, 1)]
    return Question(
        about="header",
        text="The first line looks like data: what are the columns' names? If it names them after all, give a mapping.",
        option="--header",
        choices=(
            Choice(
                value=delimiter.join(names),
                meaning="for one: the names of the columns, in their order; the first line is a row then",
            ),
        ),
    )


def about_columns(rows: Rows, hints: Hints) -> list[Question]:
    """May columns be left out that cannot be read? Where the user says what the fields are, nobody misses them."""
    (first, columns), *others = rows.headers.items()
    if hints.fields:
        return []
    for name, header in rows.headers.items():
        for column, count in Counter(filter(str.strip, header)).items():
            if count > 1:
                times = "twice" if count == 2 else f"{count} times"  # noqa: PLR2004
                text = f"The header of {name!r} names {column!r} {times}: rename one, or give --header with the names "
                return [Question(about=column, text=text + "and --skip-header 1.", option="--header")]
    for name, header in others:
        for has, lacks, found in ((first, name, set(columns) - set(header)), (name, first, set(header) - set(columns))):
            for column in filter(str.strip, sorted(found)):
                text = f"{lacks!r} has no column {column!r}, which {has!r} has: load them one after the other, or say "
                return [Question(about=column, text=text + "by --field which columns are loaded.", option="--field")]
    return []


def about_text(sniffed: Sniffed, rows: Rows) -> list[str]:
    """What one should know of how the text is read."""
    found = [sniffed.guess] if sniffed.guess else []
    if sniffed.kind == "csv" and sniffed.delimiter == "," and len(rows.header) == 1:
        found.append("there is one column only: if that is wrong, say --delimiter")
    if any(not name.strip() for name in rows.unusable):
        found.append("columns without a name are not read: give them different ones if there is something in them")
    return found


def as_tried(candidate: TimeCandidate, trial: Trial) -> TimeCandidate:
    """The chosen time with the span that the trial found, zones and several columns taken into account."""
    if not candidate.chosen or trial.first_ns is None or trial.last_ns is None:
        return candidate
    span = {"first_ns": trial.first_ns, "last_ns": trial.last_ns}
    return candidate.model_copy(update={**span, "first": as_text(trial.first_ns), "last": as_text(trial.last_ns)})


def warnings_of(trial: Trial, counted: Counted) -> list[str]:
    """What one should know before loading."""
    found = []
    if counted.broken:
        what = "record is no row" if counted.broken == 1 else "records are no rows"
        found.append(f"{counted.broken:,} {what}, and would be rejected: {_first(counted.broken_examples)}")
    if trial.rejects:
        examples = f": {_first(trial.reject_examples)}" if trial.reject_examples else ""
        found.append(f"{trial.rejects:,} row{'s' * (trial.rejects > 1)} would be rejected{examples}")
    lost = trial.duplicates.kinds["overwritten"]
    if lost:
        hint = trial.duplicates.tag_hint
        apart = f"; as a tag, {hint!r} would keep them apart (--tag)" if hint else ""
        found.append(
            f"{lost:,} rows have the tags and the time of an earlier row, and other values: they replace them{apart}"
        )
    return found


def _first(examples: Sequence[str]) -> str:
    return "; ".join(printable(each, 120) for each in examples[:3])


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
