"""Imports: begun, watched, ended; their rejects, and what they brought."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path as FilePath
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Header, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import StreamingResponse
from pydantic import ConfigDict, ValidationError
from sse_starlette import EventSourceResponse, ServerSentEvent

from importer.jobs.events import Events
from importer.jobs.job import Job, Wanted
from importer.jobs.loading import check_bucket
from importer.jobs.refusals import JobStateError, NoSuchUploadError
from importer.jobs.rejected import rejects_csv
from importer.jobs.results import Chart, Track, chart_of, track_of
from importer.jobs.uploads import Upload
from importer.ledger.report import Report
from importer.service.problems import ProblemError, answers
from importer.service.receiving import in_thread_anyway, is_form, paths_hidden, received_form
from importer.service.resources import Resources, TheResources
from importer.service.routes.uploads import ChosenFile, chosen_path

__all__ = ["router"]

router = APIRouter(tags=["imports"])

JobId = Annotated[str, Path(description="As POST /imports gave it.", examples=["20240501T101500-004812345-3fa91c"])]

PING_SECONDS = 15
SEND_SECONDS = 30.0
"""A listener that takes nothing for so long is let go; it can come back with the id of the last event it had."""

Options = TypeVar("Options", bound=Wanted)


class NewImport(ChosenFile, Wanted):
    """A file that is here already, and how to load it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"upload": "5f2b8c0e4d1a7b93", "bucket": "birds", "if_exists": "replace", "max_rejects": "0.5%"}
            ]
        }
    )

    @property
    def wanted(self) -> Wanted:
        """How to load it."""
        return Wanted.model_validate({name: getattr(self, name) for name in Wanted.model_fields})


_SCHEMA = NewImport.model_json_schema(ref_template="#/components/schemas/{model}")
_SCHEMA.pop("$defs")  # they are among the document's own


@router.post(
    "/imports",
    status_code=202,
    response_model=Job,
    summary="Load a file into a bucket: all of it, verified, or nothing.",
    responses=answers(400, 403, 404, 409, 413, 415, 429, 503, 507),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": _SCHEMA},
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "properties": {
                            "file": {"type": "string", "format": "binary"},
                            "options": {"type": "string", "description": "How to load, as JSON.", "default": "{}"},
                        },
                        "required": ["file"],
                    }
                },
            },
        }
    },
)
async def begin_import(request: Request, response: Response, resources: TheResources) -> Job:
    """A job, which is run as soon as its turn comes; it survives a restart of the service.

    As JSON: a file that was uploaded, or lies in the allowed folder. As a form: a file, and `options` as JSON. Without
    a mapping, one is inferred. Of two imports of one bucket the second is refused as long as the first has not ended.
    """
    if is_form(request):
        job = await _from_form(request, resources)
    elif request.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json":
        job = await run_in_threadpool(_from_json, await request.body(), resources)
    else:
        raise ProblemError(415, "send JSON (application/json), or a form with a file (multipart/form-data)")
    response.headers["Location"] = f"/imports/{job.id}"
    return job


@router.get("/imports", summary="The last imports, the newest first.", responses=answers(400))
def list_imports(
    resources: TheResources,
    limit: Annotated[int, Query(ge=1, le=1000, description="So many at the most.")] = 100,
) -> list[Job]:
    """Those that ended are kept for 30 days, and at most 1,000 of them."""
    return resources.jobs.newest(limit)


@router.get("/imports/{job}", summary="How an import is, or how it ended.", responses=answers(400, 404))
def show_import(job: JobId, resources: TheResources) -> Job:
    """`progress` is the ledger so far; `report` the load's own, as the command line writes it."""
    return resources.jobs.get(job)


@router.delete("/imports/{job}", status_code=202, summary="Tell an import to end.", responses=answers(400, 404, 409))
def cancel_import(job: JobId, resources: TheResources) -> Job:
    """One that waits is cancelled at once; of one that runs, what it has staged is removed, and the bucket stays."""
    return resources.jobs.cancel(job)


@router.post(
    "/imports/{job}/resume",
    status_code=202,
    summary="Go on with an import that was interrupted.",
    responses=answers(400, 404, 409),
)
def resume_import(job: JobId, resources: TheResources) -> Job:
    """One that lost InfluxDB in its midst, say; what was acknowledged is not sent again."""
    return resources.jobs.resume(job)


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
    return chart_of(_verified(resources, job), resources.connection(), field=field, measurement=measurement)


@router.get(
    "/imports/{job}/track",
    summary="Where the points of a verified import lie: up to 5,000 of them.",
    responses=answers(400, 404, 409, 503),
)
def show_track(job: JobId, resources: TheResources) -> Track:
    """For imports with fields named like a latitude and a longitude; 404 for others."""
    return track_of(_verified(resources, job), resources.connection())


async def _from_form(request: Request, resources: Resources) -> Job:
    await run_in_threadpool(resources.jobs.check_place, None)
    received = await received_form(request, resources.jobs.uploads)
    upload = received.upload
    if upload is None:
        raise ProblemError(400, "the form holds no file")
    try:
        wanted = _validated(Wanted, received.texts.get("options", b"{}"), "options")
        return await run_in_threadpool(_begun, resources, wanted, upload)
    except BaseException:
        with suppress(JobStateError, NoSuchUploadError):
            await in_thread_anyway(resources.jobs.discard, upload.upload)  # unless the import reads it all the same
        raise


def _from_json(body: bytes, resources: Resources) -> Job:
    new = _validated(NewImport, body, "body")
    if new.upload is not None:
        return _begun(resources, new.wanted, resources.jobs.uploads.find(new.upload))
    return _submitted(resources, new.wanted, chosen_path(resources, new), None)


def _begun(resources: Resources, wanted: Wanted, upload: Upload) -> Job:
    return _submitted(resources, wanted, resources.jobs.uploads.place(upload), upload)


def _submitted(resources: Resources, wanted: Wanted, path: FilePath, upload: Upload | None) -> Job:
    jobs = resources.jobs
    with paths_hidden(jobs.hidden_of(path)):
        bucket = jobs.bucket_of(wanted, path)
        jobs.check_place(bucket)
        check_bucket(resources.server(), bucket, wanted.if_exists)
        return jobs.submit(wanted, path, upload=upload)


def _verified(resources: Resources, job: str) -> Report:
    found = resources.jobs.get(job)
    if found.state != "verified" or found.report is None:
        raise ProblemError(409, f"the import {job} is not verified: it is {found.state}")
    return found.report


def _validated(model: type[Options], text: bytes, what: str) -> Options:
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        found: list[Any] = list(error.errors(include_url=False, include_context=False))
        for fault in found:
            fault["loc"] = (what, *fault["loc"])
        raise RequestValidationError(found) from None


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
                yield ServerSentEvent(data=event.data, event=event.kind, id=event.id)
            if not found and events.ended:
                return
            if not found:
                await woken.wait()
