"""Imports begun: a file that is sent with them, was sent before, or lies in the allowed folder."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from pydantic import ConfigDict, ValidationError
from pydantic_core import from_json

from importer.jobs.job import Job, Wanted
from importer.jobs.loading import check_bucket
from importer.jobs.refusals import JobStateError, NoSuchUploadError
from importer.jobs.uploads import Upload
from importer.service.parameters import StrictRoute
from importer.service.problems import ProblemError, answers
from importer.service.receiving import in_thread_anyway, is_form, paths_hidden, received_form
from importer.service.resources import Resources, TheResources
from importer.service.routes.uploads import ChosenFile, chosen_path
from importer.service.wording import job_in_requests_words

__all__ = ["router"]

router = APIRouter(tags=["imports"], route_class=StrictRoute)

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
    return job_in_requests_words(job)


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


def _submitted(resources: Resources, wanted: Wanted, path: Path, upload: Upload | None) -> Job:
    jobs = resources.jobs
    with paths_hidden(jobs.hidden_of(path)):
        bucket = jobs.bucket_of(wanted, path)
        jobs.check_place(bucket)
        check_bucket(resources.server(), bucket, wanted.if_exists)
        return jobs.submit(wanted, path, upload=upload)


def _validated(model: type[Options], text: bytes, what: str) -> Options:
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        found: list[Any] = list(error.errors(include_url=False))
        for fault in found:
            fault["loc"] = (what, *fault["loc"])
        with suppress(ValueError):
            raise RequestValidationError(found, body=from_json(text)) from None
        raise RequestValidationError(found) from None
