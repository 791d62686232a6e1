"""The ledger: adds up what became of every row and every point.

It hears of each block twice: when it was mapped and encoded, and when its points were written or not. What it knows
of an acknowledged block goes into the journal, so that another run can go on from there.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field

import polars as pl

from importer.encoding.series import SeriesIndex
from importer.errors import LoadError
from importer.journal import BlockEntry, Journal, block_sha256
from importer.ledger.budget import RejectBudget
from importer.ledger.expectation import Expectation
from importer.ledger.rejects import RejectsFile
from importer.ledger.spool import Spool
from importer.records import Block, Fault, Lines, Outcome, PointBatch, Reject, SkipReason

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

    def add(self, other: dict[str, int]) -> None:
        """Add counts, by their names."""
        for name, count in other.items():
            setattr(self, name, getattr(self, name) + count)


@dataclass(slots=True)
class _Pending:
    """What a block adds to the accounts, until its points are written."""

    sha256: str
    begins_source: str
    counts: Counts
    skipped: dict[SkipReason, int]
    rejects: list[Reject] = field(default_factory=list)


class Ledger:
    """Keeps the accounts of one load. Blocks may be noted from several threads.

    Args:
        expectation: is told what must be on the server.
        spool: keeps acknowledged points; None where nothing is written.
        series: the load's series.
        locate: turns positions in a block into places in the user's file.
        rejects: the file of rejects.
        budget: how many there may be.
        journal: is told of each acknowledged block; None where nothing is resumed.

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
        journal: Journal | None = None,
    ) -> None:
        self.expectation = expectation
        self.spool = spool
        self.series = series
        self._locate = locate
        self.rejects = rejects
        self.budget = budget
        self.journal = journal
        self.counts = Counts()
        self.skipped: Counter[str] = Counter()
        self.first_reject: Reject | None = None
        self._begun: set[str] = set()
        self._pending: dict[int, _Pending] = {}
        self._was_over_budget = False
        self._lock = threading.Lock()

    def note_mapped(self, batch: PointBatch, lines: Lines) -> None:
        """Account for a block's rows.

        Raises:
            SpoolError: a reject cannot be recorded.
        """
        block = batch.block
        found = self._locate(block, (*batch.faults, *lines.faults))
        begins = "" if block.source in self._begun else block.source
        counts = Counts(
            rows_read=block.rows,
            rows_mapped=lines.rows_mapped,
            rejected=batch.rows_faulty + batch.rows_mapped - lines.rows_mapped,
            points_emitted=lines.points,
            empty_points=batch.empty_points,
            bytes_read=len(block.data) + (block.byte_offset if begins else 0),  # with the header
        )
        pending = _Pending(block_sha256(block) if self.journal else "", begins, counts, dict(batch.skipped), found)
        with self._lock:
            self._begun.add(block.source)
            self._pending[block.number] = pending
            self.counts.add(asdict(counts))
            self.skipped.update(batch.skipped)
            self._record(found)

    def note_outcome(self, outcome: Outcome) -> None:
        """Account for a block's points.

        Raises:
            SpoolError: a reject or the acknowledged points cannot be kept.
        """
        lines = outcome.lines
        with self._lock:
            pending = self._pending.pop(lines.block.number)
            self.counts.retries += outcome.retries
            if not outcome.written:
                return
            kept, refused = lines.frame.drop("line", strict=False), []
            if outcome.refusals:
                refused = self._locate(lines.block, _faults(outcome))
                self._record(refused)
                lost = pl.Series([*(refusal.row for refusal in outcome.refusals), *outcome.unsent], dtype=pl.UInt32)
                kept = kept.with_row_index("row").filter(~pl.col("row").is_in(lost.implode())).drop("row")
            self.counts.points_rejected += len(outcome.refusals)
            acknowledged = lines.points - lines.frame.height + kept.height
            self.counts.points_acknowledged += acknowledged
            self.expectation.add(kept, lines.fields, self.series.measurements)
            if lines.elsewhere is not None:
                self.expectation.add_counted(lines.elsewhere)
            spooled = self.spool.append(lines.block.number, kept, lines.fields) if self.spool is not None else None
            if self.journal is not None and not outcome.unsent:
                counts = pending.counts
                counts.add({"retries": outcome.retries, "points_rejected": len(outcome.refusals)})
                counts.points_acknowledged = acknowledged
                self.journal.acknowledge(
                    lines.block.number,
                    pending.sha256,
                    begins_source=pending.begins_source,
                    counts=asdict(counts),
                    skipped=pending.skipped,
                    rejects=(*pending.rejects, *refused),
                    spooled=spooled,
                )

    def restore(self, blocks: Iterable[BlockEntry], rejects: Iterable[Iterable[Reject]]) -> None:
        """Go on with the accounts of an earlier run; the series and the spool's files are restored already.

        Args:
            blocks: that were acknowledged.
            rejects: of these, block by block.

        Raises:
            SpoolError: a reject cannot be recorded.
        """
        for entry in blocks:
            self.counts.add(entry.counts)
            self.skipped.update(entry.skipped)
            if entry.begins_source:
                self._begun.add(entry.begins_source)
            if self.spool is not None and entry.spooled is not None:
                points = self.spool.points(entry.number)
                fields = [item for item in self.spool.fields if item.column in points.columns]
                self.expectation.add(points, fields, self.series.measurements)
        for found in rejects:
            self._record(list(found))

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
