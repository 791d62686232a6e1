"""Show how far a load or a reading is: a bar on a terminal, plain lines now and then elsewhere."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from importer.progress import Progress, Snapshot

__all__ = ["shown_progress", "shown_reading"]

log = logging.getLogger("importer.progress")

LINE_EVERY_SECONDS = 5.0

Show = Callable[[str, float, float | None, str], None]
"""Shows what is being done, how much of it is, of how much (None: nobody knows), and figures."""


@contextmanager
def shown_progress(*, quiet: bool, as_json: bool) -> Iterator[Progress]:
    """What listens to a load: nothing, a bar, or lines in the log."""
    with _shown(quiet=quiet, as_lines=as_json) as show:
        yield _OfLoad(show)


@contextmanager
def shown_reading(*, quiet: bool) -> Iterator[Callable[[int, int, int], None]]:
    """What listens to the reading of a bucket: values so far, of how many, and the rows that they made."""
    with _shown(quiet=quiet, as_lines=False) as show:
        yield lambda done, total, rows: show("read", done, total, f"{done:,} of {total:,} values, {rows:,} rows")


@contextmanager
def _shown(*, quiet: bool, as_lines: bool) -> Iterator[Show]:
    console = Console(stderr=True)
    if quiet:
        yield lambda *_: None
    elif console.is_terminal and not as_lines:
        with Bar(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[figures]}"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        ) as bar:
            task = bar.add_task("", total=None, figures="")
            yield lambda what, done, total, figures: bar.update(
                task, description=what, completed=done, total=total, figures=figures
            )
    else:
        yield _InLines().show


class _InLines:
    def __init__(self) -> None:
        self._next = time.monotonic() + LINE_EVERY_SECONDS

    def show(self, what: str, done: float, total: float | None, figures: str) -> None:
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + LINE_EVERY_SECONDS
        share = f"{done / total:.0%} " if total else ""
        log.info("%s: %s%s", what, share, figures)


class _OfLoad:
    def __init__(self, show: Show) -> None:
        self._show = show
        self._rate = _Rate()

    def update(self, snapshot: Snapshot) -> None:
        done: float = snapshot.share or 0
        total: float | None = 1 if snapshot.share is not None else None
        if snapshot.phase == "load":
            done, total = snapshot.bytes_read, snapshot.total_bytes
        self._show(snapshot.phase, done, total, _figures(snapshot, self._rate.rows_per_second(snapshot)))


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
    where = "acknowledged" if snapshot.are_points_sent else "sorted"
    return (
        f"{size}, {snapshot.rows:,} rows, {rows_per_second:,.0f} rows/s, "
        f"{snapshot.points:,} points {where}, {snapshot.rejects:,} rejected"
    )
