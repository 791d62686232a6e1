"""The service that is measured: whether it may be, and what is asked of it outside the steps.

Goes in: an address and a token. Come out: plain answers, or the errors of :mod:`importer.errors`.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

import httpx

from importer.errors import AuthorizationError, ConfigurationError, ServerUnreachableError, TerminalServerError
from importer.server.secret import Secret
from importer.stress.clients import JSON, bearer

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
    """A service that runs; closed with the ``with`` block.

    Args:
        url: checked before.
        token: that it asks for; None: none.
        timeout_seconds: for an answer.
    """

    def __init__(self, url: str, token: Secret | None, timeout_seconds: float) -> None:
        self._url = url
        self._session = httpx.Client(base_url=url, headers=bearer(token), timeout=timeout_seconds, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session.close()

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
        answer = self._asked("POST", "/query", asked)
        return answer.status_code != httpx.codes.NOT_FOUND and bool(self._told(answer)["points"])

    def cpu_seconds(self) -> float | None:
        """CPU time that the service has used so far; None if it does not tell."""
        try:
            answer = self._session.get("/internal/metrics")
        except httpx.HTTPError:
            return None
        found = _CPU.search(answer.content)
        return None if found is None else float(found[1])

    def _asked(self, method: str, path: str, body: bytes | None = None) -> httpx.Response:
        try:
            return self._session.request(method, path, content=body, headers=None if body is None else JSON)
        except httpx.HTTPError as error:
            raise ServerUnreachableError(
                f"no service answers at {self._url}: {error or type(error).__name__}; start one: importer serve"
            ) from None

    def _told(self, answer: httpx.Response) -> Any:
        if answer.is_success:
            try:
                return answer.json()
            except ValueError:
                raise TerminalServerError(f"what answers at {self._url} is no importer service") from None
        try:
            detail = answer.json()["detail"]
        except (ValueError, KeyError, TypeError):
            detail = f"HTTP {answer.status_code}"
        if answer.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            raise AuthorizationError(
                f"the service refuses: {detail} (--token-file, or IMPORTER_SERVICE_TOKEN)", status=answer.status_code
            )
        raise TerminalServerError(f"the service cannot be measured: {detail}", status=answer.status_code)
