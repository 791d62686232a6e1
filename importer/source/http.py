"""A file on a web server, read once from its beginning to its end, however often the connection breaks.

Goes in: a URL. Comes out: its bytes, all of them, or a SourceError. A connection that breaks is taken up where it
broke, by Range, if the server says that the file is still the same one; else from the beginning, and what was read
before is compared. urllib3 and not fsspec, whose http files follow redirects anywhere and know of no validators.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import re
import threading
import urllib.parse
from collections.abc import Callable
from http import HTTPStatus

import urllib3
from urllib3.exceptions import HTTPError, LocationParseError

from importer.errors import LoadInterruptedError, SourceError
from importer.server.secret import Redacting
from importer.server.transport import tls_context
from importer.source.addresses import check_address, shown_address
from importer.source.bounds import Bounds

__all__ = ["HttpFile"]

log = logging.getLogger(__name__)

# It logs addresses, when it is told to debug.
logging.getLogger("urllib3.connectionpool").addFilter(Redacting())

MOST_REDIRECTS = 5
MOST_TRIES = 6
"""One after another without a byte."""

FIRST_WAIT_SECONDS = 0.5
CONNECT_SECONDS = 15.0
_SKIP_BYTES = 1 << 20

_WORTH_A_TRY = {408, 425, 429, 500, 502, 503, 504}
_REDIRECTS = {301, 302, 303, 307, 308}
_CHANGED = "was changed while it was being read: load it when nobody writes to it any more, or load a copy"


class HttpFile:
    """Reads a file by URL.

    Args:
        url: with whatever is secret in it.
        name: without.
        bounds: how much may be read, and how long it may stand still.
        so_far: the SHA-256 (hex) of all that :meth:`read` gave.
        stop: set when nobody wants it any more.

    Attributes:
        length: in bytes, None where the server does not say.

    Raises:
        SourceError: it cannot be had.
        ConfigurationError: it leads to a URL that is not read.
        LoadInterruptedError: it was told to stop.
    """

    def __init__(
        self, url: str, name: str, bounds: Bounds, so_far: Callable[[], str], stop: threading.Event | None = None
    ) -> None:
        self._url, self._name, self._bounds, self._so_far = url, name, bounds, so_far
        self._stop = stop or threading.Event()
        self._closed = threading.Event()
        timeout = urllib3.Timeout(
            connect=min(CONNECT_SECONDS, bounds.download_timeout_seconds), read=bounds.download_timeout_seconds
        )
        self._pool = urllib3.PoolManager(num_pools=2, retries=False, timeout=timeout, ssl_context=tls_context())
        self._read_bytes = 0
        self._ended = False
        self._tries = 0
        self._response: urllib3.BaseHTTPResponse | None = None
        self._tag: str | None = None
        self._modified: str | None = None
        self.length: int | None = None
        try:
            self._begin()
        except BaseException:
            self.close()
            raise
        threading.Thread(target=self._broken_off_at_stop, name="download", daemon=True).start()

    def read(self, size: int) -> bytes:
        """The next bytes, so many at the most; none at the end.

        Raises:
            SourceError: they cannot be had, or the file changed, or is too large.
            LoadInterruptedError: it was told to stop.
        """
        while not self._ended:
            data, why = b"", ""
            try:
                if self._response is None:
                    self._go_on()
                if self._response is not None:
                    data = self._response.read1(size)
            except (HTTPError, OSError) as error:
                why = self._why(error)
            if data:
                self._tries = 0
                self._read_bytes += len(data)
                self._check_size(self._read_bytes)
                return data
            if self._response is not None and not why and self.length in {None, self._read_bytes}:
                self._ended = True
                break
            self._drop()
            self._wait(why or "the connection was closed too early")
        self.close()
        return b""

    def close(self) -> None:
        """Let go of the connection."""
        self._closed.set()
        self._drop()
        self._pool.clear()

    def _begin(self) -> None:
        """Have the file's first answer; what is wrong with its address is said at once."""
        while self._response is None:
            try:
                answer = self._asked({})
            except (HTTPError, OSError) as error:
                if self._tries or self._stop.is_set():
                    self._wait(self._why(error))
                    continue
                raise SourceError(f"cannot read {self._name!r}: {self._why(error)}") from None
            if answer.status in _WORTH_A_TRY:
                self._drop(answer)
                self._wait(f"the server answered {answer.status}")
                continue
            self._check_whole(answer)
            self._response = answer
        headers = self._response.headers
        self._tag, self._modified = headers.get("ETag"), headers.get("Last-Modified")
        self.length = _length(self._response)
        if self.length is not None:
            self._check_size(self.length)
        self._tries = 0

    def _go_on(self) -> None:
        """Have what follows what was read."""
        strong = self._tag if self._tag and not self._tag.startswith("W/") else None
        validator = strong or self._modified
        from_here: dict[str, str] = {"Range": f"bytes={self._read_bytes}-", "If-Range": validator} if validator else {}
        answer = self._asked(from_here if self._read_bytes else {})
        if answer.status in _WORTH_A_TRY:
            self._drop(answer)
            raise HTTPError(f"the server answered {answer.status}")
        if answer.status == HTTPStatus.PARTIAL_CONTENT:
            start, total = _range(answer)
            if start != self._read_bytes or (self.length is not None and total != self.length):
                self._drop(answer)
                raise SourceError(f"{self._name!r} {_CHANGED}")
            if strong and answer.headers.get("ETag", strong) != strong:
                self._drop(answer)
                raise SourceError(f"{self._name!r} {_CHANGED}")
            self._response = answer
            return
        if answer.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            self._drop(answer)
            raise SourceError(f"{self._name!r} {_CHANGED}")
        self._check_whole(answer)
        if _length(answer) != self.length:
            self._drop(answer)
            raise SourceError(f"{self._name!r} {_CHANGED}")
        self._response = answer
        self._skip()

    def _skip(self) -> None:
        """Read over what was read before; it must be the same."""
        if self._response is None:
            return
        left, before = self._read_bytes, hashlib.sha256()
        while left:
            data = self._response.read(min(left, _SKIP_BYTES))
            if not data:
                raise HTTPError("the connection was closed too early")
            before.update(data)
            left -= len(data)
        if before.hexdigest() != self._so_far():
            raise SourceError(f"{self._name!r} {_CHANGED}")

    def _asked(self, headers: dict[str, str]) -> urllib3.BaseHTTPResponse:
        """The answer to a request, redirects followed; never from https to http, nor with a password elsewhere."""
        url = self._url
        for _ in range(MOST_REDIRECTS + 1):
            bare, secret = _without_user(url)
            asked = {"Accept-Encoding": "identity", "User-Agent": "importer", **secret, **headers}
            try:
                answer = self._pool.request(
                    "GET", bare, headers=asked, preload_content=False, decode_content=False, redirect=False
                )
            except (LocationParseError, UnicodeError):
                raise SourceError(f"{self._name!r} is no URL that can be read") from None
            if answer.status not in _REDIRECTS:
                return answer
            target = urllib.parse.urljoin(bare, answer.headers.get("Location", ""))
            self._drop(answer)
            if url.lower().startswith("https:") and not target.lower().startswith("https:"):
                raise SourceError(
                    f"{self._name!r} leads from https to {shown_address(target)!r}, which anybody on the way could "
                    "change: name that address itself if it is to be read"
                )
            if not target.lower().startswith(("http:", "https:")):
                raise SourceError(f"{self._name!r} leads to {shown_address(target)!r}, which is not read")
            check_address(target)
            url = target
        raise SourceError(f"{self._name!r} leads from one address to the next, more than {MOST_REDIRECTS} times")

    def _check_whole(self, answer: urllib3.BaseHTTPResponse) -> None:
        """Refuse an answer that is not the file, or of which one could not tell whether it is whole."""
        status, reason = answer.status, None
        if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            reason = f"the server does not allow it ({status}); an address may hold user:password@, or a signature"
        elif status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
            reason = f"there is no such file on the server ({status})"
        elif status != HTTPStatus.OK:
            reason = f"the server answered {status}"
        elif answer.headers.get("Content-Type", "").lower().startswith("text/html"):
            reason = "the server answers with a web page, not with data; does one have to log in there?"
        elif _length(answer) is None and "chunked" not in answer.headers.get("Transfer-Encoding", "").lower():
            reason = (
                "the server does not say how long it is, so that one could not tell whether all of it has come; "
                "download it, and load the file"
            )
        if reason is not None:
            self._drop(answer)
            raise SourceError(f"cannot read {self._name!r}: {reason}")

    def _check_size(self, size: int) -> None:
        if size > self._bounds.max_download_bytes:
            raise SourceError(
                f"{self._name!r} has {size:,} bytes or more, and {self._bounds.max_download_bytes:,} are allowed; "
                "allow more by --max-download-bytes"
            )

    def _wait(self, why: str) -> None:
        """Before another try; raises where there were enough, or where nobody waits any more."""
        self._tries += 1
        if self._tries >= MOST_TRIES and not self._stop.is_set():
            raise SourceError(
                f"cannot read {self._name!r} beyond byte {self._read_bytes:,}: {why}; tried {MOST_TRIES} times"
            )
        log.info("%s, byte %s: %s; trying again", self._name, f"{self._read_bytes:,}", why)
        if self._stop.wait(FIRST_WAIT_SECONDS * 2 ** (self._tries - 1)):
            raise LoadInterruptedError(f"interrupted while reading {self._name!r}")

    def _why(self, error: Exception) -> str:
        """What went wrong, without the address, in which there may be a password."""
        if isinstance(error, urllib3.exceptions.NameResolutionError):
            return "its host is not known"
        if isinstance(error, urllib3.exceptions.NewConnectionError):
            return "nobody answers there (connection refused, or no way to it)"
        if isinstance(error, urllib3.exceptions.TimeoutError | TimeoutError):
            return f"nothing came for {self._bounds.download_timeout_seconds:g} s (--download-timeout)"
        if isinstance(error, urllib3.exceptions.SSLError):
            return "the server's certificate is not accepted"
        if isinstance(error, urllib3.exceptions.IncompleteRead | urllib3.exceptions.ProtocolError | ConnectionError):
            return "the connection broke off"
        return str(error) if type(error) is HTTPError else type(error).__name__

    def _drop(self, response: urllib3.BaseHTTPResponse | None = None) -> None:
        answer = response or self._response
        if response is None:
            self._response = None
        if answer is not None:
            with contextlib.suppress(HTTPError, OSError):
                answer.close()

    def _broken_off_at_stop(self) -> None:
        """Wake up whoever waits for bytes, once nobody wants them any more."""
        while not self._closed.is_set():
            if self._stop.wait(0.2):
                response = self._response
                if response is not None:
                    with contextlib.suppress(Exception):  # it may have ended by itself
                        response.shutdown()
                return


def _length(answer: urllib3.BaseHTTPResponse) -> int | None:
    """Bytes of the whole body; None where it comes in chunks, or nothing is said."""
    if "chunked" in answer.headers.get("Transfer-Encoding", "").lower():
        return None
    text = answer.headers.get("Content-Length", "").strip()
    return int(text) if text.isascii() and text.isdigit() else None


def _range(answer: urllib3.BaseHTTPResponse) -> tuple[int, int | None]:
    """Where a part begins, and how long the whole is."""
    found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", answer.headers.get("Content-Range", "").strip())
    if found is None:
        return -1, None
    return int(found[1]), None if found[2] == "*" else int(found[2])


def _without_user(url: str) -> tuple[str, dict[str, str]]:
    """The address that is asked, and the header that says who asks."""
    parts = urllib.parse.urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    bare = urllib.parse.urlunsplit((parts.scheme, host, parts.path, parts.query, ""))
    if not user:
        return bare, {}
    return bare, dict(urllib3.make_headers(basic_auth=urllib.parse.unquote(user)))
