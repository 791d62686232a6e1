"""Ask a bucket in InfluxQL, and take the answer as it streams in.

Goes in: a statement and the values of its parameters. Comes out: pieces of series, some thousand rows each.

InfluxQL and not Flux, where it matters: on this server (2.7.12) Flux moves the values around an empty text to other
times, drops carriage returns, does not see the last nanosecond that can be stored, reads a block twice after a late
point, and sees one type only of a field that has several; InfluxQL does none of that, gives one row per point by
itself, and streams with little memory on either side.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from importer.bucket.dbrp import influxql_name
from importer.errors import RequestRefusedError, ServerError, TerminalServerError, TransientServerError
from importer.server.connection import Server, translated
from importer.server.secret import redacted

__all__ = ["LONGEST_LINE", "Asking", "LongLineError", "Piece", "asked", "identifier"]

LONGEST_LINE = 256 << 20
"""Bytes of an answer that are in memory at once: a chunk of rows is one line."""

Value = bool | int | float | str | None
NO_PARAMS: Mapping[str, Value] = MappingProxyType({})

# Python's JSON makes the integer 0 of Go's -0.
_MINUS_ZERO = re.compile(rb"[\[,]-0[,\]]")
# Where a text is not UTF-8, Go's JSON writes this escape; a sign U+FFFD that is stored comes as it is.
_NOT_UTF8 = re.compile(rb"(?<!\\)(?:\\\\)*\\ufffd")


class LongLineError(TerminalServerError):
    """What the server gives at once is more than is to be in memory: fewer rows a piece may do."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Some rows of one series.

    Attributes:
        measurement: its name.
        tags: by key; an empty text stands for none.
        rows: the columns in the order in which they were asked for; the time (ns) comes first.
        size_bytes: of the line of the answer that it came in; told once.
        not_utf8: bytes that were replaced in that line, because they are no UTF-8; told once.
    """

    measurement: str
    tags: dict[str, str]
    rows: list[list[Any]]
    size_bytes: int
    not_utf8: int


@dataclass(frozen=True, slots=True)
class Asking:
    """A bucket that can be asked.

    Attributes:
        server: the connection.
        database: the name by which InfluxQL knows the bucket.
        policy: the other half of that name.
        check_stopped: called at each piece of an answer; may raise to break off.
    """

    server: Server
    database: str
    policy: str
    check_stopped: Callable[[], None] = lambda: None

    def pieces(
        self,
        statement: str,
        params: Mapping[str, Value] = NO_PARAMS,
        *,
        chunk_rows: int = 10_000,
        longest_line: int = LONGEST_LINE,
    ) -> Iterator[Piece]:
        """Ask once, and hand on what comes.

        Args:
            statement: in InfluxQL.
            params: values for its ``$names``.
            chunk_rows: so many rows come in one piece.
            longest_line: bytes that such a piece may have in the answer.

        Raises:
            LongLineError: a piece has more.
            ServerError: the server refuses, breaks off, or ends before its answer is complete.
        """
        form = {
            "db": self.database,
            "rp": self.policy,
            "q": statement,
            "params": json.dumps(dict(params)),
            "epoch": "ns",
            "chunked": "true",
            "chunk_size": str(chunk_rows),
        }
        with translated():
            response: Any = self.server.client.api_client.call_api(
                "/query",
                "POST",
                post_params=list(form.items()),
                header_params={"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"},
                _preload_content=False,
                _return_http_data_only=True,
            )
        response.auto_close = False  # else it closes itself at its end, and reading on is an error
        more = True
        try:
            for line in _lines(response, longest_line):
                self.check_stopped()
                answer = _decoded(line)
                for result in answer:
                    yield from _of_result(result, line)
                more = any(result.get("partial") for result in answer)
        finally:
            response.close()
        if more:
            raise TransientServerError("the server's answer ended before it was complete")

    def rows(self, statement: str, params: Mapping[str, Value] = NO_PARAMS) -> list[Piece]:
        """All of a short answer; asked again where that may help, as long as there is patience."""
        return self.server.patiently(lambda: list(self.pieces(statement, params)))


@contextmanager
def asked(server: Server, bucket_id: str, check_stopped: Callable[[], None] = lambda: None) -> Iterator[Asking]:
    """A bucket, ready to be asked.

    Args:
        server: the connection.
        bucket_id: of the bucket.
        check_stopped: may raise to break off.

    Raises:
        ServerError: the server refuses, or did not answer in time.
    """
    with influxql_name(server, bucket_id) as (database, policy):
        yield Asking(server, database, policy, check_stopped)


def identifier(name: str) -> str:
    """A measurement's or key's name as InfluxQL quotes it; no parameter can stand for one."""
    escaped = name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _lines(response: Any, longest: int) -> Iterator[bytes]:
    with translated():
        buffered = io.BufferedReader(response, 1 << 20)
    while True:
        with translated():
            line = buffered.readline(longest + 1)
        if not line:
            return
        if len(line) > longest:
            raise LongLineError(
                f"a row of more than {longest >> 20} MB is too much for memory: read fewer fields at a time (--field)"
            )
        if line.strip():
            yield line


def _decoded(line: bytes) -> list[dict[str, Any]]:
    try:
        answer = json.loads(line, parse_int=_integer) if _MINUS_ZERO.search(line) else json.loads(line)
    except ValueError as error:
        excerpt = redacted(line.decode(errors="replace"))[:200]
        raise ServerError(f"the server's answer cannot be read: {excerpt!r}") from error
    if "error" in answer:
        raise TransientServerError(redacted(f"the query broke off: {answer['error']}"))
    return list(answer.get("results", ()))


def _integer(text: str) -> int | float:
    return -0.0 if text == "-0" else int(text)


def _of_result(result: dict[str, Any], line: bytes) -> Iterator[Piece]:
    if "error" in result:
        raise RequestRefusedError(redacted(f"the query broke off: {result['error']}"))
    size_bytes = len(line)
    replaced = len(_NOT_UTF8.findall(line)) if b"\\ufffd" in line else 0
    for series in result.get("series", ()):
        yield Piece(series["name"], series.get("tags", {}), series.get("values", []), size_bytes, replaced)
        size_bytes = replaced = 0
