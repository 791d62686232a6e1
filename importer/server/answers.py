"""The one place where what the client library and its HTTP layer raise becomes the importer's errors.

Goes in: their exceptions. Comes out: the errors of :mod:`importer.errors`, whose messages hold no secret, and which
drag along nothing that does: neither the request's headers nor the answer's.
"""

from __future__ import annotations

import email.utils
import json
import re
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus

import urllib3
from influxdb_client.client.flux_csv_parser import FluxQueryException
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
    TerminalServerError,
    TransientServerError,
)
from importer.server.secret import redacted

__all__ = ["not_influxdb", "translated"]

EXCERPT_BYTES = 80
_CONNECTION = re.compile(r"HTTPS?Connection(?:Pool)?\(host=[^)]*\): ")
"""What urllib3 puts before its messages."""


@contextmanager
def translated() -> Iterator[None]:
    """Turn what the client library and its HTTP layer raise into the importer's errors."""
    try:
        yield
    except (ApiException, FluxQueryException, urllib3.exceptions.HTTPError, OSError) as error:
        translation = _translation(error)
        _strip(error)
        raise translation from None


def not_influxdb(url: str, data: bytes, status: int) -> RequestRefusedError:
    """What to raise where an answer is not InfluxDB's."""
    # Cut last: half a secret would not be known for one.
    excerpt = redacted(data.decode(errors="replace"))[:EXCERPT_BYTES]
    return RequestRefusedError(f"{url} did not answer as InfluxDB does: {excerpt!r}", status=status)


def _translation(error: Exception) -> ServerError:
    if isinstance(error, ApiException):
        return _from_answer(error)
    if isinstance(error, FluxQueryException):
        return TransientServerError(redacted(f"the query broke off: {error.message}"))
    if isinstance(error, urllib3.exceptions.LocationValueError):
        return RequestRefusedError(f"not a usable address: {error}")
    return _unsafe(error) or ServerUnreachableError(redacted(f"no answer from the server: {_innermost(error)}"))


def _from_answer(error: ApiException) -> ServerError:
    status = int(error.status or 0)
    if not status and (cause := error.__context__) is not None:  # the client library's way to say: no TLS
        return _unsafe(cause) or ServerUnreachableError(redacted(f"no answer from the server: {_innermost(cause)}"))
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return _redirected(error, status)
    message = redacted(_message(error))
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return AuthorizationError(f"the server refuses the token ({status}): {message}", status=status)
    may_pass = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)
    if status in may_pass or status >= HTTPStatus.INTERNAL_SERVER_ERROR or not status:
        return TransientServerError(f"HTTP {status}: {message}", status=status, retry_after_seconds=_retry_after(error))
    by_status: dict[int, type[TerminalServerError]] = {
        HTTPStatus.BAD_REQUEST: MalformedLinesError,
        HTTPStatus.NOT_FOUND: NotFoundError,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE: PayloadTooLargeError,
        HTTPStatus.UNPROCESSABLE_ENTITY: PartialWriteError,
    }
    return by_status.get(status, RequestRefusedError)(message, status=status)


def _redirected(error: ApiException, status: int) -> RequestRefusedError:
    headers: Mapping[str, str] = error.headers or {}
    place = redacted(headers.get("Location", "another place, which it does not name"))
    return RequestRefusedError(
        f"the server sends elsewhere ({status}), to {place!r}: nothing was sent there;"
        " if that is where InfluxDB is, give it as the address",
        status=status,
    )


def _unsafe(error: BaseException) -> RequestRefusedError | None:
    """What to raise where TLS fails for a reason that will not pass; None where it may."""
    failure = next((each for each in _chain(error) if isinstance(each, ssl.SSLError)), None)
    if isinstance(failure, ssl.SSLCertVerificationError):
        return RequestRefusedError(
            f"the server's certificate is not accepted: {failure.verify_message or failure}; {_remedy(failure)}"
        )
    broken_off = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError, ssl.SSLWantReadError)
    if failure is None or isinstance(failure, broken_off):
        return None
    return RequestRefusedError(f"no secure connection: {failure}; does the server speak http:// and not https://?")


def _remedy(failure: ssl.SSLCertVerificationError) -> str:
    by_code = {
        9: "it is valid only from a later day on: set this machine's clock right",
        10: "it has expired: have it renewed",
        62: "it is made out to another name: give the name that is in it as the address",
        64: "it is made out to another name: give the name that is in it as the address",
    }
    unknown = "name the certificate of the authority that signed it with --ca-file"
    return f"{by_code.get(failure.verify_code, unknown)} (--skip-verify would do without the check, unsafely)"


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
    except (ValueError, OverflowError):
        return None


def _innermost(error: BaseException) -> str:
    reason = getattr(error, "reason", None)
    return _innermost(reason) if isinstance(reason, BaseException) else _CONNECTION.sub("", str(error))


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and what lies behind it: causes, contexts, and what urllib3 hands on as an argument."""
    seen: set[int] = set()
    waiting: list[BaseException] = [error]
    while waiting:
        each = waiting.pop(0)
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        behind = (each.__cause__, each.__context__, getattr(each, "reason", None), *each.args)
        waiting += [other for other in behind if isinstance(other, BaseException)]


def _strip(error: BaseException) -> None:
    """Leave no frame and no answer behind that a debugger or a crash reporter would print."""
    for each in list(_chain(error)):
        each.__traceback__ = None
        if isinstance(each, ApiException):
            vars(each).update(body=None, headers=None, response=None)
