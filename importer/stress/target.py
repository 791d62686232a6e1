"""The service that is measured: whether it may be, and what is asked of it outside the steps.

Goes in: an address and a token. Come out: plain answers, or the errors of :mod:`importer.errors`.
"""

from __future__ import annotations

import http.client
import ipaddress
import json
import re
import socket
from http import HTTPStatus
from typing import Any, Final, NoReturn
from urllib.parse import urlsplit

from importer.errors import AuthorizationError, ConfigurationError, ServerUnreachableError, TerminalServerError
from importer.server.secret import Secret
from importer.server.transport import tls_context
from importer.stress.wire import Address, bearer

__all__ = ["Target", "checked_url"]

_CPU: Final = re.compile(rb"^process_cpu_seconds_total ([0-9.e+-]+)$", re.MULTILINE)


def checked_url(url: str, *, has_token: bool, allow_remote: bool, allow_http: bool) -> str:
    """An address that may be measured, without a slash at its end.

    Args:
        url: as it was given.
        has_token: whether a token is sent.
        allow_remote: whether it may lead to another machine.
        allow_http: whether the token may go there over plain http.

    Raises:
        ConfigurationError: it is none, or leads to another machine unasked.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        host = ""
    if not host or parts.scheme not in ("http", "https") or "@" in parts.netloc or parts.query or parts.fragment:
        raise ConfigurationError(f"{url!r} is no address of a service such as http://127.0.0.1:8000")
    if not _is_here(host):
        if not allow_remote:
            raise ConfigurationError(
                f"{url} leads to another machine, and this is a lot of requests: say --allow-remote if it is yours"
            )
        if has_token and parts.scheme == "http" and not allow_http:
            raise ConfigurationError(
                f"{url} is not https, so that whoever listens on the way would read the token; use https://, or say "
                "--allow-http if nobody can listen there"
            )
    return url.rstrip("/")


def _is_here(host: str) -> bool:
    """Whether all that a name stands for is this machine's own loopback."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return False
    return all(ipaddress.ip_address(str(each[4][0]).partition("%")[0]).is_loopback for each in found)


class Target:
    """A service that runs; each request has a connection of its own.

    Args:
        url: checked before.
        token: that it asks for; None: none.
        timeout_seconds: for an answer.
    """

    def __init__(self, url: str, token: Secret | None, timeout_seconds: float) -> None:
        self._url = url
        self._address = Address.of(url)
        self._tls = tls_context() if self._address.is_tls else None
        self._headers = bearer(token)
        self._timeout_seconds = timeout_seconds

    def ingest(self, body: bytes) -> None:
        """Store a batch.

        Raises:
            ServerError: the service does not.
        """
        self._told(self._asked("POST", "/ingest", body))

    def metrics(self) -> None:
        """Have the list of metrics made, and kept in the service's cache.

        Raises:
            ServerError: the service does not.
        """
        self._told(self._asked("GET", "/metrics"))

    def holds(self, metric: str, points: int) -> bool:
        """Whether a metric has any values.

        Args:
            metric: its name.
            points: a number that no question about it had before, so that its answer is not from the cache.

        Raises:
            ServerError: the service does not answer.
        """
        asked = f'{{"metric":"{metric}","aggregation":"COUNT","limit":{points}}}'.encode()
        status, answer = self._asked("POST", "/query", asked)
        return status != HTTPStatus.NOT_FOUND and bool(self._told((status, answer))["points"])

    def cpu_seconds(self) -> float | None:
        """CPU time that the service has used so far; None if it does not tell."""
        try:
            _, answer = self._asked("GET", "/internal/metrics")
        except ServerUnreachableError:
            return None
        found = _CPU.search(answer)
        return None if found is None else float(found[1])

    def _asked(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """The status and the body of an answer."""
        at, seconds = self._address, self._timeout_seconds
        connection = (
            http.client.HTTPConnection(at.host, at.port, timeout=seconds)
            if self._tls is None
            else http.client.HTTPSConnection(at.host, at.port, timeout=seconds, context=self._tls)
        )
        headers = self._headers if body is None else self._headers | {"Content-Type": "application/json"}
        try:
            connection.request(method, at.path + path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException) as error:
            why = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise ServerUnreachableError(
                f"no service answers at {self._url}: {why}; start one: importer serve"
            ) from None
        finally:
            connection.close()

    def _told(self, answer: tuple[int, bytes]) -> Any:
        status, body = answer
        is_good = HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES
        try:
            told = json.loads(body)
            return told if is_good else self._refused(status, str(told["detail"]))
        except (ValueError, KeyError, TypeError):
            if is_good:
                raise TerminalServerError(f"what answers at {self._url} is no importer service") from None
            return self._refused(status, f"HTTP {status}")

    @staticmethod
    def _refused(status: int, detail: str) -> NoReturn:
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise AuthorizationError(
                f"the service refuses: {detail} (--service-token-file, or IMPORTER_SERVICE_TOKEN)", status=status
            )
        raise TerminalServerError(f"the service cannot be measured: {detail}", status=status)
