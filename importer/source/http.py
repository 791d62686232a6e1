"""A file on a web server, read once from its beginning to its end, however often the connection breaks.

Goes in: a URL. Comes out: its bytes, all of them, or a SourceError. A connection that breaks is taken up where it
broke, by Range, if the server says that the file is still the same one; else from the beginning, and what was read
before is compared. urllib3 and not fsspec, whose http files follow redirects anywhere and know of no validators.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import threading
from collections.abc import Callable
from http import HTTPStatus

import urllib3
from urllib3.exceptions import HTTPError

from importer.errors import LoadInterruptedError, SourceError
from importer.source.bounds import Bounds
from importer.source.http_answers import WORTH_A_TRY, length_of, range_of, what_is_wrong, why_broken
from importer.source.http_connections import Connections

__all__ = ["HttpFile"]

log = logging.getLogger(__name__)

MOST_TRIES = 6
"""One after another without a byte."""

FIRST_WAIT_SECONDS = 0.5
_SKIP_BYTES = 1 << 20

_CHANGED = "was changed while it was being read: load it when nobody writes to it any more, or load a copy"


class HttpFile:
    """Reads a file by URL.

    Args:
        url: with whatever is secret in it.
        name: without.
        bounds: how much may be read, how long it may stand still, and how long it may take.
        so_far: the SHA-256 (hex) of all that :meth:`read` gave.
        stop: set when nobody wants it any more.

    Attributes:
        length: in bytes, None where the server does not say.

    Raises:
        SourceError: it cannot be had, or not in time.
        ConfigurationError: it leads to a URL that is not read.
        LoadInterruptedError: it was told to stop.
    """

    def __init__(
        self, url: str, name: str, bounds: Bounds, so_far: Callable[[], str], stop: threading.Event | None = None
    ) -> None:
        self._url, self._name, self._bounds, self._so_far = url, name, bounds, so_far
        self._stop = stop or threading.Event()
        self._connections = Connections(name, bounds, self._stop)
        self._read_bytes = 0
        self._ended = False
        self._tries = 0
        self._response: urllib3.BaseHTTPResponse | None = None
        self._tag: str | None = None
        self._modified: str | None = None
        self.length: int | None = None
        try:
            with self._connections.waiting():
                self._begin()
        except BaseException:
            self.close()
            raise

    def read(self, size: int) -> bytes:
        """The next bytes, so many at the most; none at the end.

        Raises:
            SourceError: they cannot be had, or not in time, or the file changed, or is too large.
            LoadInterruptedError: it was told to stop.
        """
        with self._connections.waiting():
            return self._read(size)

    def _read(self, size: int) -> bytes:
        while not self._ended:
            data, why = b"", ""
            try:
                if self._response is None:
                    self._go_on()
                if self._response is not None:
                    data = self._response.read1(size)
            except (HTTPError, OSError) as error:
                why = self._why(error)
            self._check_time()
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
        self._drop()
        self._connections.close()

    def _begin(self) -> None:
        """Have the file's first answer; what is wrong with its address is said at once."""
        while self._response is None:
            try:
                answer = self._connections.ask(self._url, {})
            except (HTTPError, OSError) as error:
                self._check_time()
                if self._tries or self._stop.is_set():
                    self._wait(self._why(error))
                    continue
                raise SourceError(f"cannot read {self._name!r}: {self._why(error)}") from None
            if answer.status in WORTH_A_TRY:
                self._drop(answer)
                self._wait(f"the server answered {answer.status}")
                continue
            self._check_whole(answer)
            self._response = answer
        headers = self._response.headers
        self._tag, self._modified = headers.get("ETag"), headers.get("Last-Modified")
        self.length = length_of(self._response)
        if self.length is not None:
            self._check_size(self.length)
        self._tries = 0

    def _go_on(self) -> None:
        """Have what follows what was read."""
        strong = self._tag if self._tag and not self._tag.startswith("W/") else None
        validator = strong or self._modified
        from_here: dict[str, str] = {"Range": f"bytes={self._read_bytes}-", "If-Range": validator} if validator else {}
        answer = self._connections.ask(self._url, from_here if self._read_bytes else {})
        if answer.status in WORTH_A_TRY:
            self._drop(answer)
            raise HTTPError(f"the server answered {answer.status}")
        if answer.status == HTTPStatus.PARTIAL_CONTENT:
            start, total = range_of(answer)
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
        if length_of(answer) != self.length:
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

    def _check_whole(self, answer: urllib3.BaseHTTPResponse) -> None:
        """Refuse an answer that is not the file, or of which one could not tell whether it is whole."""
        reason = what_is_wrong(answer)
        if reason is not None:
            self._drop(answer)
            raise SourceError(f"cannot read {self._name!r}: {reason}")

    def _check_size(self, size: int) -> None:
        if size > self._bounds.max_download_bytes:
            raise SourceError(
                f"{self._name!r} has {size:,} bytes or more, and {self._bounds.max_download_bytes:,} are allowed; "
                "allow more by --max-download-bytes"
            )

    def _check_time(self) -> None:
        if self._connections.is_late and not self._stop.is_set():
            raise SourceError(
                f"cannot read {self._name!r} beyond byte {self._read_bytes:,}: it took more than "
                f"{self._bounds.max_download_seconds:g} s; allow more by --max-download-seconds"
            )

    def _why(self, error: Exception) -> str:
        return why_broken(error, self._bounds.download_timeout_seconds)

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

    def _drop(self, response: urllib3.BaseHTTPResponse | None = None) -> None:
        answer = response or self._response
        if response is None:
            self._response = None
        if answer is not None:
            with contextlib.suppress(HTTPError, OSError):
                answer.close()
