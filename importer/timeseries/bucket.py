"""The bucket in which time series are kept: made when it is first written to, and known by its name alone.

Whatever takes its name meanwhile (a load that replaces it) is the bucket from then on: points are written to the name,
and what is remembered of it is looked up again after some seconds. No lock is held while the server is asked.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

from importer.bucket import catalogue
from importer.bucket.catalogue import Bucket
from importer.bucket.dbrp import influxql_name
from importer.bucket.holding import check_no_load, is_held_here
from importer.bucket.names import check_target
from importer.caching.flights import Flights
from importer.caching.remembered import Remembered
from importer.errors import NotFoundError, ServerError
from importer.measurements.opening import opened_bucket
from importer.reading.asking import Asking
from importer.server.connection import Server

__all__ = ["SeriesBucket"]

REMEMBERED_SECONDS = 10.0
NO_LOAD_SECONDS = 1.0
"""For so long it is remembered that no load of another process is at work."""

USUAL_SHARD_SECONDS = 7 * 86_400


@dataclass(slots=True)
class _Way:
    """A name by which InfluxQL reaches the bucket, held as long as it is used."""

    bucket_id: str
    database: str
    policy: str
    held: ExitStack
    good_until: float
    users: int = 0

    def give_back(self) -> None:
        """Remove what was made at the server for the sake of it, if anything."""
        with suppress(ServerError):  # whoever needs it next finds it there
            self.held.close()


class SeriesBucket:
    """A bucket by its name. Safe to call from several threads.

    Args:
        server: open connection.
        name: the bucket's.
        clock: seconds that only rise.

    Attributes:
        server: as given.
        name: as given.

    Raises:
        ConfigurationError: no bucket can have this name.
    """

    def __init__(self, server: Server, name: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        check_target(name)
        self.server = server
        self.name = name
        self._clock = clock
        self._written: Remembered[Bucket] = Remembered(
            lambda: opened_bucket(server, name, create=True), REMEMBERED_SECONDS, clock
        )
        self._no_load: Remembered[None] = Remembered(lambda: check_no_load(server, name), NO_LOAD_SECONDS, clock)
        self._lock = threading.Lock()
        self._looking: Flights[_Way] = Flights()
        self._way: _Way | None = None
        self._forgotten = 0

    def opened(self, *, anew: bool = False) -> Bucket:
        """The bucket as it is written to, made if there is none.

        Args:
            anew: it turned out to be gone.

        Raises:
            ServerError: the server refused or did not answer.
        """
        if anew:
            self._written.forget()
        return self._written()

    def check_no_load(self) -> None:
        """Refuse to write while a load fills the bucket; one of another process is looked for once a second.

        Raises:
            LoadInProgressError: one does.
            ServerError: the server refused or did not answer.
        """
        if is_held_here(self.name):
            self._no_load.forget()
        self._no_load()

    @property
    def shard_seconds(self) -> int:
        """The duration of its shard groups."""
        return self.opened().settings.shard_duration_seconds or USUAL_SHARD_SECONDS

    @property
    def known_id(self) -> str | None:
        """The bucket's id, as far as it is known without asking the server."""
        with self._lock:
            way = self._good_way()
            return None if way is None else way.bucket_id

    @contextmanager
    def asked(self) -> Iterator[tuple[Asking, str]]:
        """The bucket ready to be asked, and its id.

        Raises:
            NotFoundError: there is none yet.
            ServerError: the server refused or did not answer.
        """
        way = self._take()
        try:
            yield Asking(self.server, way.database, way.policy, lambda: None), way.bucket_id
        finally:
            with self._lock:
                way.users -= 1
                is_left = way is not self._way and not way.users
            if is_left:
                way.give_back()

    def forget(self) -> None:
        """Something else may have its name from now on: look it up again."""
        self._written.forget()
        with self._lock:
            self._forgotten += 1
            if self._way is not None:
                self._way.good_until = -math.inf

    def close(self) -> None:
        """Give back what is held at the server."""
        self._put(None)

    def _take(self) -> _Way:
        """A way, which is not given back as long as it is used."""
        with self._lock:
            way = self._good_way()
            if way is not None:
                way.users += 1
                return way
        while True:
            way = self._looking.join(None, self._looked)
            with self._lock:
                if way is self._way:  # else it has been given back by now
                    way.users += 1
                    return way

    def _looked(self) -> _Way:
        """The way, found anew unless somebody just has."""
        with self._lock:
            way, forgotten = self._good_way(), self._forgotten
        if way is not None:
            return way
        bucket = catalogue.find(self.server, self.name)
        if bucket is None:
            self._put(None)
            raise NotFoundError(
                f"there is no bucket {self.name!r} yet: it is made when the first points are stored", status=404
            )
        with ExitStack() as stack:
            database, policy = stack.enter_context(influxql_name(self.server, bucket.id))
            way = _Way(bucket.id, database, policy, stack.pop_all(), self._clock() + REMEMBERED_SECONDS)
        self._put(way, forgotten)
        return way

    def _good_way(self) -> _Way | None:
        return self._way if self._way is not None and self._clock() <= self._way.good_until else None

    def _put(self, way: _Way | None, forgotten: int | None = None) -> None:
        """Take another way from now on; the one before is given back once nobody is on it."""
        with self._lock:
            before, self._way = self._way, way
            if way is not None and forgotten != self._forgotten:
                way.good_until = -math.inf
            is_left = before is not None and not before.users
        if before is not None and is_left:
            before.give_back()
