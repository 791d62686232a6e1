"""Files that are sent: stored, removed, looked at."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path as FilePath
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import ConfigDict, Field, model_validator

from importer.errors import LoadInterruptedError
from importer.inspecting.previewing import Preview, preview, preview_of_mapping
from importer.jobs.job import WantedHints
from importer.jobs.loading import hints_of, mapping_of
from importer.jobs.naming import allowed_file
from importer.jobs.uploads import Upload
from importer.mapping.parts import Strict
from importer.service.bodies import json_only
from importer.service.parameters import StrictRoute
from importer.service.problems import ProblemError, answers
from importer.service.receiving import is_form, paths_hidden, received_file, received_form
from importer.service.resources import Resources, TheResources
from importer.service.wording import preview_in_requests_words

__all__ = ["ChosenFile", "chosen_path", "router"]

router = APIRouter(tags=["imports"], route_class=StrictRoute)

UploadId = Annotated[str, Path(description="As POST /uploads gave it.", examples=["5f2b8c0e4d1a7b93"])]

SHARE = 0.9
"""Of the time that a request may take: so that the answer says what to do about it."""


class ChosenFile(Strict):
    """Which file: one that was uploaded, or one in the folder that is open to imports."""

    upload: str | None = Field(default=None, description="The id of an upload.")
    path: str | None = Field(default=None, description="A path in the allowed folder.")

    @model_validator(mode="after")
    def _one_of_two(self) -> ChosenFile:
        if (self.upload is None) == (self.path is None):
            raise ValueError("give exactly one of: upload, path")
        return self


class Look(ChosenFile):
    """What to look at, and what is known of it."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"upload": "5f2b8c0e4d1a7b93", "hints": {"timezone": "Europe/Zurich"}}]}
    )

    sample: int | None = Field(default=None, ge=1, le=10_000_000, description="So many rows only; null: all.")
    csv: dict[str, Any] = Field(default_factory=dict, description="How to read the text: delimiter, encoding, …")
    hints: WantedHints | None = Field(default=None, description="What is known better than what is found out.")
    mapping: dict[str, Any] | str | None = Field(
        default=None, description="To be tried, as JSON or TOML; null: one is looked for."
    )


@router.post(
    "/uploads",
    status_code=201,
    summary="Store a file, to be inspected and imported.",
    responses=answers(400, 413, 507),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
                "text/csv": {"schema": {"type": "string"}},
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "properties": {"file": {"type": "string", "format": "binary"}},
                        "required": ["file"],
                    }
                },
            },
        }
    },
)
async def upload_file(
    request: Request,
    resources: TheResources,
    name: Annotated[str | None, Query(description="The file's name.", max_length=1000, examples=["birds.csv"])] = None,
) -> Upload:
    """The body is the file, of whatever type; or a form with one. It goes to the disk as it comes in.

    It is removed when its import has ended well or was cancelled, and after a day.
    """
    await run_in_threadpool(resources.jobs.sweep)
    uploads = resources.jobs.uploads
    if not is_form(request):
        return await received_file(request, uploads, name)
    received = await received_form(request, uploads, name)
    if received.upload is None:
        raise ProblemError(400, "the form holds no file")
    return received.upload


@router.delete(
    "/uploads/{upload}", status_code=204, summary="Remove a file that was sent.", responses=answers(400, 404, 409)
)
def remove_upload(upload: UploadId, resources: TheResources) -> Response:
    """One that an import reads cannot be removed."""
    resources.jobs.discard(upload)
    return Response(status_code=204)


@router.post(
    "/inspections",
    summary="What is in a file, and what would become of it.",
    responses=answers(400, 403, 404, 415, 429, 504, 507),
    dependencies=[Depends(json_only)],
)
def inspect_file(look: Look, resources: TheResources) -> Preview:
    """Columns, time, roles, questions, collisions, a mapping and the first points; nothing is written anywhere.

    With a mapping given, that mapping is tried: what would be rejected, what would collide, how many series there are.
    """
    path, scratch = chosen_path(resources, look), resources.jobs.scratch
    hidden = resources.jobs.hidden_of(path)
    with paths_hidden(hidden), _looking(resources) as stop:
        if look.mapping is None:
            hints = hints_of(look.hints, look.csv)
            found = preview(path, hints, sample=look.sample, scratch=scratch, stop=stop)
        else:
            mapping = mapping_of(look.mapping, look.csv)["mapping"]
            found = preview_of_mapping(path, mapping, sample=look.sample, scratch=scratch, stop=stop)
    return preview_in_requests_words(hidden.within(found.model_dump()))


@contextmanager
def _looking(resources: Resources) -> Iterator[threading.Event]:
    """A place among those that look at files, and the event that is set when the time is up.

    Raises:
        ProblemError: too many are looking already, or the time was up.
    """
    if not resources.looking.acquire(blocking=False):
        raise ProblemError(429, "other files are being looked at: try again", headers={"Retry-After": "5"})
    seconds, stop = resources.settings.request_seconds * SHARE, threading.Event()
    timer = threading.Timer(seconds, stop.set)
    timer.daemon = True
    try:
        timer.start()
        yield stop
    except LoadInterruptedError:
        detail = f"looking at all rows takes longer than {seconds:.0f} s: give a sample, such as 100000"
        raise ProblemError(504, detail) from None
    finally:
        timer.cancel()
        resources.looking.release()


def chosen_path(resources: Resources, chosen: ChosenFile) -> FilePath:
    """Where a file is.

    Raises:
        NoSuchUploadError: there is no such file.
        NotAllowedError: it is not in the folder that is open to imports.
    """
    if chosen.upload is not None:
        uploads = resources.jobs.uploads
        return uploads.place(uploads.find(chosen.upload))
    return allowed_file(resources.settings.allow_folder, chosen.path or "")
