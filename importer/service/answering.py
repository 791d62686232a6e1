"""The one place where errors become answers, none of which holds a secret."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
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
from importer.service.faults import faults_of
from importer.service.problems import ClientGoneError, Fault, Problem, ProblemError, problem_response, title_of
from importer.service.wording import in_requests_words

__all__ = ["Unforeseen", "about", "handle_problems"]

log = logging.getLogger(__name__)

RETRY_AFTER_SECONDS = 5
QUEUE_SECONDS = 30
"""An import has its turn more rarely than InfluxDB its rest."""

_BAD_REQUEST = 400
_WITHOUT_ROUTE = {
    404: "there is no such path: /docs has those that there are",
    405: "this path does not know the method {method}; it knows {allowed}",
}


@contextmanager
def about(where: str) -> Iterator[None]:
    """Say of errors that pass which part of the request they are about."""
    try:
        yield
    except (ConfigurationError, MeasurementError) as error:
        status, _ = _status_of(error)
        if status != _BAD_REQUEST:
            raise
        detail = in_requests_words(str(error))
        raise ProblemError(status, detail, errors=[Fault(where=where, reason=detail)]) from None


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
        status, headers = _status_of(error)
        detail = in_requests_words(shown(error))
        where = getattr(error, "part", None)
        faults = [Fault(where=where or "request", reason=detail)] if status == _BAD_REQUEST else []
        return problem_response(Problem(status=status, title=title_of(status), detail=detail, errors=faults), headers)

    async def of_route(_: Request, error: Exception) -> Response:
        assert isinstance(error, ProblemError)  # noqa: S101 - as registered below
        problem = error.problem
        if type(problem) is Problem and problem.status == _BAD_REQUEST and not problem.errors:
            problem.errors.append(Fault(where="request", reason=problem.detail))
        return problem_response(problem, error.headers)

    async def of_framework(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - as registered below
        status, headers = error.status_code, dict(error.headers or {})
        detail = str(error.detail)
        if detail == title_of(status):  # nothing that would not be known already
            detail = _WITHOUT_ROUTE.get(status, detail).format(
                method=request.method, allowed=headers.get("Allow", "others")
            )
        faults = [Fault(where="request", reason=detail)] if status == _BAD_REQUEST else []
        return problem_response(Problem(status=status, title=title_of(status), detail=detail, errors=faults), headers)

    async def of_request(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101 - as registered below
        return problem_response(
            Problem(
                status=_BAD_REQUEST,
                title=title_of(_BAD_REQUEST),
                detail="the request is wrong; nothing was done",
                errors=faults_of(error.errors(), error.body),
            )
        )

    app.add_exception_handler(ImporterError, of_importer)
    app.add_exception_handler(ProblemError, of_route)
    app.add_exception_handler(HTTPException, of_framework)
    app.add_exception_handler(RequestValidationError, of_request)


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


def _status_of(error: ImporterError) -> tuple[int, dict[str, str]]:
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
        ((ConfigurationError, SourceError, MeasurementError), _BAD_REQUEST),
    )
    for kind, status in by_type:
        if isinstance(error, kind):
            return status, {}
    if isinstance(error, RequestRefusedError) and error.status in (400, 422):
        return _BAD_REQUEST, {}
    # The rest are redirects and certificates that are not accepted: whatever is there is not our InfluxDB.
    # What was read is not what the server counts: somebody wrote meanwhile.
    return (503, retry) if isinstance(error, ServerError | VerificationError) else (500, {})
