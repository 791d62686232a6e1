"""Connections that a file is downloaded by: whoever waits on one is woken up when that has taken too long.

Goes in: a URL, and how long may be waited. Comes out: answers of the place that it leads to.
"""

from __future__ import annotations

import threading
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import urllib3
from urllib3.exceptions import HTTPError, LocationParseError

from importer.errors import SourceError
from importer.server.transport import Transport, tls_context
from importer.source.addresses import check_address, shown_address
from importer.source.bounds import Bounds

__all__ = ["Connections"]

MOST_REDIRECTS = 5
CONNECT_SECONDS = 15.0
LOOK_SECONDS = 0.2

_REDIRECTS = {301, 302, 303, 307, 308}


class _Pool(Transport):
    """Connections to any server, without a token; answers are as they came."""

    def urlopen(self, method: str, url: str, **more: Any) -> urllib3.BaseHTTPResponse:  # type: ignore[override]
        return urllib3.PoolManager.urlopen(self, method, url, **more)


class Connections:
    """Asks for one file, as often as need be.

    Args:
        name: of the file, for messages.
        bounds: how long one may wait for a byte, and for all of them.
        stop: set when nobody wants the file any more.
    """

    def __init__(self, name: str, bounds: Bounds, stop: threading.Event) -> None:
        self._name, self._stop, self._most_seconds = name, stop, bounds.max_download_seconds
        self._timeout = urllib3.Timeout(
            connect=min(CONNECT_SECONDS, bounds.download_timeout_seconds), read=bounds.download_timeout_seconds
        )
        self._pool = _Pool(token="", tls=tls_context(), pool_size=2)
        self._waited_seconds = 0.0
        self._waiting_since: float | None = None
        self._closed = threading.Event()
        threading.Thread(target=self._break_off, name="download", daemon=True).start()

    @property
    def is_late(self) -> bool:
        """Whether all waiting together took longer than it may."""
        since = self._waiting_since
        now_seconds = 0.0 if since is None else time.monotonic() - since
        return self._waited_seconds + now_seconds > self._most_seconds

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """The time that this takes is time waited; that of the load, which does not want more yet, is not."""
        self._waiting_since = time.monotonic()
        try:
            yield
        finally:
            self._waited_seconds += time.monotonic() - self._waiting_since
            self._waiting_since = None

    def ask(self, url: str, headers: dict[str, str]) -> urllib3.BaseHTTPResponse:
        """The answer to a request, redirects followed; never from https to http, nor with a password elsewhere.

        Raises:
            SourceError: it leads where nothing is read.
            ConfigurationError: likewise.
            HTTPError: there is no answer.
        """
        for _ in range(MOST_REDIRECTS + 1):
            bare, secret = _without_user(url)
            asked = {"Accept-Encoding": "identity", "User-Agent": "importer", **secret, **headers}
            try:
                answer = self._pool.request(
                    "GET",
                    bare,
                    headers=asked,
                    timeout=self._timeout,
                    preload_content=False,
                    decode_content=False,
                    redirect=False,
                )
            except (LocationParseError, UnicodeError):
                raise SourceError(f"{self._name!r} is no URL that can be read") from None
            if self._stop.is_set() or self.is_late:  # and then its head may end too early
                answer.close()
                raise HTTPError("the download was broken off")
            if answer.status not in _REDIRECTS:
                return answer
            target = urllib.parse.urljoin(bare, answer.headers.get("Location", ""))
            answer.close()
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

    def close(self) -> None:
        """Let go of them all."""
        self._closed.set()
        self._pool.clear()

    def _break_off(self) -> None:
        """Wake up whoever waits for bytes, once nobody wants them any more; one byte a second is no end of waiting."""
        while not self._closed.wait(LOOK_SECONDS):
            if self._stop.is_set() or self.is_late:
                self._pool.break_off()


def _without_user(url: str) -> tuple[str, dict[str, str]]:
    """The address that is asked, and the header that says who asks."""
    parts = urllib.parse.urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    bare = urllib.parse.urlunsplit((parts.scheme, host, parts.path, parts.query, ""))
    if not user:
        return bare, {}
    return bare, dict(urllib3.make_headers(basic_auth=urllib.parse.unquote(user)))
