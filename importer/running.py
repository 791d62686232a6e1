"""What goes on beside a load while it runs: it tells how far it is, warns, and may be told to stop.

Goes in: whoever listens, and the event that tells it to stop. Comes out: snapshots, warnings, or
:class:`~importer.errors.LoadInterruptedError`.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from importer.errors import LoadInterruptedError
from importer.ledger.closing import Closing
from importer.ledger.ledger import Ledger
from importer.progress import Phase, Progress, Snapshot
from importer.source.reader import Reader

__all__ = ["Running"]

log = logging.getLogger(__name__)


class Running:
    """A load on its way. It may tell from several threads.

    Args:
        reader: knows how much there is to read, and how much was.
        closing: gathers the warnings.
        progress: listens.
        stop: set from outside when the load is to stop.

    Attributes:
        appends: whether what was written so far stays whatever happens.
        broken_off: each ends something that may be under way for long.
    """

    def __init__(self, reader: Reader, closing: Closing, progress: Progress, stop: threading.Event) -> None:
        self.appends = False
        self.broken_off: list[Callable[[], None]] = []
        self._reader = reader
        self._closing = closing
        self._progress = progress
        self._stop = stop
        self._telling = threading.Lock()

    def tell(self, phase: Phase, ledger: Ledger, share: float | None = None) -> None:
        """Tell how far the load is; ``share`` is of the phase, 0 to 1, where it is known."""
        counts = ledger.counts
        total, read = self._reader.total_bytes, self._reader.stored_bytes
        if phase == "load" and total:
            share = min(1.0, read / total)
        with self._telling:
            self._progress.update(
                Snapshot(
                    phase,
                    share,
                    read,
                    total,
                    counts.rows_read,
                    counts.points_acknowledged,
                    ledger.rejects_so_far,
                    self._closing.are_points_sent,
                )
            )

    def warn(self, warning: str) -> None:
        """Warn now, and once more in the report."""
        log.warning("warning: %s", warning)
        self._closing.warnings.append(warning)

    def is_stopped(self) -> bool:
        """Whether the load was told to stop."""
        return self._stop.is_set()

    def check_stopped(self, ledger: Ledger) -> None:
        """Raise LoadInterruptedError if the load was told to stop."""
        if self._stop.is_set():
            raise self.interrupted(f"after {ledger.counts.rows_read:,} rows")

    def pause(self, seconds: float) -> None:
        """Sleep; raise LoadInterruptedError as soon as the load is told to stop."""
        if self._stop.wait(seconds):
            raise self.interrupted("while waiting for the server")

    def break_off(self) -> None:
        """End what is under way."""
        for end in self.broken_off:
            end()

    def interrupted(self, when: str) -> LoadInterruptedError:
        """The error of a load that was told to stop."""
        stays = "what was appended before stays" if self.appends else "the bucket was left as it was"
        return LoadInterruptedError(f"interrupted {when}; {stays}")
