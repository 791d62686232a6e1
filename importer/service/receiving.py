"""Files as they come in: to the disk piece by piece, and never whole in memory.

Goes in: a request whose body is a file, or a form with one. Comes out: the upload; and the form's other parts.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from anyio import CancelScope
from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from importer.errors import ImporterError
from importer.jobs.naming import Hidden
from importer.jobs.uploads import Draft, Upload, Uploads
from importer.service.forms import Part, parts_of
from importer.service.problems import ProblemError

__all__ = ["Received", "in_thread_anyway", "is_form", "paths_hidden", "received_file", "received_form"]

WRITE_BYTES = 1 << 20
MOST_TEXT_BYTES = 1 << 20
"""Of all parts of a form that are no file."""

UNNAMED = "upload.csv"


@contextmanager
def paths_hidden(hidden: Hidden) -> Iterator[None]:
    """Take folders out of the messages of errors that pass."""
    try:
        yield
    except ImporterError as error:
        error.args = (hidden.text(str(error)),)
        raise


@dataclass(slots=True)
class Received:
    """What a form held.

    Attributes:
        upload: its file; None where it had none.
        texts: its other parts, by name.
    """

    upload: Upload | None = None
    texts: dict[str, bytes] = field(default_factory=dict)


def is_form(request: Request) -> bool:
    """Whether the body says that it is a form with parts."""
    return request.headers.get("content-type", "").lower().startswith("multipart/form-data")


async def received_file(request: Request, uploads: Uploads, name: str | None) -> Upload:
    """The body as a file.

    Args:
        request: whose body it is.
        uploads: where it goes.
        name: what it is called.

    Raises:
        ProblemError: it breaks off.
        TooLargeError: there is too much of it.
        NoRoomError: the disk is full.
    """
    with _told_where_it_ends():
        announced = request.headers.get("content-length", "")
        expected = int(announced) if announced.isdecimal() else None
        draft = await run_in_threadpool(uploads.begin, name or UNNAMED, expected)
        return await _written(draft, request.stream())


async def received_form(request: Request, uploads: Uploads, name: str | None = None) -> Received:
    """The file of a form, and its other parts.

    Args:
        request: whose body it is.
        uploads: where the file goes.
        name: what it is called, instead of what the form says.

    Raises:
        ProblemError: the form is none, holds two files, or breaks off.
        TooLargeError: there is too much of it.
        NoRoomError: the disk is full.
    """
    receiving = _Receiving(uploads, name)
    try:
        with _told_where_it_ends():
            async for part in parts_of(request):
                await receiving.take(part)
    except BaseException:
        await receiving.forget()
        raise
    return receiving.received


class _Receiving:
    """A form on its way in."""

    def __init__(self, uploads: Uploads, name: str | None) -> None:
        self.received = Received()
        self._uploads, self._name = uploads, name
        self._writer: _Writer | None = None
        self._text_bytes = 0

    async def take(self, part: Part) -> None:
        if part.filename is None:
            self._take_text(part)
            return
        if self.received.upload is not None:
            raise ProblemError(400, "one file at a time: the form holds two")
        if self._writer is None:
            name = self._name or part.filename or UNNAMED
            self._writer = _Writer(await run_in_threadpool(self._uploads.begin, name))
        await self._writer.add(part.data)
        if part.is_last:
            self.received.upload = await self._writer.finish()

    def _take_text(self, part: Part) -> None:
        self._text_bytes += len(part.data)
        if self._text_bytes > MOST_TEXT_BYTES:
            raise ProblemError(413, f"what is no file may have {MOST_TEXT_BYTES:,} bytes")
        self.received.texts[part.name] = self.received.texts.get(part.name, b"") + part.data

    async def forget(self) -> None:
        """Nothing of it stays."""
        if self._writer is not None:
            await in_thread_anyway(self._writer.draft.discard)
        if self.received.upload is not None:
            await in_thread_anyway(self._uploads.remove, self.received.upload.upload)


@contextmanager
def _told_where_it_ends() -> Iterator[None]:
    try:
        yield
    except ClientDisconnect:
        raise ProblemError(400, "the upload broke off; nothing of it was kept") from None


async def _written(draft: Draft, pieces: AsyncIterator[bytes]) -> Upload:
    writer = _Writer(draft)
    try:
        async for piece in pieces:
            await writer.add(piece)
        return await writer.finish()
    finally:
        await in_thread_anyway(draft.discard)


async def in_thread_anyway(do: Callable[..., object], *arguments: object) -> None:
    """Have a thread clean up, also where the request has just been given up."""
    with CancelScope(shield=True):
        await run_in_threadpool(do, *arguments)


class _Writer:
    """Writes in larger pieces, in a thread: neither the disk nor the digest holds up other requests."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self._held = bytearray()

    async def add(self, data: bytes) -> None:
        self._held += data
        if len(self._held) >= WRITE_BYTES:
            await self._write()

    async def finish(self) -> Upload:
        await self._write()
        return await run_in_threadpool(self.draft.finish)

    async def _write(self) -> None:
        data = bytes(self._held)
        self._held.clear()
        if data:
            await run_in_threadpool(self.draft.write, data)
