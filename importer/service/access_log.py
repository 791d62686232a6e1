"""One line of JSON for each request, and its figures; no query, no header, no token."""

from __future__ import annotations

import itertools
import json
import logging
import re
import secrets
import time
from datetime import UTC, datetime
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from importer.server.secret import redacted
from importer.service.exposition import Figures

__all__ = ["AccessLog"]

log = logging.getLogger("importer.access")

_NUMBERS = itertools.count()
_PROCESS = secrets.token_hex(8)
"""Before the number of a request; chance for each one would be a call of the system, and a wait for other threads."""

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)


class AccessLog:
    """Logs what was answered, when the answer is complete, and counts it.

    Args:
        app: answers.
        figures: counts.
    """

    def __init__(self, app: ASGIApp, figures: Figures) -> None:
        self._app = app
        self._figures = figures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Have it answered, and log that."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, moment, status, size = time.perf_counter(), datetime.now(UTC), 0, 0
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else f"{_PROCESS}{next(_NUMBERS):016x}"

        async def noted(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = request_id
            elif message["type"] == "http.response.body":
                size += len(message.get("body", b""))
            await send(message)

        self._figures.begun()
        try:
            await self._app(scope, receive, noted)
        finally:
            seconds = time.perf_counter() - began
            self._figures.ended(scope, status, seconds)
            client = scope.get("client")
            line: dict[str, Any] = {
                "time": moment.isoformat(timespec="milliseconds"),
                "method": scope["method"],
                "path": redacted(scope["path"]),
                "status": status,
                "seconds": round(seconds, 6),
                "bytes": size,
                "client": client[0] if client else None,
                "request_id": request_id,
            }
            log.info("%s", json.dumps(line, ensure_ascii=True))
