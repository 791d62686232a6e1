"""A web server on this machine with one file on it, which can be told to go wrong."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class WebFile:
    """The file, and how the next answers are given.

    Attributes:
        data: what it holds.
        tag: its ETag.
        modified: its Last-Modified.
        ranges: whether parts are given.
        most: bytes that a part has at the most.
        cuts: after how many bytes of its body each of the next answers breaks off.
        stall: that one does not break off then, but stands still.
        statuses: of the next answers, instead of the file.
        headers: of all answers, too.
        length: what the next answers say that the length is; None: what it is. Empty: nothing.
        chunked: in chunks instead.
        asked: the Range of each request, and who asked.
    """

    data: bytes = b""
    tag: str | None = '"v1"'
    modified: str | None = None
    ranges: bool = True
    most: int | None = None
    cuts: list[int] = field(default_factory=list)
    stall: bool = False
    statuses: list[int] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    length: str | None = None
    chunked: bool = False
    asked: list[tuple[str | None, str | None]] = field(default_factory=list)
    url: str = ""


@contextmanager
def web_file(**of: Any) -> Iterator[WebFile]:
    """The file at ``url``."""
    file = WebFile(**of)
    done = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            file.asked.append((self.headers.get("Range"), self.headers.get("Authorization")))
            _answer(self, file, done)
            self.close_connection = True

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    file.url = f"http://127.0.0.1:{server.server_port}/data.csv"
    try:
        yield file
    finally:
        done.set()
        server.shutdown()
        thread.join()
        server.server_close()


def _answer(  # noqa: C901, PLR0912 - a fault after the other
    request: BaseHTTPRequestHandler, file: WebFile, done: threading.Event
) -> None:
    status = file.statuses.pop(0) if file.statuses else 200
    body, start = (file.data if status == 200 else b"sorry"), 0
    part = re.fullmatch(r"bytes=(\d+)-", request.headers.get("Range", ""))
    validator = request.headers.get("If-Range")
    if status == 200 and part and file.ranges and validator in {None, file.tag, file.modified}:
        start, status = int(part[1]), 206
    request.send_response(status)
    for name, text in {**file.headers, "ETag": file.tag, "Last-Modified": file.modified}.items():
        if text is not None:
            request.send_header(name, text)
    if status == 206:
        body = body[: start + (file.most or len(body))]
        request.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(file.data)}")
    body = body[start:]
    if file.chunked:
        request.send_header("Transfer-Encoding", "chunked")
    elif file.length != "":
        request.send_header("Content-Length", file.length or str(len(body)))
    request.end_headers()
    whole = body
    if file.cuts:
        body = body[: file.cuts.pop(0)]
    if file.chunked:
        if body:
            request.wfile.write(b"%x\r\n%s\r\n" % (len(body), body))
        if body == whole:
            request.wfile.write(b"0\r\n\r\n")
    else:
        request.wfile.write(body)
    request.wfile.flush()
    if body != whole and file.stall:
        done.wait(10)
    elif body != whole:
        request.connection.shutdown(socket.SHUT_RDWR)
