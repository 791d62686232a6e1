"""Show how far a load is: a bar on a terminal, plain lines now and then elsewhere."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from importer.progress import Progress, Silent, Snapshot

__all__ = ["shown_progress"]

log = logging.getLogger("importer.progress")

LINE_EVERY_SECONDS = 5.0


@contextmanager
def shown_progress(*, quiet: bool, as_json: bool) -> Iterator[Progress]:
    """What listens to the load: nothing, a bar, or lines in the log."""
    console = Console(stderr=True)
    if quiet:
        yield Silent()
    elif console.is_terminal and not as_json:
        with Bar(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[figures]}"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        ) as bar:
            yield _OnTerminal(bar)
    else:
        yield _InLines()


class _OnTerminal:
    def __init__(self, bar: Bar) -> None:
        self._bar = bar
        self._task = bar.add_task("load", total=None, figures="")
        self._rate = _Rate()

    def update(self, snapshot: Snapshot) -> None:
        total = snapshot.total_bytes if snapshot.phase == "load" else 1 if snapshot.share is not None else None
        done = snapshot.bytes_read if snapshot.phase == "load" else snapshot.share or 0
        self._bar.update(
            self._task,
            description=snapshot.phase,
            total=total,
            completed=done,
            figures=_figures(snapshot, self._rate.rows_per_second(snapshot)),
        )


class _InLines:
    def __init__(self) -> None:
        self._rate = _Rate()
        self._next = time.monotonic() + LINE_EVERY_SECONDS

    def update(self, snapshot: Snapshot) -> None:
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + LINE_EVERY_SECONDS
        share = f"{snapshot.share:.0%} " if snapshot.share is not None else ""
        log.info("%s: %s%s", snapshot.phase, share, _figures(snapshot, self._rate.rows_per_second(snapshot)))


class _Rate:
    def __init__(self) -> None:
        self._started = time.monotonic()

    def rows_per_second(self, snapshot: Snapshot) -> float:
        if not snapshot.rows:
            self._started = time.monotonic()  # the first pass is no loading
        elapsed = time.monotonic() - self._started
        return snapshot.rows / elapsed if elapsed > 0 else 0.0


def _figures(snapshot: Snapshot, rows_per_second: float) -> str:
    size = f"{snapshot.bytes_read / 1e6:,.1f} MB"
    if snapshot.total_bytes:
        size = f"{snapshot.bytes_read / 1e6:,.1f} of {snapshot.total_bytes / 1e6:,.1f} MB"
    return (
        f"{size}, {snapshot.rows:,} rows, {rows_per_second:,.0f} rows/s, "
        f"{snapshot.points:,} points acknowledged, {snapshot.rejects:,} rejected"
    )
