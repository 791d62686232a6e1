"""What routes need, made once per service: a connection to InfluxDB, the cache, the jobs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, Request

from importer.caching.opening import open_cache
from importer.errors import ConfigurationError, ServerUnreachableError
from importer.jobs.queue import Jobs
from importer.server.connection import Connection, Server
from importer.service.cache_figures import CacheCollector
from importer.service.exposition import Figures
from importer.service.job_figures import JobFigures
from importer.service.settings import ServiceSettings
from importer.timeseries.series import TimeSeries

__all__ = ["Resources", "TheResources"]


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
    """

    def __init__(self, settings: ServiceSettings, figures: Figures, find: Callable[[], Connection]) -> None:
        self.settings = settings
        self.figures = figures
        self._find = find
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._server: Server | None = None
        self._series: TimeSeries | None = None
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
            if self._series is None:
                self._series = TimeSeries(
                    server,
                    self.settings.series_bucket,
                    self.cache,
                    unsettled_seconds=self.settings.influxdb_seconds,
                )
            return self._series

    def open(self) -> None:
        """Begin what works by itself; called when the service starts."""
        self.jobs.open()

    def close(self) -> None:
        """End what was begun, and close what was opened."""
        self.jobs.close()
        with self._lock:
            series, self._series = self._series, None
            server, self._server = self._server, None
        if series is not None:
            series.close()
        self.cache.close()
        if server is not None:
            server.close()

    def _loaded(self, bucket: str) -> None:
        """Forget what an import has made void."""
        if bucket == self.settings.series_bucket:
            with self._lock:
                series = self._series
            if series is None:
                self.cache.clear()  # others may share it
            else:
                series.forget()

    def _found(self) -> Connection:
        if self._connection is None:
            try:
                self._connection = self._find()
            except ConfigurationError as error:  # of the service's own, not of the request
                raise ServerUnreachableError(f"InfluxDB cannot be found: {error}") from error
        return self._connection


async def _resources(request: Request) -> Resources:
    """A coroutine, so that no thread is woken for it: that was a third of what a short answer costs."""
    found: Resources = request.app.state.resources
    return found


TheResources = Annotated[Resources, Depends(_resources)]
"""The parameter of a route that needs them."""
