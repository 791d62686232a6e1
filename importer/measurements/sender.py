"""The thread that sends what was taken, a batch at a time, and what it has to tell.

Goes in: measurements, from any thread. Comes out: each is acknowledged by the server, refused with a reason, or still
here. A measurement leaves the queue only once it is settled; so what a try that failed was about is sent again, in the
same order, with the same times.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice

from importer.errors import ConfigurationError, MeasurementError, NotAcknowledgedError
from importer.mapping.careful import Types
from importer.measurements.batch import lines_of
from importer.measurements.checking import Said, Taken, taken
from importer.measurements.measurement import Measurement
from importer.measurements.refused import RefusedMeasurement
from importer.records import Lines, Outcome

__all__ = ["OnRefused", "Sender"]

log = logging.getLogger(__name__)

OnRefused = Callable[[Sequence[RefusedMeasurement]], None]

MOST_BYTES = 64 << 20
"""Of measurements in memory, about."""

MOST_KEPT = 1_000
"""Refused measurements that are kept to be listed; all are counted."""

LEAST_PAUSE_SECONDS = 1.0
"""Between a try that failed for good and the next one of the thread's own accord."""


class Sender:
    """A queue, and the thread that empties it.

    Args:
        send: writes lines; raises what the server answers.
        end: called by the thread when it ends.
        types: of fields that the bucket has already, by measurement and key.
        batch_size: sent as soon as there are so many; never more at once.
        flush_seconds: sent when the oldest has waited so long.
        max_pending: more are not taken before some are settled.
        on_refused: gets what the server refused; None: it is raised.

    Attributes:
        acknowledged: how many the server has.
        refused_count: how many were refused.
    """

    def __init__(
        self,
        send: Callable[[Lines], Outcome],
        *,
        end: Callable[[], None],
        types: Types,
        batch_size: int,
        flush_seconds: float,
        max_pending: int,
        on_refused: OnRefused | None,
    ) -> None:
        self.acknowledged = self.refused_count = 0
        self._send, self._end, self._types, self._on_refused = send, end, types, on_refused
        self._batch_size, self._flush_seconds, self._max_pending = batch_size, flush_seconds, max_pending
        self._changed = threading.Condition()
        self._queue: deque[Taken] = deque()
        self._bytes = 0
        self._settled = self._wanted = 0  # how many measurements; up to which one somebody waits
        self._oldest_since = self._next_try = 0.0
        self._failure: Exception | None = None
        self._failures = 0
        self._untold: list[RefusedMeasurement] = []
        self._refused: deque[RefusedMeasurement] = deque(maxlen=MOST_KEPT)
        self._closing = self._giving_up = False
        self._thread = threading.Thread(target=self._run, name="measurements", daemon=True)
        self._thread.start()

    @property
    def is_closing(self) -> bool:
        """Whether nothing more will be taken."""
        return self._closing

    @property
    def has_ended(self) -> bool:
        """Whether nothing is pending, and nothing more will be taken."""
        return not self._queue and not self._thread.is_alive()

    @property
    def pending(self) -> int:
        """How many are neither acknowledged nor refused."""
        return len(self._queue)

    def unsent(self) -> tuple[Measurement, ...]:
        """Those that are neither acknowledged nor refused, in order."""
        with self._changed:
            return tuple(each.measurement for each in self._queue)

    def refused(self) -> tuple[RefusedMeasurement, ...]:
        """The last ones that were refused."""
        with self._changed:
            return tuple(self._refused)

    def take(self, said: Said) -> None:
        """Take a measurement, once there is room for it; then raise what went wrong with those before it.

        Raises:
            MeasurementError: it does not fit the types of its fields, or on_refused would wait for itself; it is not
                taken.
            NotAcknowledgedError: something went wrong before; it is taken, unless the message says that there is
                no room.
        """
        with self._changed:
            self._check_open()
            while not self._has_room():
                self._check_may_wait("write() of more than there is room for")
                if self._failure is not None:
                    self._tell("; there is no room for more, so the one just written is not taken")
                self._changed.wait()
                self._check_open()
            new = taken(said, self._types)
            if not self._queue:
                self._oldest_since = time.monotonic()
            self._queue.append(new)
            self._bytes += new.size_bytes
            if len(self._queue) in (1, self._batch_size) or not self._has_room():
                self._changed.notify_all()
            self._tell()

    def flush(self) -> None:
        """Wait until all that was taken is settled.

        Raises:
            NotAcknowledgedError: it could not be, or some of it was refused.
            MeasurementError: on_refused would wait for itself.
        """
        self._check_may_wait("flush() or close()")
        with self._changed:
            target, failures = self._settled + len(self._queue), self._failures
            self._wanted = max(self._wanted, target)
            self._changed.notify_all()
            while self._settled < target and self._failures == failures and self._thread.is_alive():
                self._changed.wait()
            self._tell()

    def finish(self, *, give_up: bool, timeout_seconds: float | None = None) -> None:
        """Take no more; let the thread end, after a last try unless it is to give up."""
        with self._changed:
            self._closing = True
            self._giving_up |= give_up
            self._changed.notify_all()
        if self._thread is not threading.current_thread():
            self._thread.join(timeout_seconds)

    def tell_at_the_end(self) -> None:
        """Raise what is left to be told.

        Raises:
            NotAcknowledgedError: something is unsent, or was refused and nobody heard of it.
        """
        with self._changed:
            if self._queue and self._failure is None:
                self._failure = ConfigurationError("the writer was closed before they were sent")
            self._tell()

    def _has_room(self) -> bool:
        return len(self._queue) < self._max_pending and (self._bytes < MOST_BYTES or not self._queue)

    def _check_open(self) -> None:
        if self._closing:
            raise MeasurementError("the writer is closed: it takes no more measurements")

    def _check_may_wait(self, what: str) -> None:
        if self._thread is threading.current_thread():
            raise MeasurementError(f"{what} in on_refused would wait for itself for ever: do that in another thread")

    def _tell(self, besides: str = "") -> None:
        """Raise what went wrong and nobody has heard of; the lock is held."""
        failure, refused = self._failure, tuple(self._untold)
        if failure is None and not refused:
            return
        self._failure = None
        self._untold.clear()
        unsent = tuple(each.measurement for each in self._queue) if failure is not None else ()
        parts = []
        if failure is not None:
            kept = f"{len(unsent):,} measurements are not acknowledged, and kept: " if unsent else ""
            parts.append(f"{kept}{failure}")
        if refused:
            first = refused[0]
            parts.append(
                f"{len(refused):,} measurements were refused, the first one "
                f"({first.measurement.name}{f', field {first.field}' if first.field else ''}): {first.reason}"
            )
        raise NotAcknowledgedError("; ".join(parts) + besides, unsent=unsent, refused=refused) from failure

    def _run(self) -> None:
        try:
            while batch := self._next_batch():
                try:
                    refused, gone = self._sent(batch)
                except Exception as error:  # noqa: BLE001 - whatever it is, the caller is told
                    self._note_failure(error)
                else:
                    self._settle(batch, refused, gone)
        finally:
            self._end()
            with self._changed:
                self._changed.notify_all()

    def _next_batch(self) -> list[Taken]:
        """What is to be sent now, waited for; empty when the thread is to end. It stays in the queue."""
        with self._changed:
            while True:
                if self._closing and (self._giving_up or not self._queue):
                    return []
                wait_seconds = self._seconds_until_due()
                if wait_seconds is not None and wait_seconds <= 0:
                    return list(islice(self._queue, self._batch_size))
                self._changed.wait(wait_seconds)

    def _seconds_until_due(self) -> float | None:
        if not self._queue:
            return None
        if self._closing or self._wanted > self._settled:
            return 0.0
        now = time.monotonic()
        is_full = len(self._queue) >= self._batch_size or not self._has_room()
        due = now if is_full else self._oldest_since + self._flush_seconds
        return max(due, self._next_try) - now

    def _sent(self, batch: Sequence[Taken]) -> tuple[list[RefusedMeasurement], int]:
        """What was refused of a batch, and how many measurements these are: one may have several faults."""
        lines = lines_of(batch)
        refused = [(fault.record, fault.column, fault.message) for fault in lines.faults]
        if lines.frame.height:
            outcome = self._send(lines)
            records = lines.frame["record"]
            refused += [(records[each.row], each.column, each.message) for each in outcome.refusals]
        told = [RefusedMeasurement(batch[place].measurement, field, reason) for place, field, reason in refused]
        return told, len({place for place, *_ in refused})

    def _settle(self, batch: Sequence[Taken], refused: list[RefusedMeasurement], gone: int) -> None:
        untold, failure = refused, None
        if refused and self._on_refused is not None:
            try:
                self._on_refused(refused)
                untold = []
            except Exception as error:  # noqa: BLE001 - of the program's own function; it is raised to the program
                failure = error
        with self._changed:
            for each in batch:
                self._queue.popleft()
                self._bytes -= each.size_bytes
            self._settled += len(batch)
            self._oldest_since = time.monotonic()
            self.acknowledged += len(batch) - gone
            self.refused_count += gone
            self._refused.extend(refused)
            self._untold.extend(untold[: max(0, MOST_KEPT - len(self._untold))])
            self._failure = failure  # what a later try has overcome is no failure any more
            if failure is not None:
                self._failures += 1
            self._changed.notify_all()

    def _note_failure(self, error: Exception) -> None:
        with self._changed:
            self._failure = error
            self._failures += 1
            self._wanted = self._settled
            self._next_try = time.monotonic() + max(self._flush_seconds, LEAST_PAUSE_SECONDS)
            if self._closing:
                self._giving_up = True
                log.error("%d measurements were not written: %s", len(self._queue), error)
            self._changed.notify_all()
