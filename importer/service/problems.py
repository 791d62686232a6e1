"""The one place where errors become answers: ``application/problem+json`` (RFC 9457), without any secret."""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from importer.errors import (
    AuthorizationError,
    BucketExistsError,
    ConfigurationError,
    ImporterError,
    LoadInProgressError,
    MeasurementError,
    NotFoundError,
    PayloadTooLargeError,
    RequestRefusedError,
    ResumeRefusedError,
    ServerError,
    SourceError,
    SpoolError,
    TransientServerError,
    VerificationError,
)
from importer.jobs.refusals import (
    JobStateError,
    NoRoomError,
    NoSuchJobError,
    NoSuchUploadError,
    NotAllowedError,
    QueueFullError,
    TooLargeError,
)
from importer.server.secret import redacted

__all__ = [
    "PROBLEM_TYPE",
    "ClientGoneError",
    "Fault",
    "Problem",
    "ProblemError",
    "Unforeseen",
    "answers",
    "handle_problems",
    "in_requests_words",
    "problem_of",
    "problem_response",
    "title_of",
]

log = logging.getLogger(__name__)

PROBLEM_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 5
QUEUE_SECONDS = 30
"""An import has its turn more rarely than InfluxDB its rest."""

WORDS = {
    400: "The request is wrong; nothing was done.",
    401: "A bearer token is needed, or it is not the right one.",
    403: "Not from this web page, or not from this folder.",
    404: "There is none of that name.",
    405: "This path does not know that method.",
    406: "Nothing that the client accepts.",
    408: "The request's body did not come.",
    409: "It conflicts with what is there or under way.",
    413: "Too large.",
    415: "A wrong content type.",
    429: "Too many are waiting.",
    500: "The service failed.",
    503: "InfluxDB cannot be reached or refuses the service's token, or too much is under way; try again later.",
    504: "It took too long.",
    507: "The service's disk is full.",
}
"""What each status means here, for the documents."""


_PARTS = {
    "bucket": "bucket",
    "mapping": "mapping",
    "max-rejects": "max_rejects",
    "measurement": "hints.measurement",
    "time": "hints.time",
    "time-format": "hints.time_format",
    "timezone": "hints.timezone",
    "ambiguous": "hints.ambiguous",
    "tag": "hints.tags",
    "field": "hints.fields",
    "filter": "hints.row_filter",
    "encoding": "csv.encoding",
    "delimiter": "csv.delimiter",
    "decimal": "csv.decimal",
    "null": "csv.null",
    "header": "csv.header",
    "skip-header": "csv.skip_header",
    "skip-rows": "csv.skip_rows",
}
"""Options of the command line, and the parts of a request that say the same."""

_OF_THE_SERVICE = ("allow-folder", "allow-http", "ca-file", "series-bucket", "skip-verify", "state-dir", "token-file")
_OPTION = re.compile(r"(?<![\w-])--([a-z]+(?:-[a-z]+)*)(?: (append|replace|fail)\b)?")


def in_requests_words(text: str) -> str:
    """What an error says, with parts of a request in place of the command line's options."""

    def part(found: re.Match[str]) -> str:
        name, value = found[1], found[2]
        if name == "if-exists":
            return f'"if_exists": "{value}"' if value else '"if_exists"'
        after = f" {value}" if value else ""
        if name in _PARTS:
            return f'"{_PARTS[name]}"{after}'
        return f"--{name} (of the service){after}" if name in _OF_THE_SERVICE else found[0]

    return _OPTION.sub(part, text)


class Fault(BaseModel):
    """One thing that is wrong."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"index": 3, "where": "value", "reason": "NaN"}]})

    index: int | None = Field(default=None, description="Which of several, from 0; null where there is one.")
    where: str = Field(description="The part of the request.")
    reason: str = Field(description="What is wrong with it.")


class Problem(BaseModel):
    """Why a request was not carried out."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "status": 400,
                    "title": "Bad Request",
                    "detail": "the request is wrong",
                    "errors": [{"index": None, "where": "body.height", "reason": "a finite number is needed"}],
                }
            ]
        }
    )

    status: int = Field(description="The HTTP status.")
    title: str = Field(description="What that status is called.")
    detail: str = Field(description="What happened, for people.")
    errors: list[Fault] = Field(default=[], description="All that is wrong with the request, where that can be told.")


class ProblemError(Exception):
    """Raised by routes to answer with a problem.

    Args:
        status: the HTTP status.
        detail: what happened, and what to do.
        errors: the single faults.
        headers: further headers of the answer.
        problem: the whole answer, where it says more than a Problem.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        errors: Sequence[Fault] = (),
        headers: dict[str, str] | None = None,
        problem: Problem | None = None,
    ) -> None:
        super().__init__(detail)
        self.problem = problem or Problem(status=status, title=title_of(status), detail=detail, errors=list(errors))
        self.headers = headers or {}


def title_of(status: int) -> str:
    """What a status is called."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def answers(*statuses: int, **models: type[Problem]) -> dict[int | str, dict[str, Any]]:
    """The error answers of a route, for its ``responses``.

    Args:
        statuses: that it may answer with, besides those that every route may.
        models: more than a Problem: ``answers(400, status_400=IngestRefused)``.
    """
    return {
        status: {"model": models.get(f"status_{status}", Problem), "description": WORDS[status]}
        for status in sorted(set(statuses))
    }


def problem_of(error: ImporterError) -> tuple[int, dict[str, str]]:
    """The status that stands for an error, and the headers that go with it."""
    retry = {"Retry-After": str(RETRY_AFTER_SECONDS)}
    if isinstance(error, TransientServerError):
        if error.retry_after_seconds is not None:
            retry = {"Retry-After": str(max(1, min(3600, round(error.retry_after_seconds))))}
        return 503, retry
    if isinstance(error, AuthorizationError):
        return 503, retry
    if isinstance(error, QueueFullError):
        return 429, {"Retry-After": str(QUEUE_SECONDS)}
    by_type: tuple[tuple[type[ImporterError] | tuple[type[ImporterError], ...], int], ...] = (
        ((LoadInProgressError, BucketExistsError, ResumeRefusedError, JobStateError), 409),
        ((NotFoundError, NoSuchJobError, NoSuchUploadError), 404),
        (NotAllowedError, 403),
        ((PayloadTooLargeError, TooLargeError), 413),
        ((NoRoomError, SpoolError), 507),
        ((ConfigurationError, SourceError, MeasurementError), 400),
    )
    for kind, status in by_type:
        if isinstance(error, kind):
            return status, {}
    if isinstance(error, RequestRefusedError) and error.status in (400, 422):
        return 400, {}
    # The rest are redirects and certificates that are not accepted: whatever is there is not our InfluxDB.
    # What was read is not what the server counts: somebody wrote meanwhile.
    return (503, retry) if isinstance(error, ServerError | VerificationError) else (500, {})


def problem_response(problem: Problem, headers: dict[str, str] | None = None) -> Response:
    """The answer that tells of a problem."""
    return Response(
        redacted(problem.model_dump_json()), status_code=problem.status, headers=headers, media_type=PROBLEM_TYPE
    )


def handle_problems(app: FastAPI, state_dir: Path) -> None:
    """Have every error that leaves a route answered as a problem.

    Args:
        app: whose routes.
        state_dir: a folder that no answer names.
    """
    hidden = sorted({str(state_dir), str(state_dir.resolve())}, key=len, reverse=True)

    def shown(error: Exception) -> str:
        text = str(error)
        for path in hidden:
            text = text.replace(path, "…")
        return text

    async def of_importer(_: Request, error: Exception) -> Response:
        assert isinstance(error, ImporterError)  # noqa: S101 - as registered below
        status, headers = problem_of(error)
        detail = in_requests_words(shown(error))
        return problem_response(Problem(status=status, title=title_of(status), detail=detail), headers)

    async def of_route(_: Request, error: Exception) -> Response:
        assert isinstance(error, ProblemError)  # noqa: S101 - as registered below
        return problem_response(error.problem, error.headers)

    async def of_framework(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - as registered below
        status = error.status_code
        problem = Problem(status=status, title=title_of(status), detail=str(error.detail))
        return problem_response(problem, dict(error.headers or {}))

    async def of_request(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101 - as registered below
        return problem_response(
            Problem(
                status=400,
                title=title_of(400),
                detail="the request is wrong; nothing was done",
                errors=[_fault(each) for each in error.errors()[:1000]],
            )
        )

    app.add_exception_handler(ImporterError, of_importer)
    app.add_exception_handler(ProblemError, of_route)
    app.add_exception_handler(HTTPException, of_framework)
    app.add_exception_handler(RequestValidationError, of_request)


class ClientGoneError(OSError):
    """There is nobody any more to answer to; an OSError, as streams expect it."""


class Unforeseen:
    """Answers (500) where nobody has foreseen what went wrong; the log says what."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand it on; answer where that fails."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        has_begun = False

        async def noted(message: Message) -> None:
            nonlocal has_begun
            has_begun = has_begun or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except (ClientDisconnect, ClientGoneError):
            log.info("a client went away in mid-answer")
        except Exception as error:  # noqa: BLE001 - whatever it is, no client is to see it
            log.error(  # noqa: TRY400 - with the trace, but without secrets
                "unforeseen:\n%s", redacted("".join(traceback.format_exception(error)))
            )
            if not has_begun:
                problem = Problem(status=500, title=title_of(500), detail="the service failed; its log says why")
                await problem_response(problem)(scope, receive, send)


def _fault(error: dict[str, Any]) -> Fault:
    place = list(error.get("loc", ()))
    index = next((part for part in place if isinstance(part, int)), None) if "body" in place[:1] else None
    if error.get("type") == "json_invalid":
        index = None
    where = ".".join(str(part) for part in place)
    return Fault(index=index, where=where or "request", reason=str(error.get("msg", "wrong")))
