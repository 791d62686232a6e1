"""The HTTP layer beneath the client library.

Goes in: the token, and whom to trust. Comes out: a connection pool that the client library uses in place of its own:
it adds the token at the last moment, follows no redirect, takes the token out of error answers that repeat it, and
can break off what is under way.
"""

from __future__ import annotations

import contextlib
import io
import logging
import socket
import ssl
import threading
import weakref
from http import HTTPStatus
from pathlib import Path
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from importer.errors import ConfigurationError
from importer.server.secret import Redacting, redacted

__all__ = ["Transport", "tls_context"]

# Told to debug, these log bodies and addresses, in which a server may repeat what it was sent.
for _name in ("influxdb_client.client.http", "urllib3.connectionpool"):
    logging.getLogger(_name).addFilter(Redacting())


def tls_context(ca_file: Path | None = None, *, verify: bool = True) -> ssl.SSLContext:
    """Whom to trust.

    Args:
        ca_file: PEM file of authorities; None: the system's own (or those that ``SSL_CERT_FILE`` names).
        verify: check the certificate and the name in it.

    Raises:
        ConfigurationError: the file cannot be read, or holds no certificate.
    """
    try:
        context = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
    except OSError as error:  # ssl's own errors are some of these
        why = error.strerror if not isinstance(error, ssl.SSLError) else "it holds no certificate in PEM form"
        raise ConfigurationError(f"cannot use the certificate file {str(ca_file)!r}: {why}") from error
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


class Sockets:
    """The open sockets of one transport, from before they are connected until they are closed."""

    def __init__(self) -> None:
        self._open: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._lock = threading.Lock()

    def add(self, sock: socket.socket) -> None:
        """Know of a socket as long as somebody holds it."""
        with self._lock:
            self._open.add(sock)

    def shut_down(self) -> None:
        """End what is under way on all of them; whoever waits for one wakes up with an error."""
        with self._lock:
            sockets, self._open = list(self._open), weakref.WeakSet()
        for sock in sockets:
            with contextlib.suppress(OSError):  # closed already, or never connected
                # Not the TLS socket's own, which would let its reader go on without decrypting.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)


class _Known(HTTPConnection):
    """A connection whose socket is known from the start, and that adds the token to what it sends."""

    debuglevel = 0  # whatever http.client is told: it would print the headers
    sockets: Sockets
    token: str

    def endheaders(self, *args: Any, **more: Any) -> None:
        if self.token:
            self.putheader("Authorization", f"Token {self.token}")
        super().endheaders(*args, **more)

    def _new_conn(self) -> socket.socket:
        # As urllib3's own, but for being known while it connects.
        try:
            found = socket.getaddrinfo(self._dns_host, self.port, type=socket.SOCK_STREAM)
        except (socket.gaierror, UnicodeError) as error:
            reason = error if isinstance(error, socket.gaierror) else socket.gaierror(str(error))
            raise NameResolutionError(self.host, self, reason) from error
        failure: OSError = OSError(f"{self.host} has no address")
        for family, kind, protocol, _, address in found:
            sock = socket.socket(family, kind, protocol)
            self.sockets.add(sock)
            try:
                for option in self.socket_options or ():
                    sock.setsockopt(*option)
                sock.settimeout(self.timeout)
                sock.connect(address)
            except OSError as error:
                sock.close()
                failure = error
            else:
                return sock
        if isinstance(failure, TimeoutError):
            raise ConnectTimeoutError(self, f"Connection to {self.host} timed out") from failure
        raise NewConnectionError(self, f"Failed to establish a new connection: {failure}") from failure


class _KnownTls(_Known, HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        sock = super()._new_conn()
        # TLS takes the socket over: until that is done, a twin stands for the connection.
        self._twin = sock.dup()
        self.sockets.add(self._twin)
        return sock

    def connect(self) -> None:
        try:
            super().connect()
            self.sockets.add(self.sock)
        finally:
            if twin := getattr(self, "_twin", None):
                twin.close()


class _TlsPool(urllib3.HTTPSConnectionPool):
    """A pool that does not warn at each request that certificates are not checked: that was said once."""

    def _validate_conn(self, conn: Any) -> None:
        if conn.is_closed:
            conn.connect()


HTTP_1_1 = 11
"""As the standard library numbers it."""


class Transport(urllib3.PoolManager):
    """Connections to one server.

    Args:
        token: sent with every request; none if empty.
        tls: whom to trust.
        pool_size: how many requests may be under way at once.
    """

    def __init__(self, *, token: str, tls: ssl.SSLContext, pool_size: int) -> None:
        super().__init__(num_pools=1, maxsize=pool_size, retries=False, ssl_context=tls)
        self._sockets = Sockets()
        known = {"sockets": self._sockets, "token": token}
        plain, secure = type("HTTPConnection", (_Known,), known), type("HTTPSConnection", (_KnownTls,), known)
        self.pool_classes_by_scheme = {
            "http": type("Pool", (urllib3.HTTPConnectionPool,), {"ConnectionCls": plain}),
            "https": type("TlsPool", (_TlsPool,), {"ConnectionCls": secure}),
        }

    def urlopen(self, method: str, url: str, **more: Any) -> urllib3.BaseHTTPResponse:  # type: ignore[override]
        """One request; what answers with a redirect has answered, and nothing is sent there."""
        response = super().urlopen(method, url, **more | {"redirect": False})
        _check_framing(response)
        return response if response.status < HTTPStatus.MULTIPLE_CHOICES else _harmless(response)

    def break_off(self) -> None:
        """End all requests that are under way, at once; later ones get new connections."""
        self._sockets.shut_down()


def _check_framing(answer: urllib3.BaseHTTPResponse) -> None:
    """Raise ProtocolError for an answer that says in no way where it ends: it broke off within its head.

    Else it would be taken for one without a body (RFC 9112, 6.3).
    """
    if answer.version != HTTP_1_1:
        return  # before, the end of the connection was the end of an answer
    has_end = {"content-length", "transfer-encoding", "connection"} & {name.lower() for name in answer.headers}
    if not has_end and answer.status not in {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}:
        raise urllib3.exceptions.ProtocolError("the answer broke off within its head")


def _harmless(answer: urllib3.BaseHTTPResponse) -> urllib3.BaseHTTPResponse:
    """The same answer without any secret, before the client library logs it."""
    body = redacted(answer.data.decode(errors="surrogateescape")).encode(errors="surrogateescape")
    told = {"content-encoding", "content-length", "transfer-encoding"}  # of what has been read and decoded by now
    headers = {name: redacted(value) for name, value in answer.headers.items() if name.lower() not in told}
    return urllib3.HTTPResponse(
        body=io.BytesIO(body),
        headers=headers,
        status=answer.status,
        reason=redacted(answer.reason or ""),
        version=answer.version,
        preload_content=False,
    )
