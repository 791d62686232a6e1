"""A connection to InfluxDB, and the one place where its client's errors are translated.

Goes in: address, token and organisation. Comes out: answers as plain values, or the errors of
:mod:`importer.errors`.
"""

from __future__ import annotations

import email.utils
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self, TypeVar

import urllib3
from influxdb_client import InfluxDBClient
from influxdb_client.rest import ApiException

from importer.errors import (
    AuthorizationError,
    MalformedLinesError,
    NotFoundError,
    PartialWriteError,
    PayloadTooLargeError,
    RequestRefusedError,
    ServerError,
    ServerUnreachableError,
    TransientServerError,
)

__all__ = ["Connection", "Server", "translated"]

T = TypeVar("T")

REQUEST_TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Connection:
    """Where the server is and who is asking; all three from one and the same place.

    Attributes:
        url: such as ``http://127.0.0.1:8086``.
        token: API token; never printed.
        org: organisation name.
        origin: the place the three were taken from, in words, for messages.
    """

    url: str
    token: str = field(repr=False)
    org: str
    origin: str = "given"


class Server:
    """An open connection: the client library's for writes and queries, plain JSON for the rest.

    Args:
        connection: where to and as whom.
        timeout_seconds: for one request.
        pool_size: how many requests may be under way at once.
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


@contextmanager
def translated() -> Iterator[None]:
    """Turn what the client library and its HTTP layer raise into the importer's errors."""
    try:
        yield
    except ApiException as error:
        raise _from_answer(error) from error
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
