"""The ledger: adds up what became of every row and every point.

It hears of each block twice: when it was mapped and encoded, and when its points were written or not.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from importer.encoding.series import SeriesIndex
from importer.errors import LoadError
from importer.ledger.budget import RejectBudget
from importer.ledger.expectation import Expectation
from importer.ledger.rejects import RejectsFile
from importer.ledger.spool import Spool
from importer.records import Block, Fault, Lines, Outcome, PointBatch, Reject

__all__ = ["Counts", "Ledger"]

SHOWN_REJECTS = 1_000
"""Over budget, reading goes on until there are so many rejects, so that one run shows them."""


@dataclass(slots=True)
class Counts:
    """Running totals; the names are the report's."""

    rows_read: int = 0
    rows_mapped: int = 0
    rejected: int = 0
    points_emitted: int = 0
    empty_points: int = 0
    points_acknowledged: int = 0
    points_rejected: int = 0
    bytes_read: int = 0
    retries: int = 0


class Ledger:
    """Keeps the accounts of one load. Blocks may be noted from several threads.

    Args:
        expectation: is told what must be on the server.
        spool: keeps acknowledged points; None where nothing is written.
        series: the load's series.
        locate: turns positions in a block into places in the user's file.
        rejects: the file of rejects.
        budget: how many there may be.

    Attributes:
        counts: totals so far.
        skipped: rows without point or fault, by reason.
        first_reject: for the message.
    """

    def __init__(
        self,
        *,
        expectation: Expectation,
        spool: Spool | None,
        series: SeriesIndex,
        locate: Callable[[Block, tuple[Fault, ...]], list[Reject]],
        rejects: RejectsFile,
        budget: RejectBudget,
    ) -> None:
        self.expectation = expectation
        self.spool = spool
        self.series = series
        self._locate = locate
        self.rejects = rejects
        self.budget = budget
        self.counts = Counts()
        self.skipped: Counter[str] = Counter()
        self.first_reject: Reject | None = None
        self._begun: set[str] = set()
        self._was_over_budget = False
        self._lock = threading.Lock()

    def note_mapped(self, batch: PointBatch, lines: Lines) -> None:
        """Account for a block's rows.

        Raises:
            SpoolError: a reject cannot be recorded.
        """
        found = self._locate(batch.block, (*batch.faults, *lines.faults))
        with self._lock:
            counts = self.counts
            counts.rows_read += batch.block.records
            if batch.block.source not in self._begun:
                self._begun.add(batch.block.source)
                counts.bytes_read += batch.block.byte_offset  # the header
            counts.bytes_read += len(batch.block.data)
            counts.rows_mapped += lines.rows_mapped
            counts.rejected += batch.rows_faulty + batch.rows_mapped - lines.rows_mapped
            counts.points_emitted += lines.frame.height
            counts.empty_points += batch.empty_points
            self.skipped.update(batch.skipped)
            self._record(found)

    def note_outcome(self, outcome: Outcome) -> None:
        """Account for a block's points.

        Raises:
            SpoolError: a reject or the acknowledged points cannot be kept.
        """
        lines = outcome.lines
        with self._lock:
            self.counts.retries += outcome.retries
            if not outcome.written:
                return
            kept = lines.frame.drop("line")
            if outcome.refusals:
                self._record(self._locate(lines.block, _faults(outcome)))
                lost = pl.Series([*(refusal.row for refusal in outcome.refusals), *outcome.unsent], dtype=pl.UInt32)
                kept = kept.with_row_index("row").filter(~pl.col("row").is_in(lost.implode())).drop("row")
            self.counts.points_rejected += len(outcome.refusals)
            self.counts.points_acknowledged += kept.height
            self.expectation.add(kept, lines.fields, self.series.measurements)
            if self.spool is not None:
                self.spool.append(lines.block.number, kept, lines.fields)

    @property
    def rejects_so_far(self) -> int:
        """Rows and points rejected."""
        return self.counts.rejected + self.counts.points_rejected

    def is_over_budget(self, *, at_end: bool = False) -> bool:
        """Whether there were, at any time, more rejects than the budget allows.

        Once writing has stopped, no number of good rows makes a percentage right again.
        """
        if self.budget.is_exceeded(self.rejects_so_far, self.counts.rows_read, at_end=at_end):
            self._was_over_budget = True
        return self._was_over_budget

    def check(self) -> None:
        """Look whether every row and every point is accounted for, at the end of the flow.

        Raises:
            LoadError: it is not; a defect of the importer, never to be passed over.
        """
        counts = self.counts
        rows = counts.rows_mapped + counts.rejected + self.skipped.total()
        points = counts.points_acknowledged + counts.points_rejected
        if (rows, points) != (counts.rows_read, counts.points_emitted):
            raise LoadError(
                f"the accounts do not add up: {counts.rows_read:,} rows read, {rows:,} accounted for; "
                f"{counts.points_emitted:,} points emitted, {points:,} accounted for"
            )

    def has_shown_enough(self) -> bool:
        """Whether reading on would show nothing new: over budget, and many rejects recorded."""
        return self.rejects_so_far >= SHOWN_REJECTS and self.is_over_budget()

    def _record(self, rejects: list[Reject]) -> None:
        if rejects:
            self.rejects.write(rejects)
            if self.first_reject is None:
                self.first_reject = rejects[0]


def _faults(outcome: Outcome) -> tuple[Fault, ...]:
    records = outcome.lines.frame["record"]
    return tuple(Fault(records[refusal.row], refusal.column, "server", refusal.message) for refusal in outcome.refusals)
