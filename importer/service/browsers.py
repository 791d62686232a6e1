"""What keeps web pages of others away from the service, and its own page from harm: host, origin, CORS, headers."""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from importer.service.problems import Problem, problem_response, title_of

__all__ = ["Browsers", "SecurityHeaders"]

SECURITY_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
        "font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",  # what somebody's data are is not for the caches in between
}
_RAW: Final = [(name.lower().encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]
LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})
CORS_METHODS: Final = "GET, POST, DELETE"
CORS_HEADERS: Final = "Authorization, Content-Type, Last-Event-ID"
CORS_EXPOSED: Final = "Retry-After, X-Request-ID"


class SecurityHeaders:
    """Gives every answer the headers that browsers heed; what an answer says itself stays."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Have it answered, with these headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                said = {name for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(each for each in _RAW if each[0] not in said)]
            await send(message)

        await self._app(scope, receive, with_headers)


class Browsers:
    """Refuses (403) what a web page of others sends, and answers to pages that may call.

    A page that was loaded from elsewhere may neither name the service by a name of its own (DNS rebinding: ``Host``),
    nor send requests to it (``Origin``, ``Sec-Fetch-Site``). Programs send none of these headers but ``Host``.

    Args:
        app: gets the other requests.
        names: by which clients may call the service; empty: by any.
        origins: of pages that may call it (CORS).
    """

    def __init__(self, app: ASGIApp, names: Sequence[str], origins: Sequence[str]) -> None:
        self._app = app
        self._names = frozenset(name.lower() for name in names)
        self._origins = frozenset(origin.lower().rstrip("/") for origin in origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand it on, answer it, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        hosts, origin = headers.getlist("host"), headers.get("origin", "").lower()
        refusal = self._refusal(scope, headers, hosts, origin)
        if refusal is not None:
            problem = Problem(status=403, title=title_of(403), detail=refusal)
            await problem_response(problem)(scope, receive, send)
        elif origin in self._origins:
            await self._across(origin, scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _refusal(self, scope: Scope, headers: Headers, hosts: list[str], origin: str) -> str | None:
        if len(hosts) != 1:
            return "one Host header is needed"
        if self._names and _name(hosts[0]) not in self._names:
            return "this service is not called by that name; IMPORTER_SERVICE_HOST_NAMES allows further ones"
        if origin and origin not in self._origins and _authority(origin) != hosts[0].lower():
            return "a web page of another origin may not call this service, unless --cors-origin names it"
        if origin in self._origins:
            return None
        site = headers.get("sec-fetch-site", "none")
        follows_a_link = scope["method"] == "GET" and headers.get("sec-fetch-mode") == "navigate"
        if site in ("cross-site", "same-site") and not follows_a_link:
            return "a web page of another origin may not call this service, unless --cors-origin names it"
        return None

    async def _across(self, origin: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a page of another origin that may call."""
        allowed = {
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Expose-Headers": CORS_EXPOSED,
            "Cross-Origin-Resource-Policy": "cross-origin",
            "Vary": "Origin",
        }
        if scope["method"] == "OPTIONS":
            asked = {
                "Access-Control-Allow-Methods": CORS_METHODS,
                "Access-Control-Allow-Headers": CORS_HEADERS,
                "Access-Control-Max-Age": "600",
            }
            await Response(status_code=204, headers=allowed | asked)(scope, receive, send)
            return

        async def with_leave(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(allowed)
            await send(message)

        await self._app(scope, receive, with_leave)


def _name(host: str) -> str:
    """The name in a Host header, without its port; of an IPv6 address without the brackets."""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def _authority(origin: str) -> str:
    """Host and port of an origin; of one such as ``null`` there is none."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""
