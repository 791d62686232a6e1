"""How many lines a request has, and how many requests are under way: as the server takes them best.

Goes in: what became of each request, with the time by the caller's clock. Comes out: :attr:`Pace.rows`,
:attr:`Pace.batch_bytes` and :attr:`Pace.writers`, from then on.

One thing is changed at a time. Acknowledged rows per second of a window with more lines or another writer are compared
with those of the window before it: a gain keeps it, and the next step follows; otherwise it is taken back, and the next
trial is put off ever longer. More writers than at the start have to prove themselves again each time, because
measurements err. A server that shows that it has too much gets half of the lines and one writer, at once.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Literal

__all__ = ["LATENCY_SECONDS", "MOST_WRITERS", "Pace", "Setback"]

Setback = Literal["413", "429", "503", "slow"]
"""The server's answer, or ``slow``: it took longer than :data:`LATENCY_SECONDS` for one."""

Knob = Literal["rows", "writers"]

START_ROWS, LEAST_ROWS, MOST_ROWS = 50_000, 1_000, 100_000
START_WRITERS = 2
"""Measured best where server and importer share two processors."""

MOST_WRITERS = 3

MOST_TOGETHER = 2
"""Blocks of a request: of one alone, many shapes of data have too few lines for the server to take them best."""

MOST_BLOCKS = 5
"""In flight where writers are adaptive: memory grows with them, so that a third writer takes the place of what is read
ahead."""

MOST_BYTES = 10 << 20
"""The server sets no limit of its own, so there is one here."""

LEAST_BYTES = 16 << 10
"""A single line may be longer; no 413 makes requests of several smaller."""

LATENCY_SECONDS = 5.0
"""A try that takes longer is a setback: at 10 s the server gives a write up, and answers 500."""

WINDOW_REQUESTS, WINDOW_SECONDS = 8, 1.0
"""What is measured is no shorter than either."""

GAIN = 1.03
"""So many times the rows per second are a gain."""

GAIN_OF_MORE_WRITERS = 1.1
"""More than at the start must bring more than the measuring errs: the server has more to do at once, too."""

MOST_PATIENCE = 64
"""Windows between two trials at the most."""


class Pace:
    """Decides; the caller keeps its threads apart.

    Args:
        batch_rows: lines of a request at the most, fixed; None: as turns out best.
        writers: requests under way at once, fixed; None: as turns out best.

    Attributes:
        rows: lines of a request at the most, now.
        batch_bytes: bytes of a request at the most, now, before compression; a single line may be longer.
        writers: requests under way at once at the most, now.
        most_writers: as many as there may ever be.
        setbacks: how many there were, by kind.
    """

    def __init__(self, *, batch_rows: int | None = None, writers: int | None = None) -> None:
        self.has_fixed_rows, self.has_fixed_writers = batch_rows is not None, writers is not None
        self.rows = batch_rows or START_ROWS
        self.writers = writers or START_WRITERS
        self.most_writers = writers or MOST_WRITERS
        self.batch_bytes = MOST_BYTES
        self.setbacks: Counter[Setback] = Counter()
        self._refused_bytes = math.inf
        self._offered_rows = self._available_rows = 0
        self._together = 1
        self._trial: Knob | None = None
        self._before = (self.rows, self.writers)
        self._rate = 0.0
        self._without_gain: set[Knob] = set()
        self._rest = 0
        self._patience = self._caution = 1
        self._shrunk_at = -math.inf
        self._writers_measured = self.writers
        self._measure_anew()

    @property
    def blocks(self) -> int:
        """Blocks in flight, now: one is read ahead of the writers, as far as memory goes."""
        ahead = (self.writers + 1) * self._together
        return ahead if self.has_fixed_writers else min(ahead, MOST_BLOCKS)

    def are_enough(self, rows: Sequence[int], sizes: Sequence[int]) -> bool:
        """Whether another block like the last one would make too much for a request.

        Args:
            rows: lines of each block so far.
            sizes: their bytes.
        """
        enough = (
            len(rows) >= MOST_TOGETHER
            or sum(rows) + rows[-1] > self.rows
            or sum(sizes) + sizes[-1] > self.batch_bytes
            or self.is_too_large(sum(sizes) + sizes[-1])
        )
        if enough:
            self._together = len(rows)
            more = min(MOST_TOGETHER, self.batch_bytes // max(1, sizes[-1]))
            self._available_rows = max(self._available_rows, more * rows[-1])
        else:
            self._together = max(self._together, len(rows) + 1)  # or the next one would wait for a slot for ever
        return enough

    @property
    def settled(self) -> tuple[int, int]:
        """Lines of a request and writers, as they have proved themselves: not those of a trial under way."""
        return (self.rows, self.writers) if self._trial is None else self._before

    def next_rows(self, rows: int, size: int) -> int:
        """How many of the lines that a block has left go into its next request: all if they may, else an even part.

        Args:
            rows: lines left.
            size: their bytes.
        """
        by_bytes = -(-size // self.batch_bytes)
        self._offered_rows = max(self._offered_rows, -(-rows // max(1, by_bytes)))
        return -(-rows // max(1, by_bytes, -(-rows // self.rows)))

    def is_too_large(self, size: int) -> bool:
        """Whether the server refused a body of about so many bytes: it need not be asked again."""
        return size > max(LEAST_BYTES, 0.9 * self._refused_bytes)

    def acknowledge(self, rows: int, began: float, ended: float) -> None:
        """Hear of a request that the server took.

        Args:
            rows: its lines.
            began: when it was sent, seconds.
            ended: when the answer was there, seconds.
        """
        if ended - began > LATENCY_SECONDS:
            self.set_back("slow", rows, 0, began, ended)
            return
        if self._unsettled:
            self._unsettled -= 1
            self._window_began = ended
            return
        self._window_rows += rows
        self._window_requests += 1
        seconds = ended - self._window_began
        if self._window_requests >= WINDOW_REQUESTS and seconds >= WINDOW_SECONDS:
            self._judge(self._window_rows / seconds)

    def set_back(self, kind: Setback, rows: int, size: int, began: float, ended: float) -> None:
        """Hear of a try that shows that the server has too much.

        Args:
            kind: what it showed.
            rows: lines of the request.
            size: bytes of the request, before compression.
            began: when its first try was sent, seconds: what was under way at the last setback says nothing new.
            ended: now, seconds.
        """
        self.setbacks[kind] += 1
        if self._trial is not None:
            self.rows, self.writers = self._before
        if kind == "413":  # for the rest of the load; it is no sign of load
            self._refused_bytes = min(self._refused_bytes, size)
            self.batch_bytes = max(LEAST_BYTES, min(self.batch_bytes, size // 2))
        elif began >= self._shrunk_at:
            self._set(rows=min(self.rows, self._offered_rows or rows) // 2, writers=1)
            self._shrunk_at = ended
            self._rest, self._caution = self._caution, min(2 * self._caution, MOST_PATIENCE)
            self._patience = 1
            self._without_gain.clear()
        self._measure_anew()

    def _judge(self, rate: float) -> None:
        """A window is over."""
        knob = self._trial
        if knob is not None and not self._is_better(rate):
            self._without_gain.add(knob)
            self.rows, self.writers = self._before
            self._measure_anew()
        elif knob is not None or not self._rest:
            self._rate = rate
            self._try(self._next_knob())
        else:
            self._rest -= 1
            self._measure_anew()

    def _is_better(self, rate: float) -> bool:
        """Whether what is being tried is better than what was before it."""
        writers_before = self._before[1]
        if self.writers < writers_before:
            return GAIN_OF_MORE_WRITERS * rate > self._rate
        if START_WRITERS <= writers_before < self.writers:
            return rate > GAIN_OF_MORE_WRITERS * self._rate
        return rate > GAIN * self._rate

    def _try(self, knob: Knob | None) -> None:
        self._before = (self.rows, self.writers)
        if knob == "rows":
            self._set(rows=2 * self.rows)
        elif knob == "writers":
            self._set(writers=self.writers + (1 if self.writers < self.most_writers else -1))
        else:
            self._rest, self._patience = self._patience, min(2 * self._patience, MOST_PATIENCE)
            self._without_gain.clear()
        self._measure_anew(knob)

    def _next_knob(self) -> Knob | None:
        """What has not been tried since the last rest."""
        open_knobs: list[Knob] = []
        # Where blocks, or the limit in bytes, give no larger requests, there is nothing to try.
        if not self.has_fixed_rows and self.rows < min(MOST_ROWS, max(self._offered_rows, self._available_rows)):
            open_knobs.append("rows")
        if not self.has_fixed_writers:
            open_knobs.insert(0 if self.writers < START_WRITERS else len(open_knobs), "writers")
        return next((knob for knob in open_knobs if knob not in self._without_gain), None)

    def _set(self, *, rows: int | None = None, writers: int | None = None) -> None:
        if rows is not None and not self.has_fixed_rows:
            self.rows = max(LEAST_ROWS, min(rows, MOST_ROWS))
        if writers is not None and not self.has_fixed_writers:
            self.writers = writers

    def _measure_anew(self, trial: Knob | None = None) -> None:
        """A window begins once what is under way under the last setting has ended."""
        self._trial = trial
        self._unsettled = 1 + max(self.writers, self._writers_measured)
        self._writers_measured = self.writers
        self._window_began = 0.0
        self._window_rows = self._window_requests = 0
