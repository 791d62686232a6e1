"""A connection to InfluxDB, and the one place where its client's errors are translated.

Goes in: address, token and organisation. Comes out: answers as plain values, or the errors of
:mod:`importer.errors`.
"""

from __future__ import annotations

import csv
import email.utils
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

import urllib3
from influxdb_client import InfluxDBClient
from influxdb_client.client.flux_csv_parser import FluxQueryException
from influxdb_client.client.flux_table import FluxTable
from influxdb_client.rest import ApiException

from importer.errors import (
    AuthorizationError,
    ConfigurationError,
    MalformedLinesError,
    NotFoundError,
    PartialWriteError,
    PayloadTooLargeError,
    RequestRefusedError,
    ServerError,
    ServerUnreachableError,
    TransientServerError,
)
from importer.limits import MAX_STRING_BYTES
from importer.server.retry import RetryPolicy, call_with_retries

__all__ = ["Connection", "Patience", "Server", "translated"]

T = TypeVar("T")

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

    Raises:
        ConfigurationError: the address is none, or the token cannot be one; it is not shown.
    """

    url: str
    token: str = field(repr=False)
    org: str
    origin: str = "given"

    def __post_init__(self) -> None:
        if not _is_address(self.url):
            raise ConfigurationError(f"{self.origin}: {self.url!r} is no address such as http://localhost:8086")
        if "@" in urlsplit(self.url).netloc:
            raise ConfigurationError(f"{self.origin}: no user and password belong in the address; give a token")
        if not self.token.isascii() or not self.token.isprintable() or " " in self.token:
            raise ConfigurationError(f"{self.origin}: the token holds blanks or other signs that no token has")


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
    ) -> None:
        self.connection = connection
        self.client = InfluxDBClient(
            url=connection.url,
            token=connection.token,
            org=connection.org,
            timeout=int(timeout_seconds * 1000),
            connection_pool_maxsize=pool_size,
        )
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

    @property
    def org_id(self) -> str:
        """The organisation's id; raises NotFoundError with the names that exist."""
        if self._org_id is None:
            answer = self.call("GET", "/api/v2/orgs")
            by_name = {org["name"]: org["id"] for org in answer["orgs"]}
            if self.connection.org not in by_name:
                known = ", ".join(sorted(by_name)) or "none that this token can see"
                raise NotFoundError(
                    f"organisation {self.connection.org!r} not found at {self.connection.url}; there is: {known}",
                    status=404,
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
            raise RequestRefusedError(
                f"{self.connection.url} did not answer as InfluxDB does: {data[:80].decode(errors='replace')!r}",
                status=int(response.status),
            ) from error

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
            raise RequestRefusedError(f"{self.connection.url} did not answer as InfluxDB does: {answer!r}")
        if answer.get("status") != "pass":
            raise TransientServerError(f"{self.connection.url} is not ready: {answer.get('message', answer)}")
        return str(answer.get("version", "unknown"))


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - it is read here, and no sooner
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and url.isprintable() and " " not in url


@contextmanager
def translated() -> Iterator[None]:
    """Turn what the client library and its HTTP layer raise into the importer's errors."""
    try:
        yield
    except ApiException as error:
        raise _from_answer(error) from error
    except FluxQueryException as error:
        raise TransientServerError(f"the query broke off: {error.message}") from error
    except urllib3.exceptions.LocationValueError as error:
        raise RequestRefusedError(f"not a usable address: {error}") from error
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise ServerUnreachableError(f"no answer from the server: {_innermost(error)}") from error


def _from_answer(error: ApiException) -> ServerError:
    status = int(error.status or 0)
    message = _message(error)
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return AuthorizationError(f"the server refuses the token ({status}): {message}", status=status)
    if status == HTTPStatus.NOT_FOUND:
        return NotFoundError(message, status=status)
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return PayloadTooLargeError(message, status=status)
    if not status and "SSL" in message:
        return RequestRefusedError(f"no secure connection: {message}; does the server speak http:// and not https://?")
    may_pass = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)
    if status in may_pass or status >= HTTPStatus.INTERNAL_SERVER_ERROR or not status:
        return TransientServerError(f"HTTP {status}: {message}", status=status, retry_after_seconds=_retry_after(error))
    by_status: dict[int, Callable[..., RequestRefusedError]] = {
        HTTPStatus.BAD_REQUEST: MalformedLinesError,
        HTTPStatus.UNPROCESSABLE_ENTITY: PartialWriteError,
    }
    return by_status.get(status, RequestRefusedError)(message, status=status)


def _message(error: ApiException) -> str:
    body = error.body
    text = body.decode(errors="replace") if isinstance(body, bytes) else str(body or error.reason or "")
    try:
        decoded = json.loads(text)
    except ValueError:
        return text.strip()
    if isinstance(decoded, dict):
        return str(decoded.get("message") or decoded.get("error") or text)
    return text


def _retry_after(error: ApiException) -> float | None:
    """Seconds of ``Retry-After``, given as a number or a date (RFC 9110, 10.2.3); None if unreadable."""
    headers: Mapping[str, str] = error.headers or {}
    raw = headers.get("Retry-After")
    if raw is None:
        return None
    try:
        return max(0.0, float(raw))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(raw).timestamp() - time.time())
    except ValueError:
        return None


def _innermost(error: BaseException) -> str:
    reason = getattr(error, "reason", None)
    return _innermost(reason) if isinstance(reason, BaseException) else str(error)
