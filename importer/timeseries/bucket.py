"""The bucket in which time series are kept: made when it is first written to, and known by its name alone.

Whatever takes its name meanwhile (a load that replaces it) is the bucket from then on: points are written to the name,
and what is remembered of it is looked up again after some seconds.
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
from importer.bucket.names import check_target
from importer.errors import NotFoundError, ServerError
from importer.measurements.opening import opened_bucket
from importer.reading.asking import Asking
from importer.server.connection import Server

__all__ = ["SeriesBucket"]

REMEMBERED_SECONDS = 10.0
USUAL_SHARD_SECONDS = 7 * 86_400


@dataclass(slots=True)
class _Way:
    """A name by which InfluxQL reaches the bucket, held as long as it is used."""

    bucket_id: str
    database: str
    policy: str
    held: ExitStack
    good_until: float = 0.0
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
        self._lock = threading.Lock()
        self._ways = threading.Lock()
        self._written: tuple[Bucket, float] | None = None
        self._way: _Way | None = None

    def opened(self, *, anew: bool = False) -> Bucket:
        """The bucket as it is written to, made if there is none.

        Args:
            anew: it turned out to be gone.

        Raises:
            ServerError: the server refused or did not answer.
        """
        with self._lock:
            now = self._clock()
            if anew or self._written is None or self._written[1] < now:
                self._written = opened_bucket(self.server, self.name, create=True), now + REMEMBERED_SECONDS
            return self._written[0]

    @property
    def shard_seconds(self) -> int:
        """The duration of its shard groups."""
        return self.opened().settings.shard_duration_seconds or USUAL_SHARD_SECONDS

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
            with self._ways:
                way.users -= 1
                if way is not self._way and not way.users:
                    way.give_back()

    def forget(self) -> None:
        """Something else may have its name from now on: look it up again."""
        with self._lock:
            self._written = None
        with self._ways:
            if self._way is not None:
                self._way.good_until = -math.inf

    def close(self) -> None:
        """Give back what is held at the server."""
        with self._ways:
            self._leave()

    def _take(self) -> _Way:
        with self._ways:
            way = self._way
            if way is None or way.good_until < self._clock():
                bucket = catalogue.find(self.server, self.name)
                if way is None or bucket is None or bucket.id != way.bucket_id or not way.users:
                    self._leave()
                    self._way = way = self._found(bucket)
                way.good_until = self._clock() + REMEMBERED_SECONDS
            way.users += 1
            return way

    def _leave(self) -> None:
        """Give back the way that was remembered, once nobody is on it."""
        way, self._way = self._way, None
        if way is not None and not way.users:
            way.give_back()

    def _found(self, bucket: Bucket | None) -> _Way:
        if bucket is None:
            raise NotFoundError(
                f"there is no bucket {self.name!r} yet: it is made when the first points are stored", status=404
            )
        with ExitStack() as stack:
            database, policy = stack.enter_context(influxql_name(self.server, bucket.id))
            return _Way(bucket.id, database, policy, stack.pop_all())
