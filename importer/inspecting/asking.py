"""Questions and decisions in words.

Goes in: an inspection. Comes out: the text that refuses a load whose questions are open, and the lines that say what a
load without a mapping has decided.
"""

from __future__ import annotations

from collections.abc import Iterable

from importer.inspecting.inspection import Inspection
from importer.inspecting.next_steps import shell_line
from importer.inspecting.records import ColumnProfile, Question
from importer.printable import printable

__all__ = ["decisions", "shown_questions"]


def shown_questions(inspection: Inspection) -> str:
    """What must be answered, with the options that do."""
    return "the data does not say all that a mapping needs: " + " ".join(map(_shown, inspection.questions))


def decisions(inspection: Inspection) -> list[str]:
    """What was decided, a line each: time, tags, fields, what is left out, how the text is read."""
    lines = []
    dialect, mapping, time = inspection.dialect, inspection.mapping, inspection.time
    if mapping is not None and time is not None:
        zone = "" if time.has_offset else f", {time.timezone}"
        lines.append(f"time: {' + '.join(time.columns)} ({time.format}{zone}): {time.why}")
        by_role = {
            role: [column for column in inspection.columns if column.role == role]
            for role in ("tag", "field", "left out")
        }
        lines.append("tags: " + _listed(column.key or column.name for column in by_role["tag"]))
        lines.append(
            "fields: "
            + _listed(
                f"{column.key} ({mapping.fields[column.key or ''].type})"
                for column in by_role["field"]
                if column.key in mapping.fields
            )
        )
        if by_role["left out"]:
            lines.append("left out: " + _listed(_left(column) for column in by_role["left out"]))
        lines.append(f"measurement: {mapping.measurement.value}")
    unusual = [f"delimiter {dialect.delimiter!r}"] if dialect.delimiter not in (",", None) else []
    unusual += [f"encoding {dialect.encoding}"] if dialect.encoding not in ("utf-8", None) else []
    unusual += ["decimal comma"] if dialect.decimal == "," else []
    if mapping is not None and mapping.csv.null:
        unusual.append("empty cells: " + ", ".join(map(repr, mapping.csv.null)))
    if unusual:
        lines.append("text: " + "; ".join(unusual))
    return [printable(line, None) for line in lines]


def _left(column: ColumnProfile) -> str:
    return f"{column.name} ({column.why})"


def _listed(names: Iterable[str], most: int = 30) -> str:
    found = list(names)
    shown = ", ".join(found[:most]) or "none"
    return shown if len(found) <= most else f"{shown}, … ({len(found)} in all)"


def _shown(question: Question) -> str:
    choices = [f"{shell_line([question.option, item.value])} ({item.meaning})" for item in question.choices]
    if not choices and question.option in question.text:
        return question.text
    answer = f"Say {' or '.join(choices)}" if choices else f"Say it by {question.option}"
    return f"{question.text} {answer}."
