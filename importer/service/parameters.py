"""Query parameters that a route does not have: one that is misspelt would be left out of account in silence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import Request

from importer.mapping.header import nearest
from importer.service.problems import Fault, ProblemError

__all__ = ["known_parameters"]


async def known_parameters(request: Request) -> None:
    """Refuse the others.

    Raises:
        ProblemError: 400; names each, and the one that may have been meant.
    """
    if not request.scope["query_string"]:
        return
    route: Any = request.scope["route"]
    known = [field.alias for field in route.dependant.query_params]
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
