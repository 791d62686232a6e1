"""One shard out of the server: its storage files, and a digest of what is in them.

Goes in: a shard's id and its span of time. Comes out: a file in the draft, and a :class:`ShardRecord`.

The digest is read in InfluxQL after the files were copied. That nothing was written in between is asked of the storage
itself: the files that are newer than the copy, which the server first writes to disk for the question, are all in the
copy. Neither may be trusted alone: while it is busy, the server copies a shard without what it has in memory.

Deletions are in files of their own, which the server does not take back when it restores; restored, the deleted points
would be there again. Of such a shard the values are saved as line protocol, too, which a restore writes instead.
"""

from __future__ import annotations

import email.utils
import logging
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from importer.backups.layout import ShardRecord
from importer.backups.lines import LinesWriter
from importer.backups.moments import nanoseconds
from importer.backups.tar import Member, TarWalk
from importer.backups.values import Take, digest_of_window
from importer.backups.writing import Draft
from importer.errors import NotFoundError
from importer.limits import MAX_TIME_NS, MIN_TIME_NS
from importer.server.connection import Server
from importer.server.wire import Wire

__all__ = ["SavedShard", "ShardSaver", "is_overflown", "window_of"]

log = logging.getLogger(__name__)

ATTEMPTS = 3
CLOCK_SLACK = timedelta(seconds=2)  # the server tells its time in whole seconds


@dataclass(frozen=True, slots=True)
class SavedShard:
    """A shard in the draft.

    Attributes:
        file: its name.
        size: its bytes.
        record: what it holds.
    """

    file: str
    size: int
    record: ShardRecord


class ShardSaver:
    """Saves shards of one server.

    Args:
        server: the connection for questions.
        wire: the connection for files.
        draft: where to.
        base: what the files' names begin with.
        stop: told to stop, it ends at once.
    """

    def __init__(self, server: Server, wire: Wire, draft: Draft, base: str, stop: threading.Event) -> None:
        self._server = server
        self._wire = wire
        self._draft = draft
        self._base = base
        self._stop = stop

    def save(self, bucket_id: str, shard_id: int, group: dict[str, Any]) -> SavedShard | None:
        """Copy a shard; None if the server has removed it meanwhile.

        Args:
            bucket_id: its bucket.
            shard_id: the shard.
            group: the description of its shard group.

        Raises:
            ServerError: the server refuses, or did not answer in time.
            SpoolError: the disk is full.
            LoadInterruptedError: it was told to stop.
        """
        name = f"{self._base}.{shard_id}.tar.gz"
        start, stop = group["startTime"], group["endTime"]
        window = None if is_overflown(start, stop) else window_of(start, stop)
        try:
            record = self._saved(bucket_id, shard_id, window, name)
        except NotFoundError:
            log.warning("warning: the server removed shard %d while it was backed up", shard_id)
            self._draft.forget(name)
            return None
        return SavedShard(name, self._draft.files[name].size, record)

    def _saved(self, bucket_id: str, shard_id: int, window: tuple[int, int] | None, name: str) -> ShardRecord:
        """Of one whose times the server does not know (None) there are the files alone."""
        found, revives = None, False
        for attempt in range(ATTEMPTS):
            before = self._server.patiently(self._now)
            members = self._server.patiently(lambda: self._copy(shard_id, name))
            revives = any(member.name.endswith(".tombstone") for member in members)
            if window is not None:
                if revives:
                    return self._with_lines(bucket_id, shard_id, window)
                found = digest_of_window(self._server, bucket_id, *window, stop=self._stop)
            newer = self._server.patiently(partial(self._newer, shard_id, before))
            if set(newer) <= set(members):
                if found is None:
                    break
                return ShardRecord(values=found.values, series=found.series, digest=found.hex)
            log.info("shard %d was written to while it was copied (%d of %d tries)", shard_id, attempt + 1, ATTEMPTS)
        if found is None:
            return ShardRecord(values=0, series=0, digest=None, revives=revives, unseen=True)
        return ShardRecord(values=found.values, series=found.series, digest=None)

    def _copy(self, shard_id: int, name: str) -> list[Member]:
        walk = TarWalk()
        with self._wire.answer(f"/api/v2/backup/shards/{shard_id}") as answer, self._draft.compressed(name) as file:
            for piece in answer.pieces():
                walk.feed(piece)
                file.write(piece)
            return walk.finish()

    def _newer(self, shard_id: int, since: datetime) -> list[Member]:
        """The shard's files that were written since, without their contents."""
        walk = TarWalk()
        query = urllib.parse.urlencode({"since": since.strftime("%Y-%m-%dT%H:%M:%SZ")})
        with self._wire.answer(f"/api/v2/backup/shards/{shard_id}?{query}") as answer:
            for piece in answer.pieces():
                walk.feed(piece)
        return walk.finish()

    def _now(self) -> datetime:
        """A moment that is over by the server's own clock."""
        with self._wire.answer("/health") as answer:
            for _ in answer.pieces():
                pass
        try:
            moment = email.utils.parsedate_to_datetime(answer.date)
        except ValueError:
            return datetime.fromtimestamp(0, UTC)  # then all files are looked at
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - CLOCK_SLACK

    def _with_lines(self, bucket_id: str, shard_id: int, window: tuple[int, int]) -> ShardRecord:
        name = f"{self._base}.{shard_id}.lines.gz"
        is_faithful = False

        @contextmanager
        def written() -> Iterator[Take]:
            nonlocal is_faithful
            with self._draft.parts(name) as write:
                lines = LinesWriter(write)
                yield lines.take
                lines.flush()
            is_faithful = lines.is_faithful

        found = digest_of_window(self._server, bucket_id, *window, stop=self._stop, into=written)
        if not is_faithful:
            self._draft.forget(name)
            return ShardRecord(values=found.values, series=found.series, digest=None, revives=True)
        return ShardRecord(values=found.values, series=found.series, digest=found.hex, lines=name)


def window_of(start: str, stop: str) -> tuple[int, int]:
    """A shard group's span of time, as far as points can be in it: from, and until without it."""
    begins = MIN_TIME_NS if is_overflown(start, stop) else max(nanoseconds(start), MIN_TIME_NS)
    return begins, min(nanoseconds(stop), MAX_TIME_NS + 1)


def is_overflown(start: str, stop: str) -> bool:
    """Whether a shard group begins before the first timestamp, and its start has become one far behind.

    The server keeps it in 64 bits of nanoseconds, and reads what these have become when it is started again, or
    restores the shard group.
    """
    return nanoseconds(start) >= nanoseconds(stop)
