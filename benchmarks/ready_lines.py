"""The ceiling: ready-made request bodies, posted by two plain connections.

``python -m benchmarks.ready_lines FILE BUCKET``, with the server in ``INFLUX_URL``, ``INFLUX_TOKEN``, ``INFLUX_ORG``.
The file is that of :mod:`benchmarks.bodies`. Prints the seconds from the first request to the last answer as JSON.
"""

from __future__ import annotations

import http.client
import json
import os
import sys
import threading
import time
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlencode, urlsplit

__all__ = ["LENGTH_BYTES", "main"]

CONNECTIONS = 2
LENGTH_BYTES = 8
"""Before each body stands its length, big-endian."""


class _Poster:
    def __init__(self, file: BinaryIO, bucket: str) -> None:
        self._file = file
        self._lock = threading.Lock()
        query = urlencode({"org": os.environ["INFLUX_ORG"], "bucket": bucket, "precision": "ns"})
        self._path = f"/api/v2/write?{query}"
        self._headers = {"Authorization": f"Token {os.environ['INFLUX_TOKEN']}", "Content-Type": "text/plain"}
        self._host = urlsplit(os.environ["INFLUX_URL"]).netloc
        self.errors: list[str] = []

    def post_all(self) -> None:
        """Post what is left until there is nothing left, or something went wrong."""
        connection = http.client.HTTPConnection(self._host)
        try:
            while not self.errors and (body := self._next()):
                connection.request("POST", self._path, body, self._headers)
                answer = connection.getresponse()
                text = answer.read()
                if answer.status != HTTPStatus.NO_CONTENT:
                    self.errors.append(f"{answer.status} {text[:500]!r}")
        except (OSError, http.client.HTTPException) as error:
            self.errors.append(repr(error))
        finally:
            connection.close()

    def _next(self) -> bytes:
        with self._lock:
            return self._file.read(int.from_bytes(self._file.read(LENGTH_BYTES)))


def main() -> None:
    """Post all bodies; exit code 1 if one is refused."""
    path, bucket = sys.argv[1:]
    with Path(path).open("rb") as file:
        poster = _Poster(file, bucket)
        threads = [threading.Thread(target=poster.post_all) for _ in range(CONNECTIONS)]
        started = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    if poster.errors:
        sys.exit("\n".join(poster.errors))
    json.dump({"load": time.monotonic() - started}, sys.stdout)


if __name__ == "__main__":
    main()
