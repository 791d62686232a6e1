"""Whether a request comes from somebody who knows the token."""

from __future__ import annotations

import hmac
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from importer.server.secret import Secret
from importer.service.problems import Problem, problem_response, title_of

__all__ = ["Bearer", "is_open"]

OPEN: Final = frozenset({"/", "/health", "/ready", "/docs", "/favicon.ico"})
OPEN_BELOW: Final = ("/page/", "/docs/")
"""The page's and the documents' own files: they hold no data, and ask for the token themselves."""

_NONE: Final = "no token was sent: this service wants its own, as Authorization: Bearer TOKEN"
_ANOTHER: Final = "what was sent is not this service's token, as Authorization: Bearer TOKEN"


def is_open(path: str) -> bool:
    """Whether a path needs no token."""
    return path in OPEN or path.startswith(OPEN_BELOW)


class Bearer:
    """Answers 401 to requests without the token; only made where there is one.

    Args:
        app: gets the other requests.
        token: that is asked for.
    """

    def __init__(self, app: ASGIApp, token: Secret) -> None:
        self._app = app
        self._token = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand it on, or refuse it."""
        if scope["type"] != "http" or is_open(scope["path"]):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if self._knows(headers):
            await self._app(scope, receive, send)
            return
        why, challenge = _NONE, 'Bearer realm="importer"'
        if headers.get("authorization"):
            why, challenge = _ANOTHER, f'{challenge}, error="invalid_token"'
        problem = Problem(status=401, title=title_of(401), detail=why)
        await problem_response(problem, {"WWW-Authenticate": challenge})(scope, receive, send)

    def _knows(self, headers: Headers) -> bool:
        given = headers.getlist("authorization")
        kind, _, token = given[0].partition(" ") if len(given) == 1 else ("", "", "")
        # Compared in full, so that how long it takes tells nothing of how much of it is right.
        is_right = hmac.compare_digest(token.strip().encode("latin-1"), self._token)
        return kind.lower() == "bearer" and is_right
