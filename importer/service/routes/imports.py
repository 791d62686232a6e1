"""Imports that were begun: watched, ended, gone on with; their rejects, and what they brought."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse
from sse_starlette import EventSourceResponse, ServerSentEvent

from importer.jobs.events import Events
from importer.jobs.job import Job
from importer.jobs.rejected import rejects_csv
from importer.jobs.results import Chart, Track, chart_of, track_of
from importer.ledger.report import Report
from importer.service.parameters import StrictRoute
from importer.service.problems import ProblemError, answers
from importer.service.resources import Resources, TheResources
from importer.service.wording import event_in_requests_words, job_in_requests_words

__all__ = ["router"]

router = APIRouter(tags=["imports"], route_class=StrictRoute)

JobId = Annotated[str, Path(description="As POST /imports gave it.", examples=["20240501T101500-004812345-3fa91c"])]

PING_SECONDS = 15
SEND_SECONDS = 30.0
"""A listener that takes nothing for so long is let go; it can come back with the id of the last event it had."""


@router.get("/imports", summary="The last imports, the newest first.", responses=answers(400))
def list_imports(
    resources: TheResources,
    limit: Annotated[int, Query(ge=1, le=1000, description="So many at the most.")] = 100,
) -> list[Job]:
    """Those that ended are kept for 30 days, and at most 1,000 of them."""
    return [job_in_requests_words(job) for job in resources.jobs.newest(limit)]


@router.get("/imports/{job}", summary="How an import is, or how it ended.", responses=answers(400, 404))
def show_import(job: JobId, resources: TheResources) -> Job:
    """`progress` is the ledger so far; `report` the load's own."""
    return job_in_requests_words(resources.jobs.get(job))


@router.delete("/imports/{job}", status_code=202, summary="Tell an import to end.", responses=answers(400, 404, 409))
def cancel_import(job: JobId, resources: TheResources) -> Job:
    """One that waits is cancelled at once; of one that runs, what it has staged is removed, and the bucket stays."""
    return job_in_requests_words(resources.jobs.cancel(job))


@router.post(
    "/imports/{job}/resume",
    status_code=202,
    summary="Go on with an import that was interrupted.",
    responses=answers(400, 404, 409),
)
def resume_import(job: JobId, resources: TheResources) -> Job:
    """One that lost InfluxDB in its midst, say; what was acknowledged is not sent again."""
    return job_in_requests_words(resources.jobs.resume(job))


@router.get(
    "/imports/{job}/events",
    response_class=EventSourceResponse,
    summary="What an import tells, as server-sent events.",
    responses={
        200: {
            "description": "`state` and `end` bring the job, `progress` the ledger so far, `log` what the load says.",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
        204: {"description": "It has ended, and you know it already."},
        **answers(400, 404),
    },
)
async def watch_import(
    job: JobId,
    resources: TheResources,
    last_event_id: Annotated[str | None, Header(description="The last event that you had.", max_length=100)] = None,
) -> Response:
    """Ends with the import. `progress` comes at most four times a second; who is slow misses some of it."""
    events = await run_in_threadpool(resources.jobs.events, job)
    if events.ended and last_event_id is not None and not events.after(last_event_id):
        return Response(status_code=204)  # which tells browsers not to come back
    return EventSourceResponse(_told(events, last_event_id), ping=PING_SECONDS, send_timeout=SEND_SECONDS)


@router.get(
    "/imports/{job}/rejects",
    response_class=StreamingResponse,
    summary="The rows and cells that could not be loaded, with their reasons, as CSV.",
    responses={
        200: {
            "description": "source, line, byte_offset, column, error_type, error_message, raw",
            "content": {"text/csv": {"schema": {"type": "string"}}},
        },
        **answers(400, 404),
    },
)
def show_rejects(
    job: JobId,
    resources: TheResources,
    limit: Annotated[int | None, Query(ge=1, description="So many at the most; all without it.")] = None,
) -> Response:
    """Of one that runs, those so far; the header alone where there are none."""
    path, hidden = resources.jobs.rejects(job)
    headers = {"Content-Disposition": f'attachment; filename="{job}.rejects.csv"'}
    return StreamingResponse(rejects_csv(path, hidden, limit), media_type="text/csv; charset=utf-8", headers=headers)


@router.get(
    "/imports/{job}/chart",
    summary="A field of a verified import over time: up to 300 windows.",
    responses=answers(400, 404, 409, 503),
)
def show_chart(
    job: JobId,
    resources: TheResources,
    field: Annotated[str | None, Query(description="Its key; the first number without it.", max_length=1000)] = None,
    measurement: Annotated[str | None, Query(max_length=1000)] = None,
) -> Chart:
    """Of all series together, as the bucket holds it now."""
    return chart_of(_verified(resources, job), resources.server(), field=field, measurement=measurement)


@router.get(
    "/imports/{job}/track",
    summary="Where the points of a verified import lie: up to 5,000 of them.",
    responses=answers(400, 404, 409, 503),
)
def show_track(job: JobId, resources: TheResources) -> Track:
    """For imports with fields named like a latitude and a longitude; 404 for others."""
    return track_of(_verified(resources, job), resources.server())


def _verified(resources: Resources, job: str) -> Report:
    found = resources.jobs.get(job)
    if found.state != "verified" or found.report is None:
        raise ProblemError(409, f"the import {job} is not verified: it is {found.state}")
    return found.report


async def _told(events: Events, known: str | None) -> AsyncIterator[ServerSentEvent]:
    loop, woken = asyncio.get_running_loop(), asyncio.Event()

    def wake() -> None:
        with suppress(RuntimeError):  # the loop may be closed by now
            loop.call_soon_threadsafe(woken.set)

    with events.listening(wake):
        while True:
            woken.clear()
            found = events.after(known)
            for event in found:
                known = event.id
                yield ServerSentEvent(data=event_in_requests_words(event), event=event.kind, id=event.id)
            if not found and events.ended:
                return
            if not found:
                await woken.wait()
