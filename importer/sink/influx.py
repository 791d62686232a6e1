"""Write lines into a bucket: one prepared batch of bytes per call of the client library.

Goes in: :class:`~importer.records.Lines`. Comes out: an :class:`~importer.records.Outcome`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

import numpy as np
import polars as pl
from influxdb_client import WriteService

from importer.encoding.line_protocol import body
from importer.errors import (
    MalformedLinesError,
    NotFoundError,
    PartialWriteError,
    PayloadTooLargeError,
    TransientServerError,
)
from importer.records import Lines, Outcome
from importer.server.connection import Server, translated
from importer.server.retry import RetryPolicy, call_with_retries
from importer.sink.compression import Encoding, compressed
from importer.sink.narrowing import Narrowing
from importer.sink.pacing import LATENCY_SECONDS, Pace, Setback
from importer.slots import Slots

__all__ = ["InfluxSink"]

ASK_FOR_LESS: dict[int | None, Setback] = {413: "413", 429: "429", 503: "503", 408: "slow", 504: "slow"}
"""Answers that say that the server has too much; others of the tries that fail say nothing of the kind."""


class InfluxSink:
    """Writes blocks of lines into one bucket; safe to call from several threads.

    No more requests are under way than the pace allows, whatever the number of threads.

    Args:
        server: open connection.
        bucket_id: where to write.
        shard_seconds: shard group duration of that bucket.
        policy: how long to try again.
        say: gets a line per failed try.
        pause: sleeps between tries.
        warn: gets what the user should know.
        pace: how large requests are, and how many are under way.
        encoding: of the bodies.
        most_refusals: stop narrowing down after so many in a block, which is more than the load may have.

    Attributes:
        pace: as given.
        encoding: as given.
        requests: write calls so far, repeated ones included.
    """

    def __init__(
        self,
        server: Server,
        bucket_id: str,
        *,
        shard_seconds: int,
        policy: RetryPolicy,
        say: Callable[[str], None],
        pause: Callable[[float], None],
        warn: Callable[[str], None],
        pace: Pace | None = None,
        encoding: Encoding = "identity",
        most_refusals: int | None = None,
    ) -> None:
        self.pace = pace or Pace()
        self.encoding = encoding
        self.requests = 0
        self._service = WriteService(server.client.api_client)
        self._org = server.connection.org
        self._bucket_id = bucket_id
        self._shard_seconds = shard_seconds
        self._policy = policy
        self._say = say
        self._pause = pause
        self._warn = warn
        self._most_refusals = most_refusals
        self._turns = Slots(lambda: self.pace.writers)
        self._lock = threading.Lock()

    def __call__(self, lines: Lines) -> Outcome:
        """Write a block.

        Raises:
            TransientServerError: the server did not take it in time.
            TerminalServerError: the server will never take it.
        """
        cuts, retries = _Cuts(lines), 0

        def post(text: bytes, rows: int) -> None:
            nonlocal retries
            retries += self._post(text, rows)

        narrowing = Narrowing(
            lines.frame, self._shard_seconds, post, self._most_refusals, is_too_large=self.pace.is_too_large
        )
        start = 0
        while start < lines.frame.height:
            with self._turns:
                with self._lock:
                    end = cuts.next_end(start, self.pace)
                narrowing.write(np.arange(start, end))
            start = end
        return Outcome(lines, tuple(narrowing.refusals), retries, tuple(narrowing.unsent))

    def together(self, batch: Sequence[Lines]) -> list[Outcome]:
        """Write blocks that follow one another in one request, as far as the pace allows and the server takes them all.

        Otherwise each is written by itself: points that are sent twice are the same.

        Raises:
            TransientServerError: the server did not take them in time.
            TerminalServerError: the server will never take them.
        """
        if len(batch) == 1:
            return [self(batch[0])]
        texts = [lines.frame["line"] for lines in batch]
        rows = sum(map(len, texts))
        size = rows + sum(int(text.estimated_size()) for text in texts)
        with self._turns:
            with self._lock:
                fits = self.pace.next_rows(rows, size) == rows and not self.pace.is_too_large(size)
            if fits:
                with suppress(MalformedLinesError, PartialWriteError, PayloadTooLargeError):
                    retries = self._post(body(pl.concat(texts)), rows)
                    return [Outcome(lines, (), 0 if number else retries) for number, lines in enumerate(batch)]
        return [self(lines) for lines in batch]

    def _post(self, text: bytes, rows: int) -> int:
        """Send a body until the server has it; how many tries that took beyond the first."""
        sent = compressed(text, self.encoding)
        first_began = time.monotonic()

        def post() -> None:
            began = time.monotonic()
            try:
                with translated():
                    self._service.post_write(
                        org=self._org,
                        bucket=self._bucket_id,
                        body=sent,
                        precision="ns",
                        content_type="text/plain; charset=utf-8",
                        content_encoding=self.encoding,
                    )
            except (TransientServerError, PayloadTooLargeError) as error:
                is_slow = time.monotonic() - began > LATENCY_SECONDS
                self._hear_of(ASK_FOR_LESS.get(error.status, "slow" if is_slow else None), rows, len(text), first_began)
                raise
            with self._lock:
                self.requests += 1
                self.pace.acknowledge(rows, began, time.monotonic())

        try:
            _, retries = call_with_retries(post, self._policy, say=self._say, pause=self._pause_out_of_turn)
        except NotFoundError as error:
            error.args = (f"{error}: what the load was writing to is gone, and is not made again",)
            raise
        return retries

    def _pause_out_of_turn(self, seconds: float) -> None:
        """Sleep without a turn: where there are fewer by then, not all who slept may go on at once."""
        self._turns.release()
        try:
            self._pause(seconds)
        finally:
            self._turns.acquire()

    def _hear_of(self, setback: Setback | None, rows: int, size: int, began: float) -> None:
        """A try that failed, for which the server may have had too much."""
        with self._lock:
            self.requests += 1
            if setback is None or (setback == "413" and rows == 1):  # of one line it says nothing of larger batches
                return
            self.pace.set_back(setback, rows, size, began, time.monotonic())
            is_news = setback == "413" and self.pace.has_fixed_rows and self.pace.setbacks[setback] == 1
        if is_news:
            self._warn(
                f"the server takes no requests of {rows:,} lines ({size:,} bytes; 413), as --batch-rows asks for: "
                "smaller ones are sent"
            )


class _Cuts:
    """Where a block may be cut into requests; points with the same key stay in one, so that the last one wins."""

    def __init__(self, lines: Lines) -> None:
        self._ends = (lines.frame["line"].str.len_bytes().cast(pl.Int64) + 1).cum_sum().to_numpy()
        self._series = lines.frame["series"].to_numpy()
        self._times = lines.frame["time"].to_numpy()

    def next_end(self, start: int, pace: Pace) -> int:
        """The row behind the request that starts with this one."""
        rows, before = len(self._ends), int(self._ends[start - 1]) if start else 0
        end = start + pace.next_rows(rows - start, int(self._ends[-1]) - before)
        within_bytes = int(np.searchsorted(self._ends, before + pace.batch_bytes, side="right"))
        end = max(start + 1, min(end, within_bytes))
        while end < rows and self._series[end] == self._series[end - 1] and self._times[end] == self._times[end - 1]:
            end += 1
        return end
