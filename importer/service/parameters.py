"""Query parameters that a route does not have: one that is misspelt would be left out of account in silence."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from importer.mapping.header import nearest
from importer.service.problems import Fault, ProblemError

__all__ = ["StrictRoute"]


class StrictRoute(APIRoute):
    """A route that refuses (400) parameters of queries that it does not have, and names those that may be meant."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """As FastAPI's; no dependency of each route, which would cost each request more than the rest of it."""
        answered, known = super().get_route_handler(), [field.alias for field in self.dependant.query_params]

        async def checked(request: Request) -> Response:
            if request.scope["query_string"]:
                _check(request, known)
            return await answered(request)

        return checked


def _check(request: Request, known: Sequence[str]) -> None:
    faults = [
        Fault(where=f"query.{name}", reason=_reason(name, known)) for name in request.query_params if name not in known
    ]
    if faults:
        raise ProblemError(400, "the request is wrong; nothing was done", errors=faults)


def _reason(name: str, known: Sequence[str]) -> str:
    found = nearest(name, known)
    if found:
        return f"there is no such parameter: did you mean {found[0]!r}?"
    return f"there is no such parameter; there are: {', '.join(known)}" if known else "this route has no parameters"
