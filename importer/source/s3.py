"""An object in S3, read once from its beginning to its end, through fsspec.

Goes in: ``s3://bucket/key``. Comes out: its bytes, or a SourceError. Keys and endpoint come from where every S3 tool
takes them: the environment (``AWS_ACCESS_KEY_ID``, ``AWS_ENDPOINT_URL``, …), ``~/.aws``, the machine's role.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import Any, TypeVar

from importer.errors import ConfigurationError, LoadInterruptedError, SourceError
from importer.source.bounds import Bounds

__all__ = ["S3File"]

T = TypeVar("T")

LOOK_SECONDS = 0.2

_BLOCK_BYTES = 8 << 20
"""Asked for at once."""


class S3File:
    """Reads an object.

    Args:
        url: of it.
        name: for messages.
        bounds: how much may be read, how long it may stand still, and how long it may take.
        stop: set when nobody wants it any more.

    Attributes:
        length: in bytes.

    Raises:
        ConfigurationError: what reads S3 is not installed.
        SourceError: it cannot be had.
        LoadInterruptedError: it was told to stop.
    """

    def __init__(self, url: str, name: str, bounds: Bounds, stop: threading.Event | None = None) -> None:
        self._name, self._stop = name, stop or threading.Event()
        try:
            import s3fs  # noqa: F401, PLC0415 - an extra
            from fsspec import filesystem  # noqa: PLC0415 - seldom wanted
        except ImportError:
            raise ConfigurationError(
                f"{name!r}: reading from S3 needs more than is installed: pip install 'importer[s3]'"
            ) from None
        seconds = bounds.download_timeout_seconds
        self._left_seconds, self._most_seconds = bounds.max_download_seconds, bounds.max_download_seconds
        waiting = {"connect_timeout": min(15.0, seconds), "read_timeout": seconds}

        def opened() -> Any:
            files = filesystem("s3", config_kwargs=waiting, skip_instance_cache=True)
            return files.open(url, "rb", block_size=_BLOCK_BYTES, cache_type="readahead")

        self._file = self._waited_for(opened)
        self.length: int | None = int(self._file.size)
        if self.length > bounds.max_download_bytes:
            self.close()
            raise SourceError(
                f"{name!r} has {self.length:,} bytes, and {bounds.max_download_bytes:,} are allowed; "
                "allow more by --max-download-bytes"
            )
        self._left = self.length

    def read(self, size: int) -> bytes:
        """The next bytes, so many at the most; none at the end.

        Raises:
            SourceError: they cannot be had, or the object changed.
            LoadInterruptedError: it was told to stop.
        """
        data: bytes = self._waited_for(lambda: self._file.read(min(size, self._left)))
        if self._left and not data:
            raise SourceError(f"{self._name!r} ends {self._left:,} bytes too early")
        self._left -= len(data)
        return data

    def close(self) -> None:
        """Let go of it."""
        self._file.close()

    def _waited_for(self, call: Callable[[], T]) -> T:
        """What a call gives; it is left to itself once it takes too long, or nobody wants it any more.

        The libraries beneath give a block as a whole: one of a byte now and then would be waited for without end.
        """
        begun, given = time.monotonic(), Future[T]()
        threading.Thread(target=_give, args=(given, call), name="s3", daemon=True).start()
        while not self._stop.is_set():
            left_seconds = self._left_seconds - (time.monotonic() - begun)
            if wait([given], min(LOOK_SECONDS, max(left_seconds, 0.0))).done:
                self._left_seconds -= time.monotonic() - begun
                error = given.exception()
                if error is not None:
                    raise self._translated(error) from None
                return given.result()
            if left_seconds <= 0:
                raise SourceError(
                    f"cannot read all of {self._name!r}: it took more than {self._most_seconds:g} s; "
                    "allow more by --max-download-seconds"
                )
        raise LoadInterruptedError(f"interrupted while reading {self._name!r}")

    def _translated(self, error: BaseException) -> SourceError:
        """What the libraries beneath say, in words; they raise whatever there is."""
        kind = type(error).__name__
        if kind == "FileExpired":
            why = "it was changed while it was being read: load it when nobody writes to it any more, or load a copy"
        elif isinstance(error, FileNotFoundError):
            why = "there is no such bucket or object"
        elif isinstance(error, PermissionError):
            why = "the keys do not allow it"
        elif kind == "NoCredentialsError":
            why = "there are no keys: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
        elif isinstance(error, TimeoutError) or "Timeout" in kind:
            why = "nothing came in time (--download-timeout)"
        else:
            why = f"S3 does not give it ({kind})"
        return SourceError(f"cannot read {self._name!r}: {why}")


def _give(given: Future[T], call: Callable[[], T]) -> None:
    try:
        given.set_result(call())
    except BaseException as error:  # noqa: BLE001 - raised where it is waited for
        given.set_exception(error)
