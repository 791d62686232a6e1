"""The first pass over the rows: what each column holds.

Goes in: rows, and what the user says. Comes out: :class:`Counted`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from importer.inspecting.distinct import DistinctValues
from importer.inspecting.facts import ColumnFacts
from importer.inspecting.hints import Hints
from importer.inspecting.rows import Lines, Rows, rows_in
from importer.inspecting.time_facts import TimeFacts
from importer.records import Table

__all__ = ["Counted", "count", "remembered"]

MOST_VALUES = 20_000
MOST_VALUES_IN_ALL = 400_000
"""That are remembered of a column, and of all of them."""

BROKEN_EXAMPLES = 5


@dataclass(slots=True)
class Counted:
    """What the first pass found.

    Attributes:
        facts: of the columns that can be read.
        rows: read, those that are at fault included.
        blank: blank lines.
        broken: records that are no rows.
        broken_examples: the first, in words.
        second: the first row: the second line, most often.
    """

    facts: list[ColumnFacts] = field(default_factory=list)
    rows: int = 0
    blank: int = 0
    broken: int = 0
    broken_examples: list[str] = field(default_factory=list)
    second: tuple[str, ...] = ()

    def take(self, table: Table) -> None:
        """Count a table's rows."""
        broken = len({fault.record for fault in table.faults})
        self.rows += rows_in(table) + broken
        self.blank += table.blank
        self.broken += broken
        for fault in table.faults[: BROKEN_EXAMPLES - len(self.broken_examples)]:
            self.broken_examples.append(f"{fault.column}: {fault.message}" if fault.column else fault.message)


def remembered(columns: int) -> int:
    """How many different values are remembered of each of so many columns."""
    return max(100, min(MOST_VALUES, MOST_VALUES_IN_ALL // max(1, columns)))


def count(rows: Rows, hints: Hints) -> Counted:
    """Look at every cell.

    Args:
        rows: that are not annotated.
        hints: what the user says.

    Raises:
        SourceError: a source cannot be read.
        LoadInterruptedError: it was told to stop.
    """
    most = remembered(len(rows.columns))
    positions = {name: position for position, name in enumerate(rows.header)}
    counted = Counted(
        [
            ColumnFacts(name, positions[name], DistinctValues(most), TimeFacts(given=hints.time_format))
            for name in rows.columns
        ]
    )
    if hints.csv.get("decimal") == ".":
        for facts in counted.facts:
            facts.open.discard("comma float")
    null = list(hints.null)
    for table in rows.tables("reading the columns"):
        counted.take(table)
        if not counted.second and table.frame.height:
            counted.second = tuple(table.frame[name][0] or "" for name in rows.columns)
        lines = Lines(table)
        for facts in counted.facts:
            text = table.frame[facts.name]
            if null:
                text = text.set(text.is_in(null).fill_null(value=False), None)
            facts.add(text, lines)
    for facts in counted.facts:
        facts.times.are_all = rows.is_whole
    return counted
