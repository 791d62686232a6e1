"""Which jobs are forgotten."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from importer.jobs.job import ENDED, Record

__all__ = ["outdated"]

MOST_KEPT = 1_000
KEPT_DAYS = 30


def outdated(records: Iterable[Record], *, most: int = MOST_KEPT, days: int = KEPT_DAYS) -> list[str]:
    """The ids of jobs that ended long ago, or before many others.

    Args:
        records: all of them.
        most: that have ended are kept.
        days: they are kept.
    """
    ended = sorted(
        (record for record in records if record.state in ENDED), key=lambda record: record.ended or "", reverse=True
    )
    oldest = (datetime.now(UTC) - timedelta(days=days)).isoformat()
    return [record.id for place, record in enumerate(ended) if place >= most or (record.ended or "") < oldest]
