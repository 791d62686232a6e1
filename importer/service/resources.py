"""What routes need, made once per service: a connection to InfluxDB, the cache, the jobs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, Request

from importer.caching.opening import open_cache
from importer.caching.remembered import Remembered
from importer.errors import AuthorizationError, ConfigurationError, NotFoundError, ServerUnreachableError
from importer.jobs.queue import Jobs
from importer.server.connection import Connection, Server
from importer.service.cache_figures import CacheCollector
from importer.service.exposition import Figures
from importer.service.job_figures import JobFigures
from importer.service.settings import ServiceSettings
from importer.timeseries.series import TimeSeries

__all__ = ["LOOKS_AT_ONCE", "Resources", "TheResources", "resources_of"]

READY_SECONDS = 1.0
"""For so long it is remembered that InfluxDB is ready, however many ask."""

LOOKS_AT_ONCE = 2
"""Files that are inspected: that takes memory and processors, which loads and other requests need, too."""


class Resources:
    """Opened when first asked for, and closed with the service.

    Args:
        settings: how the service runs.
        figures: of the service.
        find: finds InfluxDB; may raise, and is asked again by the next request then.

    Attributes:
        settings: as given.
        figures: of the service; parts of it may add their own to its ``registry``.
        jobs: the imports, and the files that were sent for them.
        cache: of answers about time series.
        ready: asks InfluxDB, unless somebody has just done so, for its version and whether it accepts the token; raises
            ServerError.
        series_at_hand: the time series, if they were asked for before; None: :meth:`series` has to be called.
        looking: held by each request that inspects a file.
    """

    def __init__(self, settings: ServiceSettings, figures: Figures, find: Callable[[], Connection]) -> None:
        self.settings = settings
        self.figures = figures
        self._find = find
        self._lock = threading.Lock()
        self.looking = threading.BoundedSemaphore(LOOKS_AT_ONCE)
        self._connection: Connection | None = None
        self._server: Server | None = None
        self.series_at_hand: TimeSeries | None = None
        self.ready = Remembered(self._asked_version, READY_SECONDS)
        self.cache = open_cache(settings.redis_url, ttl_seconds=settings.cache_seconds)
        figures.registry.register(CacheCollector(self.cache.counts))
        self.jobs = Jobs(
            settings.state_dir,
            self.connection,
            workers=settings.import_workers,
            most_queued=settings.max_queued_imports,
            most_upload_bytes=settings.max_upload_bytes,
            allow_folder=settings.allow_folder,
            loaded=self._loaded,
        )
        figures.registry.register(JobFigures(self.jobs))

    def connection(self) -> Connection:
        """Where InfluxDB is.

        Raises:
            ServerError: it cannot be found, or a local one does not get ready.
        """
        with self._lock:
            return self._found()

    def server(self) -> Server:
        """The connection that all requests share; its errors are those of :mod:`importer.errors`.

        Raises:
            ServerError: as :meth:`connection`.
        """
        with self._lock:
            if self._server is None:
                self._server = Server(
                    self._found(),
                    timeout_seconds=self.settings.influxdb_seconds,
                    pool_size=self.settings.max_requests,
                )
            return self._server

    def series(self) -> TimeSeries:
        """The time series that are stored and asked for.

        Raises:
            ConfigurationError: no bucket can have the name that was set for them.
            ServerError: as :meth:`connection`.
        """
        server = self.server()
        with self._lock:
            if self.series_at_hand is None:
                self.series_at_hand = TimeSeries(
                    server,
                    self.settings.series_bucket,
                    self.cache,
                    unsettled_seconds=self.settings.influxdb_seconds,
                )
            return self.series_at_hand

    def open(self) -> None:
        """Begin what works by itself; called when the service starts."""
        self.jobs.open()

    def close(self) -> None:
        """End what was begun, and close what was opened."""
        self.jobs.close()
        with self._lock:
            series, self.series_at_hand = self.series_at_hand, None
            server, self._server = self._server, None
        if series is not None:
            series.close()
        self.cache.close()
        if server is not None:
            server.close()

    def _loaded(self, bucket: str) -> None:
        """Forget what an import has made void."""
        if bucket == self.settings.series_bucket:
            series = self.series_at_hand
            if series is None:
                self.cache.clear()  # others may share it
            else:
                series.forget()

    def _asked_version(self) -> str:
        server = self.server()
        version = server.health()
        try:
            known = server.call("GET", "/api/v2/orgs", query={"org": server.connection.org})["orgs"]
        except NotFoundError:
            known = []
        if not known:
            raise AuthorizationError(
                "InfluxDB answers, but the service's token can see no organisation of the name that it was given"
            )
        return version

    def _found(self) -> Connection:
        if self._connection is None:
            try:
                self._connection = self._find()
            except ConfigurationError as error:  # of the service's own, not of the request
                raise ServerUnreachableError(f"InfluxDB cannot be found: {error}") from error
        return self._connection


def resources_of(request: Request) -> Resources:
    """For a route that is to be quick: a dependency costs as much as the rest of a short answer."""
    found: Resources = request.app.state.resources
    return found


async def _resources(request: Request) -> Resources:
    """A coroutine, so that no thread is woken for it."""
    return resources_of(request)


TheResources = Annotated[Resources, Depends(_resources)]
"""The parameter of a route that needs them."""
