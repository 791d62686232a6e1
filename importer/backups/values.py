"""Every value of a bucket in a window of time, read in InfluxQL while the answer comes.

Goes in: a bucket's id and a window. Comes out: a digest of all that is there, whatever order its series come in; and,
where asked for, the points themselves.

The digest is the sum, modulo 2^256, of one SHA-256 for each series and field: over its key (type, measurement, field
and tags), then each time and value in the order of time, eight bytes each, and then that of all texts one behind the
other, of which the values are the lengths. It stays the same for the same data, on whatever server and in whatever
version of the importer. Bytes that are no UTF-8 are all the same to it, because the server's answers replace them.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any

import numpy as np

from importer.bucket.dbrp import leads_to
from importer.bucket.influxql import LONGEST_LINE, Asking, LongLineError, Piece, asked, identifier
from importer.errors import TransientServerError
from importer.limits import MAX_TIME_NS
from importer.records import FieldType
from importer.server.connection import Server
from importer.server.wire import check_stop

__all__ = ["Digest", "Fields", "Take", "digest_of_window"]

MODULUS = 1 << 256
CHUNK_ROWS = 1_000
LINE_BYTES = 16 << 20
"""Of a line of an answer, with that many rows; where texts are so long that it has more, fewer rows are asked for."""

MEASUREMENTS_AT_ONCE = 100
FIELDS_AT_ONCE = 100
"""In one question; a point that lacks most of its measurement's fields costs no more than that many cells."""

Fields = tuple[tuple[str, FieldType], ...]
Take = Callable[[Fields, Piece], object]

_DTYPES: dict[FieldType, str] = {"float": "<f8", "integer": "<i8", "unsigned": "<u8", "boolean": "<i8", "string": "<i8"}
_FLUX_TYPES: dict[str, FieldType] = {
    "double": "float",
    "long": "integer",
    "unsignedLong": "unsigned",
    "boolean": "boolean",
    "string": "string",
}
_ANY_VALUE = """from(bucketID: bucket_id)
    |> range(start: time(v: start), stop: time(v: stop))
    |> filter(fn: (r) => r._measurement == measurement and r._field == field)
    |> first()
    |> keep(columns: ["_value"])
    |> group()
    |> limit(n: 1)"""


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


def digest_of_window(
    server: Server,
    bucket_id: str,
    start_ns: int,
    stop_ns: int,
    *,
    stop: threading.Event,
    into: Callable[[], AbstractContextManager[Take]] = lambda: nullcontext(_nothing),
) -> Digest:
    """Read a window to its end; all anew where the server is away for a moment, or gives too much at once.

    Args:
        server: the connection.
        bucket_id: which bucket.
        start_ns: the first time.
        stop_ns: the time behind the last one; the window lies within one shard group, where a field has one type.
        stop: told to stop, it ends at once.
        into: entered at each beginning, gives what takes the points: the fields that were asked for, and some points
            of one series.

    Raises:
        ServerError: the server did not answer to the end.
        LoadInterruptedError: it was told to stop.
    """

    def read(rows: int) -> Digest:
        total, most = Digest(), LINE_BYTES if rows > 1 else LONGEST_LINE
        with into() as take, asked(server, bucket_id, partial(check_stop, stop)) as asking:
            for fields, names in _questions(asking, bucket_id, start_ns, stop_ns):
                # Names are quoted, which nothing else can stand for.
                statement = (
                    f"SELECT {', '.join(identifier(key) + '::field' for key, _ in fields)} "  # noqa: S608
                    f"FROM {', '.join(map(identifier, names))} WHERE time >= $start AND time <= $last GROUP BY *"
                )
                params = {"start": start_ns, "last": stop_ns - 1}
                pieces = asking.pieces(statement, params, chunk_rows=rows, longest_line=most)
                for _, of_series in groupby(pieces, key=lambda piece: (piece.measurement, piece.tags)):
                    total += _digest(fields, of_series, take)
            if not leads_to(server, bucket_id, asking.database, asking.policy):
                # What was read may be of the bucket that has the name now.
                raise TransientServerError("the bucket was renamed while it was read")
        return total

    rows = CHUNK_ROWS
    while True:
        try:
            return server.patiently(partial(read, rows))
        except LongLineError:
            if rows == 1:
                raise
            rows //= 10


def _nothing(_fields: Fields, _piece: Piece) -> None:
    """Take points and leave it at that."""


def _questions(asking: Asking, bucket_id: str, start_ns: int, stop_ns: int) -> Iterator[tuple[Fields, list[str]]]:
    """Fields, and measurements that have them all: together all of the bucket."""
    types: dict[str, dict[str, list[FieldType]]] = {}
    for piece in asking.pieces("SHOW FIELD KEYS", {}):
        of_measurement = types.setdefault(piece.measurement, {})
        for key, kind in piece.rows:
            of_measurement.setdefault(key, []).append(kind)
    alike: dict[Fields, list[str]] = {}
    for name, keys in types.items():
        fields = []
        for key, kinds in sorted(keys.items()):
            if len(kinds) > 1:  # in different shard groups
                there = {"measurement": name, "field": key, "start": start_ns, "stop": min(stop_ns, MAX_TIME_NS)}
                tables = asking.server.query(_ANY_VALUE, {"bucket_id": bucket_id, **there})
                kinds = [_FLUX_TYPES[table.columns[-1].data_type] for table in tables] or kinds  # noqa: PLW2901
            fields.append((key, kinds[0]))
        alike.setdefault(tuple(fields), []).append(name)
    for fields_alike, names in alike.items():
        for at in range(0, len(names), MEASUREMENTS_AT_ONCE):
            for first in range(0, len(fields_alike), FIELDS_AT_ONCE):
                yield fields_alike[first : first + FIELDS_AT_ONCE], names[at : at + MEASUREMENTS_AT_ONCE]


def _digest(fields: Fields, pieces: Iterator[Piece], take: Take) -> Digest:
    """Of the fields of one series."""
    sums: list[_Sum] = []
    for piece in pieces:
        sums = sums or [_Sum(piece, key, kind) for key, kind in fields]
        take(fields, piece)
        times, *columns = zip(*piece.rows, strict=True)
        for each, values in zip(sums, columns, strict=True):
            each.add(times, values)
    return sum((each.digest() for each in sums), Digest())


class _Sum:
    """The digest of one field of one series, while its values come."""

    def __init__(self, piece: Piece, key: str, kind: FieldType) -> None:
        tags = sorted((name, value) for name, value in piece.tags.items() if value)
        self._sum = hashlib.sha256(json.dumps([kind, piece.measurement, key, tags], ensure_ascii=False).encode())
        self._texts = hashlib.sha256()
        self._kind = kind
        self._values = 0

    def add(self, times: Sequence[int], values: Sequence[Any]) -> None:
        if None in values:
            times = [time for time, value in zip(times, values, strict=True) if value is not None]
            values = [value for value in values if value is not None]
        if self._kind == "string":
            texts = [text.encode() for text in values]
            self._texts.update(b"".join(texts))
            values = [len(text) for text in texts]
        pairs = np.empty((len(times), 2), "<i8")
        pairs[:, 0] = times
        # JSON has whole numbers of any size among the others, which numpy rounds as it should.
        pairs[:, 1] = np.array(values, _DTYPES[self._kind]).view("<i8")
        self._sum.update(pairs.tobytes())
        self._values += len(times)

    def digest(self) -> Digest:
        if not self._values:
            return Digest()
        self._sum.update(self._texts.digest())
        return Digest(self._values, 1, int.from_bytes(self._sum.digest(), "big"))
