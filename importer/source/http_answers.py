"""What a web server's answer says of a file: whether it is the file at all, how long it is, which part came.

Goes in: an answer, or the error in place of one. Comes out: a number, or words that hold no address, in which there may
be a password.
"""

from __future__ import annotations

import re
from http import HTTPStatus

import urllib3
from urllib3.exceptions import HTTPError

__all__ = ["WORTH_A_TRY", "length_of", "range_of", "what_is_wrong", "why_broken"]

WORTH_A_TRY = frozenset({408, 425, 429, 500, 502, 503, 504})


def length_of(answer: urllib3.BaseHTTPResponse) -> int | None:
    """Bytes of the whole body; None where it comes in chunks, or nothing is said."""
    if "chunked" in answer.headers.get("Transfer-Encoding", "").lower():
        return None
    text = answer.headers.get("Content-Length", "").strip()
    return int(text) if text.isascii() and text.isdigit() else None


def range_of(answer: urllib3.BaseHTTPResponse) -> tuple[int, int | None]:
    """Where a part begins, and how long the whole is."""
    found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", answer.headers.get("Content-Range", "").strip())
    if found is None:
        return -1, None
    return int(found[1]), None if found[2] == "*" else int(found[2])


def what_is_wrong(answer: urllib3.BaseHTTPResponse) -> str | None:
    """Why an answer is not the file, or one could not tell whether it is whole; None: it is."""
    status = answer.status
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return f"the server does not allow it ({status}); an address may hold user:password@, or a signature"
    if status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
        return f"there is no such file on the server ({status})"
    if status != HTTPStatus.OK:
        return f"the server answered {status}"
    if answer.headers.get("Content-Type", "").lower().startswith("text/html"):
        return "the server answers with a web page, not with data; does one have to log in there?"
    if length_of(answer) is None and "chunked" not in answer.headers.get("Transfer-Encoding", "").lower():
        return (
            "the server does not say how long it is, so that one could not tell whether all of it has come; "
            "download it, and load the file"
        )
    return None


def why_broken(error: Exception, timeout_seconds: float) -> str:
    """What went wrong with a connection."""
    if isinstance(error, urllib3.exceptions.NameResolutionError):
        return "its host is not known"
    if isinstance(error, urllib3.exceptions.NewConnectionError):
        return "nobody answers there (connection refused, or no way to it)"
    if isinstance(error, urllib3.exceptions.TimeoutError | TimeoutError):
        return f"nothing came for {timeout_seconds:g} s (--download-timeout)"
    if isinstance(error, urllib3.exceptions.SSLError):
        return "the server's certificate is not accepted"
    if isinstance(error, urllib3.exceptions.IncompleteRead | urllib3.exceptions.ProtocolError | ConnectionError):
        return "the connection broke off"
    return str(error) if type(error) is HTTPError else type(error).__name__
