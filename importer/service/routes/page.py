"""The page to import with: one document, its style and its scripts, as they lie in the package."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from importer.service.problems import ProblemError

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

FOLDER: Final = Path(__file__).resolve().parents[1] / "page"
TYPES: Final = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@router.get("/")
def page(request: Request) -> Response:
    """The document; it holds no data, and asks for the token itself where one is needed."""
    return _answer("index.html", request)


@router.get("/page/{name}")
def part(name: str, request: Request) -> Response:
    """One of the files that the document names."""
    return _answer(name, request)


def _answer(name: str, request: Request) -> Response:
    found = _files().get(name)
    if found is None:
        raise ProblemError(404, "there is no such file")
    content, media_type, tag = found
    # Browsers keep it, and ask each time whether it is still the same: an update of the service is seen at once.
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=media_type, headers=headers)


@cache
def _files() -> dict[str, tuple[bytes, str, str]]:
    """Content, media type and digest of each file; there is nothing else that a name could lead to."""
    return {
        path.name: (content := path.read_bytes(), TYPES[path.suffix], f'"{hashlib.sha256(content).hexdigest()[:32]}"')
        for path in sorted(FOLDER.iterdir())
        if path.suffix in TYPES
    }
