"""How long and how large a request's head may be, before anything is known of it, and how many connections there are.

uvicorn bounds neither: whoever sends a head in trickles, or one without end, needs no token for it.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["MOST_HEAD_BYTES", "bounded_http"]

MOST_HEAD_BYTES: Final = 64 << 10
"""Of a head that is not complete yet; what one read brings comes on top."""


def bounded_http(*, seconds: float, most_connections: int) -> type[asyncio.Protocol]:
    """The protocol for uvicorn.

    Args:
        seconds: until a head must be complete, from the connection's beginning or the head's first byte.
        most_connections: one more is closed at once.
    """

    class Bounded(_BoundedHttp):
        head_seconds = seconds

    Bounded.most_connections = most_connections
    return Bounded


class _BoundedHttp(HttpToolsProtocol):
    """Knows whether it is in a head, and for how long."""

    head_seconds: float
    most_connections: int

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self._in_head, self._heads, self._head_bytes = True, 0, 0
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.most_connections:
            transport.abort()
        else:
            self._wind_up()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        was_in_head, heads = self._in_head, self._heads
        super().data_received(data)
        if self._heads != heads or self.transport.is_closing():
            return
        if was_in_head:
            self._head_bytes += len(data)
        elif not self._is_answered:
            return  # once it is, uvicorn keeps the time for which a connection may be idle
        if self._head_bytes > MOST_HEAD_BYTES:
            self.send_400_response("The request's head is too large.")
        elif self._timer is None:
            self._wind_up()

    def on_message_begin(self) -> None:
        self._in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._stop()
        self._in_head, self._head_bytes = False, 0
        self._heads += 1
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._in_head = True

    @property
    def _is_answered(self) -> bool:
        """Whether nobody waits for an answer; what is left of a body may still come, and stops uvicorn's own clock."""
        return self.cycle is None or self.cycle.response_complete

    def _wind_up(self) -> None:
        self._timer = self.loop.call_later(self.head_seconds, self._give_up)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give_up(self) -> None:
        if not self._is_answered:
            self._wind_up()  # the answer to the request before it is still on its way
        else:
            self._timer = None
            self.transport.close()
