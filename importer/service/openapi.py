"""The OpenAPI document, as the service really answers."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from importer.service.bearer import is_open
from importer.service.problems import PROBLEM_TYPE, answers

__all__ = ["document"]

TAGS: Final = (
    ("waves", "Heights of waves at places: measurement `surf_heights`, tag `location`, field `height`."),
    ("time series", "Points of metrics, written by batches; read as they are, or aggregated."),
    ("imports", "CSV into buckets: looked at, loaded as jobs, all or nothing, verified."),
    ("service", "Whether it lives, whether InfluxDB answers, and its own figures."),
)
DESCRIPTION: Final = """Every error is `application/problem+json`, of the model Problem. Times are RFC 3339, kept
to the nanosecond. A service that binds to more than loopback asks for `Authorization: Bearer TOKEN`."""
ALWAYS: Final = (403, 503, 504)
WITH_BODY: Final = (408, 413)


def document(app: FastAPI, *, needs_token: bool) -> dict[str, Any]:
    """The document of all routes.

    Wrong requests are 400 here, not 422; problems have a content type of their own; and answers that do not come from a
    route are those of every route.

    Args:
        app: with its routes.
        needs_token: whether clients must send one.
    """
    if app.openapi_schema is None:
        made = get_openapi(
            title=app.title,
            summary=app.summary,
            description=DESCRIPTION,
            version=app.version,
            routes=app.routes,
            tags=[{"name": name, "description": text} for name, text in TAGS],
        )
        schemas = made.setdefault("components", {}).setdefault("schemas", {})
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        if needs_token:
            made["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        for path, operations in made["paths"].items():
            for operation in operations.values():
                _complete(operation, path, needs_token=needs_token)
        app.openapi_schema = made
    return app.openapi_schema


def _complete(operation: dict[str, Any], path: str, *, needs_token: bool) -> None:
    found = operation["responses"]
    takes_input = found.pop("422", None) is not None
    more = set(() if path == "/health" else ALWAYS)
    if takes_input:
        more.add(400)
    if "requestBody" in operation:
        more |= {400, *WITH_BODY}
    if needs_token and not is_open(path):
        more.add(401)
        operation["security"] = [{"token": []}]
    for status, answer in answers(*more).items():
        described = {"description": answer["description"], "content": {"application/json": {"schema": _PROBLEM}}}
        found.setdefault(str(status), described)
    for status, answer in found.items():
        content = answer.get("content", {})
        if status >= "400" and "application/json" in content:
            answer["content"] = {PROBLEM_TYPE: content["application/json"]}
    operation["responses"] = dict(sorted(found.items()))


_PROBLEM: Final = {"$ref": "#/components/schemas/Problem"}
