"""The application: lifespan, middleware, routes, error answers."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from anyio import to_thread
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from importer.server.connection import Connection
from importer.service.problems import PROBLEM_TYPE, handle_problems
from importer.service.resources import Resources
from importer.service.settings import ServiceSettings

__all__ = ["create_app"]

ROUTES = ("health", "waves", "series", "uploads", "imports", "page")
THREADS = 64
"""Requests that talk to InfluxDB at once; the others wait for one of these to end."""


def create_app(settings: ServiceSettings, find: Callable[[], Connection]) -> FastAPI:
    """The service.

    Args:
        settings: how it runs.
        find: finds InfluxDB; is asked when a request first needs it.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        to_thread.current_default_thread_limiter().total_tokens = THREADS
        app.state.resources = resources = Resources(settings, find)
        await to_thread.run_sync(resources.open)
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
    )
    handle_problems(app)
    for name in ROUTES:
        module = f"importer.service.routes.{name}"
        if importlib.util.find_spec(module) is not None:
            app.include_router(importlib.import_module(module).router)
    app.openapi = lambda: _document(app)  # type: ignore[method-assign]
    return app


def _document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document: wrong requests are 400 here, and problems have a content type of their own."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, summary=app.summary, version=app.version, routes=app.routes)
        for path in document["paths"].values():
            for operation in path.values():
                operation["responses"].pop("422", None)
                for status, answer in operation["responses"].items():
                    content = answer.get("content", {})
                    if status >= "400" and "application/json" in content:
                        answer["content"] = {PROBLEM_TYPE: content["application/json"]}
        for unused in ("HTTPValidationError", "ValidationError"):
            document.get("components", {}).get("schemas", {}).pop(unused, None)
        app.openapi_schema = document
    return app.openapi_schema
