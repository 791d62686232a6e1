"""Take the points of blocks for storage files, which are built when all are there.

Goes in: :class:`~importer.records.Lines` without lines. Comes out: an :class:`~importer.records.Outcome`, as the server
would give it: storage files go past its own checks, so that they are made here.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import polars as pl

from importer.ledger.windows import Windows
from importer.limits import MAX_STRING_BYTES, TOO_OLD
from importer.moments import as_text
from importer.records import Lines, Outcome, Refusal

__all__ = ["RunBounds", "RunSink", "refusals_of"]


class RunBounds:
    """How much is in flight: one block is being mapped while others are brought to the disk."""

    blocks = 4
    most_writers = 2

    def are_enough(self, rows: Sequence[int], sizes: Sequence[int]) -> bool:
        """Blocks are taken one by one."""
        del rows, sizes
        return True


class RunSink:
    """Refuses the points that the server would refuse.

    Args:
        retention_seconds: of the bucket; 0 for ever.
        windows: of its shard groups.
    """

    def __init__(self, retention_seconds: int, windows: Windows) -> None:
        self._retention_ns = retention_seconds * 10**9
        self._windows = windows

    def together(self, batch: Sequence[Lines]) -> list[Outcome]:
        """What becomes of each block."""
        return [self._taken(lines) for lines in batch]

    def _taken(self, lines: Lines) -> Outcome:
        return Outcome(lines, refusals_of(lines, self.oldest_ns), 0)

    @property
    def oldest_ns(self) -> int | None:
        """What is older is refused now; None: nothing is.

        The server keeps a shard group as long as a part of it is young enough, and takes older points into it.
        """
        if not self._retention_ns:
            return None
        oldest = self._windows.number_of(time.time_ns() - self._retention_ns)
        return self._windows.bounds(oldest)[0]


def refusals_of(lines: Lines, oldest_ns: int | None) -> tuple[Refusal, ...]:
    """The points that the server would refuse.

    Args:
        lines: the points.
        oldest_ns: what is older is refused.
    """
    found = {refusal.row: refusal for refusal in (*_too_long(lines), *_too_old(lines, oldest_ns))}
    return tuple(found[row] for row in sorted(found))


def _too_old(lines: Lines, oldest_ns: int | None) -> list[Refusal]:
    if oldest_ns is None:
        return []
    reason = f"{TOO_OLD} (kept: from {as_text(oldest_ns)} on)"
    return [Refusal(row, "", reason) for row in np.flatnonzero(lines.frame["time"].to_numpy() < oldest_ns).tolist()]


def _too_long(lines: Lines) -> list[Refusal]:
    reason = f"longer than {MAX_STRING_BYTES:,} bytes, which InfluxDB refuses"
    return [
        Refusal(row, field.origin, reason)
        for field in lines.fields
        if field.type == "string"
        for row in _long_rows(lines.frame[field.column])
    ]


def _long_rows(texts: pl.Series) -> list[int]:
    if texts.estimated_size() <= MAX_STRING_BYTES:
        return []
    return (texts.str.len_bytes() > MAX_STRING_BYTES).fill_null(value=False).arg_true().to_list()
