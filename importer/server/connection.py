"""A connection to InfluxDB: address, token, organisation, and how far the way there is to be trusted.

Goes in: these. Comes out: answers as plain values, or the errors of :mod:`importer.errors`.
"""

from __future__ import annotations

import csv
import ipaddress
import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

from influxdb_client import InfluxDBClient
from influxdb_client.client.flux_table import FluxTable

from importer.errors import ConfigurationError, NotFoundError, TransientServerError
from importer.limits import MAX_STRING_BYTES
from importer.server.answers import not_influxdb, translated
from importer.server.retry import RetryPolicy, call_with_retries
from importer.server.secret import Secret, redacted
from importer.server.transport import Transport, tls_context

__all__ = ["Connection", "Patience", "Server", "translated"]

T = TypeVar("T")

log = logging.getLogger(__name__)

CONNECT_TIMEOUT_SECONDS = 10.0
REQUEST_TIMEOUT_SECONDS = 60.0

# The client library reads answers with Python's own CSV reader, whose cells end at 128 KiB unless told otherwise.
csv.field_size_limit(max(csv.field_size_limit(), 2 * MAX_STRING_BYTES))


@dataclass(frozen=True, slots=True)
class Connection:
    """Where the server is and who is asking; all three from one and the same place.

    Attributes:
        url: such as ``http://127.0.0.1:8086``.
        token: API token; never printed.
        org: organisation name.
        origin: the place the three were taken from, in words, for messages.
        ca_file: certificates of the authorities that may vouch for the server, as PEM; None: the system's.
        verify: check the server's certificate.
        allow_http: send the token over plain http to another machine.

    Raises:
        ConfigurationError: the address is none, the token cannot be one (it is not shown), or it would go to another
            machine in the clear.
    """

    url: str
    token: str = field(repr=False)
    org: str
    origin: str = "given"
    ca_file: Path | None = None
    verify: bool = True
    allow_http: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "token", Secret(self.token))
        if not _is_address(self.url):
            raise ConfigurationError(f"{self.origin}: {self.url!r} is no address such as http://localhost:8086")
        if "@" in urlsplit(self.url).netloc:
            raise ConfigurationError(f"{self.origin}: no user and password belong in the address; give a token")
        if not self.token.isascii() or not self.token.isprintable() or " " in self.token:
            raise ConfigurationError(f"{self.origin}: the token holds blanks or other signs that no token has")
        if not self.allow_http and urlsplit(self.url).scheme == "http" and not self.is_to_this_machine:
            raise ConfigurationError(
                f"{self.origin}: {self.url} is not https, so that whoever listens on the way would read the token;"
                " use https://, or say --allow-http (IMPORTER_ALLOW_HTTP=true) if nobody can listen there"
            )
        if self.ca_file is not None:
            tls_context(self.ca_file)

    @property
    def is_to_this_machine(self) -> bool:
        """Whether the address is this machine's own loopback: nobody listens on the way."""
        return _is_this_machine(self.url)


@dataclass(frozen=True, slots=True)
class Patience:
    """How to wait for a server that does not answer.

    Attributes:
        policy: how long.
        say: gets a line per failed try.
        pause: sleeps; may raise to break off.
    """

    policy: RetryPolicy
    say: Callable[[str], None]
    pause: Callable[[float], None] = time.sleep


class Server:
    """An open connection: the client library's for writes and queries, plain JSON for the rest.

    Args:
        connection: where to and as whom.
        timeout_seconds: for one request.
        pool_size: how many requests may be under way at once.
        is_second: of the same command; what the first one has warned of is not said again.

    Attributes:
        client: the client library's own.
        patience: how questions wait for a server that is away; None: not at all.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        timeout_seconds: float = REQUEST_TIMEOUT_SECONDS,
        pool_size: int = 8,
        is_second: bool = False,
    ) -> None:
        self.connection = connection
        seconds = (min(CONNECT_TIMEOUT_SECONDS, timeout_seconds), timeout_seconds)
        # Without the token, which only the transport knows: it is in none of the client's variables.
        self.client = InfluxDBClient(
            url=connection.url, token="", org=connection.org, timeout=tuple(int(each * 1000) for each in seconds)
        )
        if not connection.verify and connection.url.startswith("https") and not is_second:
            log.warning(
                "warning: the certificate of %s is not checked (--skip-verify):"
                " whoever stands in between can read the token and change the data",
                connection.url,
            )
        self._transport = Transport(
            token=connection.token, tls=tls_context(connection.ca_file, verify=connection.verify), pool_size=pool_size
        )
        self.client.api_client.rest_client.pool_manager = self._transport  # type: ignore[assignment]
        self.patience: Patience | None = None
        self._org_id: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self.client.close()

    def break_off(self) -> None:
        """End all requests that are under way: their calls raise TransientServerError at once.

        May be called from any thread. Later requests work again, on new connections.
        """
        self._transport.break_off()

    @property
    def org_id(self) -> str:
        """The organisation's id; raises NotFoundError with the names that exist."""
        if self._org_id is None:
            answer = self.call("GET", "/api/v2/orgs")
            by_name = {org["name"]: org["id"] for org in answer["orgs"]}
            if self.connection.org not in by_name:
                known = ", ".join(sorted(by_name))
                why = (
                    f"there is: {known}"
                    if known
                    else "this token can see none: it needs the permission to read it (read:orgs)"
                )
                raise NotFoundError(
                    f"organisation {self.connection.org!r} not found at {self.connection.url}; {why}", status=404
                )
            self._org_id = by_name[self.connection.org]
        return self._org_id

    def call(self, method: str, path: str, *, body: Any = None, query: dict[str, str] | None = None) -> Any:
        """One JSON request through the client's own HTTP layer.

        Args:
            method: HTTP method.
            path: such as ``/api/v2/buckets``.
            body: sent as JSON.
            query: query parameters.

        Returns:
            The decoded JSON answer; None where there is none.

        Raises:
            ServerError: as :func:`translated` says.
        """
        with translated():
            response = self.client.api_client.call_api(
                path,
                method,
                query_params=list((query or {}).items()),
                header_params={"Accept": "application/json", "Content-Type": "application/json"},
                body=body,
                _preload_content=False,
                _return_http_data_only=True,
            )
            data = response.data
        try:
            return json.loads(data) if data else None
        except ValueError as error:
            raise not_influxdb(self.connection.url, data, int(response.status)) from error

    def query(self, flux: str, params: dict[str, Any]) -> list[FluxTable]:
        """Ask in Flux; a server that is away for a moment is asked again, if there is :attr:`patience`.

        Args:
            flux: the question.
            params: its values, never pasted into it.

        Raises:
            ServerError: as :func:`translated` says.
        """

        def ask() -> list[FluxTable]:
            with translated():
                return list(self.client.query_api().query(flux, params=params))

        return self.patiently(ask)

    def patiently(self, call: Callable[[], T]) -> T:
        """Call again what may pass, as long as :attr:`patience` lasts. For calls that may be repeated."""
        if self.patience is None:
            return call()
        return call_with_retries(call, self.patience.policy, say=self.patience.say, pause=self.patience.pause)[0]

    def health(self) -> str:
        """The server's version if ``GET /health`` says pass.

        Raises:
            TransientServerError: it answers, but is not ready.
            ServerUnreachableError: nobody answers.
            RequestRefusedError: something else than InfluxDB answers.
        """
        answer = self.call("GET", "/health")
        if not isinstance(answer, dict):
            raise not_influxdb(self.connection.url, json.dumps(answer).encode(), HTTPStatus.OK)
        if answer.get("status") != "pass":
            raise TransientServerError(
                f"{self.connection.url} is not ready: {redacted(str(answer.get('message', answer)))}"
            )
        return str(answer.get("version", "unknown"))


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - it is read here, and no sooner
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and url.isprintable() and " " not in url


def _is_this_machine(url: str) -> bool:
    host = (urlsplit(url).hostname or "").removesuffix(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
