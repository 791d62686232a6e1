"""Requests as bytes on a connection, and what comes back.

A client library would take more of the processors, which the service needs, than all else that a client does.

Goes in: an address, and requests. Comes out: the status of each answer.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

__all__ = ["Address", "CannotConnectError", "Wire", "bearer"]

_LENGTH: Final = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)
_CHUNKED: Final = re.compile(rb"\r\ntransfer-encoding:[^\r]*chunked", re.IGNORECASE)
_CLOSE: Final = re.compile(rb"\r\nconnection:[ \t]*close", re.IGNORECASE)
WITHOUT_BODY: Final = (204, 304)


class CannotConnectError(OSError):
    """Nobody takes the connection."""


def bearer(token: str | None) -> dict[str, str]:
    """The header that shows a token."""
    return {} if token is None else {"Authorization": f"Bearer {token}"}


@dataclass(frozen=True, slots=True)
class Address:
    """Where a service is.

    Attributes:
        host: its name.
        port: of it.
        is_tls: whether it speaks https.
        authority: host and port as the ``Host`` header has them.
        path: that its paths begin with; mostly empty.
    """

    host: str
    port: int
    is_tls: bool
    authority: str
    path: str

    @classmethod
    def of(cls, url: str) -> Address:
        """That of an address that has been looked at by :func:`importer.stress.target.checked_url`."""
        parts = urlsplit(url)
        is_tls = parts.scheme == "https"
        return cls(parts.hostname or "", parts.port or (443 if is_tls else 80), is_tls, parts.netloc, parts.path)

    def request(self, method: str, path: str, token: str | None, body: bytes | None = None) -> bytes:
        """A request; its body is JSON."""
        head = [f"{method} {self.path}{path} HTTP/1.1", f"Host: {self.authority}"]
        head += [f"{name}: {value}" for name, value in bearer(token).items()]
        if body is not None:
            head += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        return "\r\n".join([*head, "", ""]).encode("latin-1", errors="replace") + (body or b"")


class Wire:
    """A connection that stays open between requests, and is opened again where it was closed.

    Args:
        address: of the service.
        tls: whom to trust; None: plain http.

    Attributes:
        address: as given.
    """

    def __init__(self, address: Address, tls: ssl.SSLContext | None) -> None:
        self.address = address
        self._tls = tls
        self._open: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: bytes) -> int:
        """Send a request, and take in its answer.

        Returns:
            the answer's status.

        Raises:
            CannotConnectError: nobody takes the connection.
            OSError: it broke off.
        """
        try:
            reader, writer = await self._connected()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            status = int(head[9:12])
            await _pass_body(reader, head, status)
        except (ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            self.close()
            raise ConnectionError("the answer broke off, or is none") from error
        except BaseException:
            self.close()
            raise
        if _CLOSE.search(head):
            self.close()
        return status

    def close(self) -> None:
        """Close it."""
        opened, self._open = self._open, None
        if opened is not None:
            opened[1].transport.abort()

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._open is not None and self._open[0].at_eof():
            self.close()
        if self._open is None:
            try:
                self._open = await asyncio.open_connection(self.address.host, self.address.port, ssl=self._tls)
            except OSError as error:
                raise CannotConnectError(str(error)) from error
        return self._open


async def _pass_body(reader: asyncio.StreamReader, head: bytes, status: int) -> None:
    if _CHUNKED.search(head):
        while size := int(await reader.readline(), 16):
            await reader.readexactly(size + 2)
        while (await reader.readline()).strip():
            pass
    elif length := _LENGTH.search(head):
        await reader.readexactly(int(length[1]))
    elif status not in WITHOUT_BODY:
        await reader.read()
