"""What the body of a request says that it is, for the routes that take JSON."""

from __future__ import annotations

from fastapi import Request

from importer.service.problems import ProblemError

__all__ = ["JSON", "json_only"]

JSON = "application/json"


async def json_only(request: Request) -> None:
    """Refuse a body that is not sent as JSON.

    Raises:
        ProblemError: 415; says which header is to be sent.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != JSON and not (kind.startswith("application/") and kind.endswith("+json")):
        sent = f"not as {kind!r}" if kind else "which the header Content-Type has to say"
        raise ProblemError(415, f"the body is to be sent as {JSON}, {sent}")
