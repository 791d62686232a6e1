"""The API's documents for people: one page that reads the OpenAPI document, all of it from this service."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from fastapi import APIRouter
from fastapi.responses import Response

from importer.service.problems import ProblemError

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

FOLDER: Final = Path(__file__).resolve().parents[1] / "docs"
TYPES: Final = {"docs.css": "text/css", "docs.js": "text/javascript"}


@router.get("/docs")
def documents() -> Response:
    """The page; it asks for the token where one is needed."""
    return Response((FOLDER / "index.html").read_bytes(), media_type="text/html")


@router.get("/docs/{name}")
def part(name: str) -> Response:
    """Its style and its script."""
    if name not in TYPES:
        raise ProblemError(404, "there is no such file")
    return Response((FOLDER / name).read_bytes(), media_type=TYPES[name])
