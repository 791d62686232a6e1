"""How large, how slow and how many requests may be."""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from importer.service.problems import ClientGoneError, Problem, problem_response, title_of
from importer.service.settings import MIB, ServiceSettings

__all__ = ["Limits"]

MULTIPART_BYTES: Final = MIB
"""What stands around a file in a form."""

BUFFERED_BYTES: Final = 64 * MIB
"""Bodies that are in memory at once; those of uploads go to the disk."""

ALWAYS_ANSWERED: Final = "/health"


class Limits:
    """Refuses what is too large (413), too slow (408, 504), or more than there is room for (503).

    Args:
        app: gets the other requests.
        settings: the bounds.
    """

    def __init__(self, app: ASGIApp, settings: ServiceSettings) -> None:
        self._app = app
        self._settings = settings
        self._running: set[asyncio.Task[None]] = set()
        self.buffered_bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand it on within bounds, or refuse it."""
        if scope["type"] != "http" or scope["path"] == ALWAYS_ANSWERED:
            await self._app(scope, receive, send)
            return
        if len(self._running) >= self._settings.max_requests:
            await _refused(503, "too many requests are under way: try again")(scope, receive, send)
            return
        request = _Bounded(self, self._settings, scope, receive, send)
        if request.is_too_large:
            await _refused(413, request.too_large)(scope, receive, send)
            return
        task = asyncio.create_task(self._answered(scope, request))
        self._running.add(task)
        task.add_done_callback(self._ended)
        task.add_done_callback(request.let_go)
        await request.wait_for(task)

    async def _answered(self, scope: Scope, request: _Bounded) -> None:
        await self._app(scope, request.receive, request.send)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # whoever waits for it has it; where nobody does any more, nobody needs it


class _Bounded:
    """One request, its body counted and its clock running."""

    def __init__(self, limits: Limits, settings: ServiceSettings, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        self._is_upload = _is_upload(scope, headers)
        self._most = settings.max_upload_bytes + MULTIPART_BYTES if self._is_upload else settings.max_body_bytes
        self._limits, self._settings = limits, settings
        self._scope, self._receive, self._send = scope, receive, send
        self._announced = _number(headers.get("content-length"))
        self._has_all = not self._announced and "transfer-encoding" not in headers
        self._bytes, self._held = 0, 0
        self._begun = self._given_up = False
        self._clock: asyncio.Timeout | None = None

    @property
    def is_too_large(self) -> bool:
        """Whether it says itself that it is."""
        return self._announced > self._most

    @property
    def too_large(self) -> str:
        return f"the request's body may have {self._most:,} bytes"

    async def wait_for(self, task: asyncio.Task[None]) -> None:
        """Until the answer is complete; one that has not begun in time is given by 504 instead.

        What works on it in a thread cannot be stopped. It counts as under way until it ends.
        """
        try:
            async with asyncio.timeout(None) as self._clock:
                if self._has_all or not self._is_upload:
                    self._wind_up()
                await asyncio.shield(task)
        except TimeoutError:
            if task.done() or self._begun:  # at that very moment
                await task
                return
            self._given_up = True
            detail = f"there was no answer within {self._settings.request_seconds:g} s"
            await _refused(504, detail)(self._scope, self._receive, self._send)
        except asyncio.CancelledError:
            self._given_up = True
            task.cancel()
            raise

    def let_go(self, _: asyncio.Task[None]) -> None:
        """Its body is no longer in memory."""
        self._limits.buffered_bytes -= self._held
        self._held = 0

    async def receive(self) -> Message:
        """As the server's, within bounds."""
        if self._given_up:
            return {"type": "http.disconnect"}
        if self._has_all:
            return await self._receive()
        try:
            async with asyncio.timeout(self._settings.idle_seconds):
                message = await self._receive()
        except TimeoutError:
            raise HTTPException(408, "the request's body did not come", {"Connection": "close"}) from None
        if message["type"] == "http.request":
            self._take(len(message.get("body", b"")))
            if not message.get("more_body", False):
                self._has_all = True
                self._wind_up()
        return message

    async def send(self, message: Message) -> None:
        """As the server's; a client that takes nothing any more is let go."""
        if self._given_up:
            return
        if message["type"] == "http.response.start":
            self._begun = True
            self._set_clock(None)
        try:
            async with asyncio.timeout(self._settings.idle_seconds):
                await self._send(message)
        except TimeoutError:
            raise ClientGoneError("the client takes nothing") from None

    def _take(self, size: int) -> None:
        self._bytes += size
        if self._bytes > self._most:
            raise HTTPException(413, self.too_large, {"Connection": "close"})
        if self._is_upload:
            return
        self._held += size
        self._limits.buffered_bytes += size
        if self._limits.buffered_bytes > BUFFERED_BYTES:
            raise HTTPException(503, "too many large requests are under way: try again", {"Retry-After": "1"})

    def _wind_up(self) -> None:
        """From now on, so long."""
        if not self._begun:
            self._set_clock(asyncio.get_running_loop().time() + self._settings.request_seconds)

    def _set_clock(self, when: float | None) -> None:
        if self._clock is not None and not self._clock.expired():
            self._clock.reschedule(when)


def _refused(status: int, detail: str) -> ASGIApp:
    headers = {"Retry-After": "1"} if status in (503, 504) else {"Connection": "close"}
    return problem_response(Problem(status=status, title=title_of(status), detail=detail), headers)


def _is_upload(scope: Scope, headers: Headers) -> bool:
    """Whether the body is a file, which goes to the disk as it comes."""
    is_form = headers.get("content-type", "").lower().startswith("multipart/")
    return scope["method"] == "POST" and (scope["path"] == "/uploads" or (scope["path"] == "/imports" and is_form))


def _number(text: str | None) -> int:
    """What a header counts; of a number beyond all bounds, its beginning is beyond them, too."""
    return int(text[:19]) if text is not None and text.isascii() and text.isdigit() else 0
