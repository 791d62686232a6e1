"""Every value of a bucket in a window of time, read through Flux while the answer comes.

Goes in: a bucket's id and a window. Comes out: a digest of all that is there, whatever order the server gives it in;
and, where asked for, the same values as line protocol.

The digest is the sum, modulo 2^256, of one SHA-256 for each series and field: over its key (measurement, tags, field
and type), and then each time and value in the order of time. It stays the same for the same data, on whatever server
and in whatever version of the importer. What Flux does not tell is not in it: carriage returns in texts, and points at
the very last nanosecond that can be stored.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from influxdb_client import Dialect

from importer.backups.moments import nanoseconds
from importer.backups.wire import PIECE, check_stop
from importer.encoding.escaping import escape_key
from importer.errors import TransientServerError
from importer.limits import MAX_TIME_NS
from importer.server.connection import Server, translated

__all__ = ["Digest", "Line", "as_line", "digest_of_window"]

MODULUS = 1 << 256
ROWS_AT_ONCE = 4096

_FLUX = """from(bucketID: bucket_id)
    |> range(start: time(v: start), stop: time(v: stop))
    |> drop(columns: ["_start", "_stop"])"""
_DIALECT = Dialect(header=True, annotations=["datatype"], date_time_format="RFC3339Nano")


@dataclass(frozen=True, slots=True)
class Digest:
    """What a window holds.

    Attributes:
        values: how many field values.
        series: how many series, each field of one counted by itself.
        sum: the digest, as a number.
    """

    values: int = 0
    series: int = 0
    sum: int = 0

    def __add__(self, other: Digest) -> Digest:
        return Digest(self.values + other.values, self.series + other.series, (self.sum + other.sum) % MODULUS)

    @property
    def hex(self) -> str:
        """The digest as it is written."""
        return f"{self.sum:064x}"


@dataclass(frozen=True, slots=True)
class _Table:
    """A series and field: the columns that are the same in all of its rows, and its values' type."""

    key: dict[str, str]
    type: str


Line = Callable[[bytes], object]


def digest_of_window(
    server: Server,
    bucket_id: str,
    start_ns: int,
    stop_ns: int,
    *,
    stop: threading.Event,
    line: Line | None = None,
) -> Digest:
    """Read a window to its end.

    Args:
        server: the connection.
        bucket_id: which bucket.
        start_ns: the first time.
        stop_ns: the time behind the last one.
        stop: told to stop, it ends at once.
        line: takes each value as a line of line protocol, without the line's end.

    Raises:
        ServerError: the server did not answer to the end.
        LoadInterruptedError: it was told to stop.
    """
    params = {"bucket_id": bucket_id, "start": start_ns, "stop": min(stop_ns, MAX_TIME_NS)}
    total = Digest()
    with translated():
        response: Any = server.client.query_api().query_raw(_FLUX, dialect=_DIALECT, params=params)
        response.auto_close = False  # else the reader at its end finds the answer closed
        with closing(response):
            text = io.TextIOWrapper(io.BufferedReader(response, PIECE), encoding="utf-8", newline="")
            for table, rows in _tables(csv.reader(text)):
                total += _digest(table, rows, stop, line)
    return total


def _tables(cells: Iterator[list[str]]) -> Iterator[tuple[_Table, Iterator[tuple[str, str]]]]:
    """Each table, and its times and values, which are to be read before the next table is asked for."""
    reader = _Reader(cells)
    while reader.row is not None:
        yield reader.table(), reader.rows()


class _Reader:
    """Annotated CSV, a table at a time; annotations and a header stand wherever the columns change."""

    def __init__(self, cells: Iterator[list[str]]) -> None:
        self._cells = cells
        self._types: list[str] = []
        self._header: list[str] = []
        self.row: list[str] | None = None
        self._next()

    def table(self) -> _Table:
        row = self.row or []
        named = dict(zip(self._header, row, strict=True))
        if "error" in named and "_time" not in named:
            raise TransientServerError(f"the query broke off: {named['error']}")
        self._time, self._value = self._header.index("_time"), self._header.index("_value")
        # By position: a tag may be named as one of the columns that the server puts first.
        columns = sorted([*zip(self._header, row, strict=True)][3:])
        key = {name: value for name, value in columns if name not in {"_time", "_value"}}
        return _Table(key, self._types[self._value])

    def rows(self) -> Iterator[tuple[str, str]]:
        header, table = self._header, (self.row or [])[2]
        time, value = self._time, self._value
        while self.row is not None and self._header is header and self.row[2] == table:
            yield self.row[time], self.row[value]
            self._next()

    def _next(self) -> None:
        for row in self._cells:
            if not row:
                continue
            if row[0] == "#datatype":
                self._types, self._header = row, []
            elif not self._header:
                self._header = row
            else:
                self.row = row
                return
        self.row = None


def _digest(table: _Table, rows: Iterator[tuple[str, str]], stop: threading.Event, line: Line | None) -> Digest:
    check_stop(stop)
    hashed = hashlib.sha256(json.dumps([table.type, table.key], ensure_ascii=False).encode())
    count, waiting = 0, []
    to_line = as_line(table.key, table.type) if line else None
    for time, value in rows:
        waiting.append(f"{time} {len(value)} {value}\n")
        if len(waiting) == ROWS_AT_ONCE:
            hashed.update("".join(waiting).encode())
            count += len(waiting)
            waiting.clear()
            check_stop(stop)
        if line and to_line:
            line(to_line(time, value))
    hashed.update("".join(waiting).encode())
    return Digest(count + len(waiting), 1, int.from_bytes(hashed.digest(), "big"))


def as_line(key: dict[str, str], kind: str) -> Callable[[str, str], bytes]:
    """How the values of one series and field are written.

    Args:
        key: ``_measurement``, ``_field`` and the tags.
        kind: the values' type, as the server names it.
    """
    tags = "".join(
        f",{escape_key(name)}={escape_key(value)}"
        for name, value in key.items()
        if name not in {"_measurement", "_field"} and value
    )
    measurement = key["_measurement"].replace(",", r"\,").replace(" ", r"\ ")
    head = f"{measurement}{tags} {escape_key(key['_field'])}="
    ending = {"long": "i", "unsignedLong": "u"}.get(kind, "")
    if kind == "string":
        return lambda time, value: (
            head + '"' + value.replace("\\", r"\\").replace('"', r"\"") + f'" {nanoseconds(time)}'
        ).encode()
    return lambda time, value: f"{head}{value}{ending} {nanoseconds(time)}".encode()
