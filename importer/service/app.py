"""The application: lifespan, middleware, routes, error answers."""

from __future__ import annotations

import importlib.metadata
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from anyio import to_thread
from fastapi import FastAPI
from starlette.middleware import Middleware

from importer.errors import ImporterError
from importer.server.connection import Connection
from importer.server.secret import Secret
from importer.service.access_log import AccessLog
from importer.service.answering import Unforeseen, handle_problems
from importer.service.bearer import Bearer
from importer.service.browsers import LOOPBACK_NAMES, Browsers, SecurityHeaders
from importer.service.exposition import Figures
from importer.service.limits import Limits
from importer.service.openapi import document
from importer.service.resources import Resources
from importer.service.routes import beginning, documents, health, imports, page, series, uploads, waves
from importer.service.settings import ServiceSettings

__all__ = ["create_app"]

THREADS = 64
"""Requests that talk to InfluxDB at once; the others wait for one of these to end."""


def create_app(settings: ServiceSettings, find: Callable[[], Connection]) -> FastAPI:
    """The service.

    Args:
        settings: how it runs.
        find: finds InfluxDB; is asked when a request first needs it.
    """
    figures = Figures()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        to_thread.current_default_thread_limiter().total_tokens = THREADS
        app.state.resources = resources = Resources(settings, figures, find)
        try:
            await to_thread.run_sync(resources.open)
        except ImporterError as error:
            app.state.refused = error
            raise
        try:
            yield
        finally:
            await to_thread.run_sync(resources.close)

    app = FastAPI(
        title="importer",
        summary="CSV into InfluxDB 2, every row accounted for; waves and time series written and read.",
        version=importlib.metadata.version("importer"),
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        middleware=_middleware(settings, figures),
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    handle_problems(app, settings.state_dir)
    for routes in (series, health, documents, waves, uploads, beginning, imports, page):
        app.include_router(routes.router)
    needs_token = settings.token is not None
    app.openapi = lambda: document(app, needs_token=needs_token)  # type: ignore[method-assign]
    return app


def _middleware(settings: ServiceSettings, figures: Figures) -> Sequence[Middleware]:
    """What each request passes before it reaches a route, from the outside."""
    passed = [
        Middleware(AccessLog, figures=figures),
        Middleware(SecurityHeaders),
        Middleware(Browsers, names=_names(settings), origins=settings.cors_origins),
        Middleware(Unforeseen),
    ]
    if settings.token is not None:
        passed.append(Middleware(Bearer, token=Secret(settings.token.get_secret_value())))
    return [*passed, Middleware(Limits, settings=settings)]


def _names(settings: ServiceSettings) -> Sequence[str]:
    """The names by which clients call the service; behind an address that others reach, only the owner knows them."""
    if not settings.is_loopback and not settings.host_names:
        return ()
    return [*LOOPBACK_NAMES, settings.host, *settings.host_names]
