"""Close the accounts: what the ledger, the duplicates and the server said, as one report."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Protocol

from importer.ledger.budget import RejectBudget
from importer.ledger.duplicates import Duplicates
from importer.ledger.expectation import FieldName
from importer.ledger.ledger import Ledger
from importer.ledger.report import (
    BuildingReport,
    FieldReport,
    LoadPhase,
    Report,
    ServerReport,
    ShardGroupReport,
    SourceReport,
    Status,
    TimeRange,
    WritingReport,
)

__all__ = ["Closing", "warn_of_duplicates"]


class _ReadSource(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def stored_bytes(self) -> int: ...
    @property
    def sha256(self) -> str: ...


class Closing:
    """Gathers what the report needs as it becomes known.

    Args:
        load_id: of the load.
        bucket: the target; None in a dry run.

    Attributes:
        load_id: of the load.
        ledger: the accounts.
        duplicates: what was found.
        stored: values of each field on the server; None as long as it was not asked.
        server: its address and version.
        shard_group: of the bucket: its seconds, and how they were found.
        way: tells how the load fills the bucket; None before it does.
        warnings: what a person should know.
        are_points_sent: whether the points that were taken are on the server.
        not_in_bulk: why the load writes lines, where that was left to it.
    """

    def __init__(self, load_id: str, bucket: str | None) -> None:
        self.load_id = load_id
        self._bucket = bucket
        self._started = time.monotonic()
        self._phases: Counter[LoadPhase] = Counter()
        self._phase: tuple[LoadPhase, float] | None = None
        self.ledger: Ledger | None = None
        self.duplicates = Duplicates()
        self.stored: Counter[FieldName] | None = None
        self.server: tuple[str, str] | None = None
        self.shard_group: tuple[int, str] | None = None
        self.way: Callable[[], WritingReport | BuildingReport] | None = None
        self.warnings: list[str] = []
        self.are_points_sent = True
        self.not_in_bulk: str | None = None

    @property
    def elapsed_seconds(self) -> float:
        """Since the load began; the time between two runs of it does not count."""
        return time.monotonic() - self._started

    @property
    def status(self) -> Status:
        """How the load ended, if it ended well: whether the server was asked for all of it."""
        return "unverified" if self.stored is None else "verified"

    def go_on(self, load_id: str, elapsed_seconds: float) -> None:
        """Take up the load of an earlier run, which took so long."""
        self.load_id = load_id
        self._started -= elapsed_seconds

    @contextmanager
    def phase(self, name: LoadPhase) -> Iterator[None]:
        """Time a phase; it may come in several parts."""
        self._phase = name, time.monotonic()
        try:
            yield
        finally:
            self._phases, self._phase = self._seconds_by_phase(), None

    def _seconds_by_phase(self) -> Counter[LoadPhase]:
        """Up to now, also in the midst of a phase."""
        seconds = self._phases.copy()
        if self._phase is not None:
            name, began = self._phase
            seconds[name] += time.monotonic() - began  # type: ignore[assignment]
        return seconds

    def report(self, status: Status, sources: Sequence[_ReadSource], *, error: str | None = None) -> Report:
        """The report as of now.

        Args:
            status: how the load ended.
            sources: what was read.
            error: why it failed.
        """
        elapsed = self.elapsed_seconds
        ledger = self.ledger
        counts = ledger.counts if ledger else None
        way = self.way() if self.way else None
        written = counts.points_acknowledged - self.duplicates.total if counts and self.are_points_sent else 0
        kinds = {kind: self.duplicates.kinds[kind] for kind in ("identical", "merged", "overwritten")}
        return Report(
            load_id=self.load_id,
            status=status,
            bucket=self._bucket,
            sources=[SourceReport(path=item.name, bytes=item.stored_bytes, sha256=item.sha256) for item in sources],
            rows_read=counts.rows_read if counts else 0,
            rows_mapped=counts.rows_mapped if counts else 0,
            rejected=counts.rejected if counts else 0,
            skipped=dict(sorted(ledger.skipped.items())) if ledger else {},
            points_emitted=counts.points_emitted if counts else 0,
            points_written=written if self._bucket else 0,
            points_rejected=counts.points_rejected if counts else 0,
            duplicates=self.duplicates.total,
            duplicate_kinds=kinds,
            bytes_read=counts.bytes_read if counts else 0,
            elapsed_seconds=round(elapsed, 3),
            rows_per_second=round(counts.rows_read / elapsed, 1) if counts and elapsed else 0.0,
            phases={name: round(seconds, 3) for name, seconds in self._seconds_by_phase().items()},
            retries=counts.retries if counts else 0,
            series=len(ledger.series) if ledger else 0,
            time_range=_time_range(ledger),
            shard_group=ShardGroupReport(seconds=self.shard_group[0], how=self.shard_group[1])
            if self.shard_group
            else None,
            writing=way if isinstance(way, WritingReport) else None,
            building=way if isinstance(way, BuildingReport) else None,
            not_in_bulk=self.not_in_bulk,
            fields=self._fields(),
            warnings=list(self.warnings),
            rejects_file=str(ledger.rejects.path) if ledger and ledger.rejects.lines else None,
            server=ServerReport(url=self.server[0], version=self.server[1]) if self.server else None,
            error=error,
        )

    def over_budget(self, budget: RejectBudget, *, appends: bool) -> str:
        """The message of a load that had too many rejects."""
        ledger = self.ledger
        if ledger is None or ledger.first_reject is None:
            return "too many rejects"
        first = ledger.first_reject
        left = "what was appended before stays" if appends else "the bucket was left as it was"
        column = f", column {first.column!r}" if first.column else ""
        return (
            f"{ledger.rejects_so_far:,} rejected where {budget} are allowed; the first: {first.source}, line "
            f"{first.line:,}{column}: {first.error_message}; all that were found are in {str(ledger.rejects.path)!r}; "
            f"{left}: mend the rows, or allow some by --max-rejects"
        )

    def _fields(self) -> list[FieldReport]:
        if self.ledger is None or self._bucket is None:
            return []
        expectation = self.ledger.expectation
        return [
            FieldReport(
                measurement=name[0],
                field=name[1],
                type=kind,
                expected=expectation.total(name),
                stored=None if self.stored is None else self.stored[name],
            )
            for name, kind in sorted(expectation.types.items())
        ]


def warn_of_duplicates(found: Duplicates, warnings: list[str]) -> None:
    """Say that values were lost, which, and what would keep them."""
    lost = found.kinds["overwritten"]
    if not lost:
        return
    shown = "; ".join(
        f"{item.series} at {rfc3339(item.time_ns)}: {item.field} {item.lost} became {item.kept}"
        for item in found.examples
    )
    way_out = (
        f"Column {found.tag_hint!r} takes few values and tells these points apart: make it a tag"
        if found.tag_hint
        else "A tag that tells these points apart would keep them; no mapped column does so with few values"
    )
    warnings.append(
        f"{lost:,} points overwrote an earlier one with the same measurement, tags and time. "
        f"{way_out}. Such as: {shown}"
    )


def rfc3339(ns: int) -> str:
    """Nanoseconds since 1970 as RFC 3339 text, exactly."""
    seconds, fraction = divmod(ns, 10**9)
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{fraction:09}Z"


def _time_range(ledger: Ledger | None) -> TimeRange | None:
    if ledger is None or ledger.expectation.first_ns is None or ledger.expectation.last_ns is None:
        return None
    return TimeRange(start=rfc3339(ledger.expectation.first_ns), stop=rfc3339(ledger.expectation.last_ns))
