"""The writer of a program's own measurements: batches, retries, and tells of all that the server did not take."""

from __future__ import annotations

import atexit
import logging
import os
import time
import weakref
from types import TracebackType
from typing import Self

from importer.api import connect
from importer.errors import ConfigurationError, MeasurementError, NotAcknowledgedError
from importer.measurements.checking import said_by
from importer.measurements.measurement import Measurement
from importer.measurements.opening import opened_bucket, types_in
from importer.measurements.refused import RefusedMeasurement
from importer.measurements.sender import OnRefused, Sender
from importer.server.connection import Connection, Patience, Server
from importer.server.retry import RetryPolicy
from importer.sink.compression import encoding_for
from importer.sink.influx import InfluxSink
from importer.sink.pacing import Pace

__all__ = ["MeasurementWriter"]

log = logging.getLogger(__name__)

AT_EXIT_SECONDS = 10.0
USUAL_SHARD_SECONDS = 7 * 86_400


class MeasurementWriter:
    """Writes measurements into a bucket, in batches, without losing any: each is acknowledged, or you are told.

    ::

        with MeasurementWriter("home") as writer:
            writer.write(Climate("kitchen", 21.5))

    A thread of its own sends what was written. What it cannot send it keeps, tries again, and raises at the next call:
    :meth:`write`, :meth:`flush` or :meth:`close`. An error that a later try has overcome is not raised. It may be used
    from several threads, but not in a process that was forked off the one that made it.

    Args:
        bucket: its name.
        connection: which server; None finds it as :func:`importer.load` does.
        batch_size: measurements of a request at the most; as many are sent at once.
        flush_seconds: no measurement waits longer for others to be sent with.
        max_pending: measurements in memory at the most: :meth:`write` waits until the server has taken some.
        wait_seconds: how long a server that is away, or has too much to do, is tried again before that is an error.
        create: make the bucket if there is none.
        on_refused: is given measurements that the server refuses for good, on the writer's thread, instead of their
            being raised; they are kept in :attr:`refused`, too. It may write, but neither flush nor close.

    Attributes:
        bucket: as given.

    Raises:
        ConfigurationError: a number is out of its range, or no server can be found.
        NotFoundError: there is no such bucket.
        ServerError: the server refused or did not answer in time.
    """

    def __init__(
        self,
        bucket: str,
        *,
        connection: Connection | None = None,
        batch_size: int = 5_000,
        flush_seconds: float = 1.0,
        max_pending: int = 100_000,
        wait_seconds: float = 100.0,
        create: bool = False,
        on_refused: OnRefused | None = None,
    ) -> None:
        self._closed = True  # until all is there
        for name, number, least in (
            ("batch_size", batch_size, 1),
            ("max_pending", max_pending, 1),
            ("flush_seconds", flush_seconds, 0),
            ("wait_seconds", wait_seconds, 0),
        ):
            if not number >= least:
                raise ConfigurationError(f"{name} is {number}: at least {least} is needed")
        self.bucket = bucket
        self._process = os.getpid()
        policy = RetryPolicy(wait_seconds)
        server = Server(connection or connect(), pool_size=2)
        server.patience = Patience(policy, log.warning)
        try:
            found = opened_bucket(server, bucket, create=create)
            types = types_in(server, found.id)
        except BaseException:
            server.close()
            raise
        sink = InfluxSink(
            server,
            found.id,
            shard_seconds=found.settings.shard_duration_seconds or USUAL_SHARD_SECONDS,
            policy=policy,
            say=log.warning,
            pause=time.sleep,
            warn=log.warning,
            pace=Pace(writers=1),
            encoding=encoding_for("auto", is_local=server.connection.is_to_this_machine),
        )
        self._sender = Sender(
            sink,
            end=server.close,
            types=types,
            batch_size=min(batch_size, max_pending),
            flush_seconds=flush_seconds,
            max_pending=max_pending,
            on_refused=on_refused,
        )
        self._closed = False
        _at_exit.watch(self._sender, bucket)

    def write(self, measurement: Measurement) -> None:
        """Take a measurement; what it says is copied at once. Waits while too many are pending.

        Raises:
            MeasurementError: it says what cannot be written; it is not taken.
            NotAcknowledgedError: something went wrong with those before it, which are kept. It is taken, unless the
                message says that there is no room. To write it again does no harm: it is the same point.
        """
        self._check_usable()
        self._sender.take(said_by(measurement))

    def flush(self) -> None:
        """Wait until the server has all that was written; what an earlier try could not send is tried again.

        Raises:
            NotAcknowledgedError: it has not; what is unsent is kept, for the next try.
        """
        self._check_usable()
        self._sender.flush()

    def close(self) -> None:
        """Flush, and end. A second time it does nothing.

        Raises:
            NotAcknowledgedError: the server has not taken all, and is not tried again; :meth:`unsent` lists the rest.
        """
        if self._closed or self._process != os.getpid():
            return
        try:
            self._sender.flush()
        except NotAcknowledgedError:
            self._end()
            raise
        self._end()
        self._sender.tell_at_the_end()

    @property
    def pending(self) -> int:
        """How many measurements the server has neither acknowledged nor refused."""
        return self._sender.pending

    @property
    def acknowledged(self) -> int:
        """How many the server has acknowledged."""
        return self._sender.acknowledged

    @property
    def refused_count(self) -> int:
        """How many were refused."""
        return self._sender.refused_count

    @property
    def refused(self) -> tuple[RefusedMeasurement, ...]:
        """Those that were refused, with the reasons: the last thousand."""
        return self._sender.refused()

    def unsent(self) -> tuple[Measurement, ...]:
        """Those that are pending, in the order in which they were written."""
        return self._sender.unsent()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close; where an error is on its way already, what could not be written is noted with it."""
        try:
            self.close()
        except NotAcknowledgedError as other:
            if error is None:
                raise
            error.add_note(f"besides: {other}")
            log.error("%s", other)  # noqa: TRY400 - whoever exits by SystemExit sees no notes

    def __del__(self) -> None:
        """Warn, and have the thread send what is left."""
        if getattr(self, "_closed", True) or self._process != os.getpid():
            return
        if not self._sender.is_closing:  # as it is behind the end of the program
            log.warning("warning: a writer into the bucket %r was dropped without close()", self.bucket)
            self._sender.finish(give_up=False, timeout_seconds=0)

    def _end(self) -> None:
        self._closed = True
        _at_exit.forget(self._sender)
        self._sender.finish(give_up=True)

    def _check_usable(self) -> None:
        if self._process != os.getpid():
            raise MeasurementError("this writer belongs to the process that made it: make one in this process, too")
        if self._closed:
            raise MeasurementError("the writer is closed: it takes no more measurements")


class _AtExit:
    """Writers that a program has not closed, at its end: what they hold is sent, if the server takes it in time."""

    def __init__(self) -> None:
        self._open: weakref.WeakKeyDictionary[Sender, tuple[str, int]] = weakref.WeakKeyDictionary()
        atexit.register(self)

    def watch(self, sender: Sender, bucket: str) -> None:
        self._open[sender] = bucket, os.getpid()

    def forget(self, sender: Sender) -> None:
        self._open.pop(sender, None)

    def __call__(self) -> None:
        for sender, (bucket, process) in list(self._open.items()):
            if process != os.getpid() or sender.has_ended:
                continue
            log.warning("warning: the program ends without close() of the writer into the bucket %r", bucket)
            sender.finish(give_up=False, timeout_seconds=AT_EXIT_SECONDS)
            if sender.pending:
                log.error("%d measurements were not written into the bucket %r", sender.pending, bucket)


_at_exit = _AtExit()
