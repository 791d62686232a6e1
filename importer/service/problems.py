"""Problems as they are answered: ``application/problem+json`` (RFC 9457), without any secret."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from importer.server.secret import redacted

__all__ = [
    "PROBLEM_TYPE",
    "ClientGoneError",
    "Fault",
    "Problem",
    "ProblemError",
    "answers",
    "problem_response",
    "title_of",
]

PROBLEM_TYPE = "application/problem+json"

WORDS = {
    400: "The request is wrong; nothing was done.",
    401: "A bearer token is needed, or it is not the right one.",
    403: "Not from this web page, or not from this folder.",
    404: "There is none of that name.",
    405: "This path does not know that method.",
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


class Fault(BaseModel):
    """One thing that is wrong."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"index": 3, "where": "value", "reason": "NaN"}]})

    index: int | None = Field(default=None, description="Which of several, from 0; null where there is one.")
    where: str = Field(description="The part of the request; `request` where it is no single one.")
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
    errors: list[Fault] = Field(default=[], description="Of 400: all that is wrong with the request.")


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


class ClientGoneError(OSError):
    """There is nobody any more to answer to; an OSError, as streams expect it."""


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


def problem_response(problem: Problem, headers: dict[str, str] | None = None) -> Response:
    """The answer that tells of a problem."""
    return Response(
        redacted(problem.model_dump_json()), status_code=problem.status, headers=headers, media_type=PROBLEM_TYPE
    )
