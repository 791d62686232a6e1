"""Write lines into a bucket: one prepared batch of bytes per call of the client library.

Goes in: :class:`~importer.records.Lines`. Comes out: an :class:`~importer.records.Outcome`.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator

import numpy as np
from influxdb_client import WriteService

from importer.errors import NotFoundError
from importer.records import Lines, Outcome
from importer.server.connection import Server, translated
from importer.server.retry import RetryPolicy, call_with_retries
from importer.sink.narrowing import Narrowing

__all__ = ["BATCH_BYTES", "BATCH_ROWS", "InfluxSink"]

BATCH_ROWS = 50_000
"""Lines per write call: larger ones gain nothing more (measured)."""

BATCH_BYTES = 10 << 20
"""The server sets no limit of its own, so there is one here."""


class InfluxSink:
    """Writes blocks of lines into one bucket; safe to call from several threads.

    Args:
        server: open connection.
        bucket_id: where to write.
        shard_seconds: shard group duration of that bucket.
        policy: how long to try again.
        say: gets a line per failed try.
        batch_rows: lines per request at the most.
        compress: gzip the bodies.
        most_refusals: stop narrowing down after so many in a block, which is more than the load may have.
        pause: sleeps between tries.
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
        batch_rows: int = BATCH_ROWS,
        compress: bool = False,
        most_refusals: int | None = None,
    ) -> None:
        self._service = WriteService(server.client.api_client)
        self._org = server.connection.org
        self._bucket_id = bucket_id
        self._shard_seconds = shard_seconds
        self._policy = policy
        self._say = say
        self._pause = pause
        self._batch_rows = batch_rows
        self._compress = compress
        self._most_refusals = most_refusals

    def __call__(self, lines: Lines) -> Outcome:
        """Write a block.

        Raises:
            TransientServerError: the server did not take it in time.
            TerminalServerError: the server will never take it.
        """
        counts = _Counts()
        narrowing = Narrowing(
            lines.frame["line"],
            lines.frame["time"].to_numpy(),
            self._shard_seconds,
            lambda body: self._post(body, counts),
            self._most_refusals,
        )
        for rows in _requests(lines, self._batch_rows):
            narrowing.write(rows)
        return Outcome(lines, tuple(narrowing.refusals), counts.retries, tuple(narrowing.unsent))

    def _post(self, body: bytes, counts: _Counts) -> None:
        sent = gzip.compress(body, compresslevel=1) if self._compress else body

        def post() -> None:
            with translated():
                self._service.post_write(
                    org=self._org,
                    bucket=self._bucket_id,
                    body=sent,
                    precision="ns",
                    content_type="text/plain; charset=utf-8",
                    content_encoding="gzip" if self._compress else "identity",
                )

        try:
            _, retries = call_with_retries(post, self._policy, say=self._say, pause=self._pause)
        except NotFoundError as error:
            error.args = (f"{error}: what the load was writing to is gone, and is not made again",)
            raise
        counts.retries += retries


class _Counts:
    def __init__(self) -> None:
        self.retries = 0


def _requests(lines: Lines, batch_rows: int) -> Iterator[np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """Cut a block into even requests; points with the same key stay in one, so that the last one wins."""
    frame = lines.frame
    size = int(frame["line"].str.len_bytes().sum() or 0) + frame.height
    pieces = max(1, -(-frame.height // batch_rows), -(-size // BATCH_BYTES))
    series, times = frame["series"].to_numpy(), frame["time"].to_numpy()
    start = 0
    for piece in range(1, pieces + 1):
        end = frame.height * piece // pieces
        while 0 < end < frame.height and series[end] == series[end - 1] and times[end] == times[end - 1]:
            end += 1
        if end > start:
            yield np.arange(start, end)
            start = end
