"""What a bucket holds: :func:`show_bucket`, on which ``importer buckets show`` stands."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass

from importer.api import connect
from importer.bucket.finding import find_bucket
from importer.bucket.influxql import Asking, asked, identifier
from importer.bucket.schema import FIELD_KEYS, types_in
from importer.ledger.closing import rfc3339
from importer.limits import MAX_TIME_NS, MIN_TIME_NS
from importer.provisioning.listing import BucketListing, listing_of
from importer.server.connection import Connection, Patience, Server
from importer.server.retry import RetryPolicy
from importer.verification import counting

__all__ = ["BucketDetails", "HeldField", "HeldTag", "show_bucket"]

log = logging.getLogger(__name__)

MOST_TO_COUNT = 2_000_000
"""So many values are read for the number of rows, which the server does not know, unless it is asked for."""

_RANGE = "from(bucketID: bucket_id) |> range(start: time(v: start), stop: time(v: stop))"
_ENDS = '|> keep(columns: ["_time"]) |> group() |> sort(columns: ["_time"]{order}) |> limit(n: 1)'
_AS_NUMBER = "|> map(fn: (r) => ({_value: int(v: r._time)}))"
_FIRST = f"{_RANGE} |> first() {_ENDS.format(order='')} {_AS_NUMBER}"
_LAST = f"{_RANGE} |> last() {_ENDS.format(order=', desc: true')} {_AS_NUMBER}"
_ROWS = f"""{_RANGE}
    |> drop(columns: ["_start", "_stop", "_value", "_field"])
    |> unique(column: "_time")
    |> map(fn: (r) => ({{r with _value: 1}}))
    |> count()
    |> group(columns: ["_measurement"])
    |> sum()"""


@dataclass(frozen=True, slots=True)
class HeldField:
    """A field of a bucket.

    Attributes:
        measurement: its measurement.
        field: its key.
        types: mostly one; several are a fault, which Flux does not tell.
        values: how many it has.
    """

    measurement: str
    field: str
    types: tuple[str, ...]
    values: int


@dataclass(frozen=True, slots=True)
class HeldTag:
    """A tag of a bucket.

    Attributes:
        measurement: its measurement.
        tag: its key.
        values: how many different ones it has.
    """

    measurement: str
    tag: str
    values: int


@dataclass(frozen=True, slots=True)
class BucketDetails:
    """What a bucket holds.

    Attributes:
        bucket: the server's description of it.
        rows: distinct points (measurement, tags, time); None where they were not counted.
        values: field values.
        series: series in the index, fields not told apart.
        first: the earliest time, RFC 3339; None in an empty bucket.
        last: the latest time.
        fields: by measurement and key.
        tags: by measurement and key.
    """

    bucket: BucketListing
    rows: int | None
    values: int
    series: int
    first: str | None
    last: str | None
    fields: tuple[HeldField, ...]
    tags: tuple[HeldTag, ...]


def show_bucket(
    bucket: str | None = None,
    *,
    bucket_id: str | None = None,
    count_rows: bool | None = None,
    connection: Connection | None = None,
    wait_seconds: float = 10.0,
) -> BucketDetails:
    """Ask what a bucket holds, over all of time.

    Args:
        bucket: its name; or
        bucket_id: its id.
        count_rows: whether points are counted, for which the server reads the whole bucket; None: where that is quick.
        connection: which server; None finds it as :func:`importer.load` does.
        wait_seconds: how long an absent server is waited for.

    Raises:
        ConfigurationError: neither name nor id is given, or both.
        NotFoundError: there is no such bucket.
        ServerError: the server refuses, or did not answer in time.
    """
    with Server(connection or connect(), timeout_seconds=600.0) as server:
        server.patience = Patience(RetryPolicy(wait_seconds), log.warning)
        found = find_bucket(server, bucket, bucket_id)
        counts = counting.count_values(server, found.id, MIN_TIME_NS, MAX_TIME_NS + 1)
        values = counts.total()
        # A load has counted its points, and they are still those if nobody has written to the bucket since.
        mark = found.mark if found.mark and found.mark.role == "live" else None
        rows = mark.points if mark and mark.values == values else None
        if rows is None and (count_rows or (count_rows is None and values <= MOST_TO_COUNT)):
            rows = _total(server, _ROWS, found.id)
        with asked(server, found.id) as asking:
            types = types_in(asking.rows(FIELD_KEYS))
            series = sum(_cardinalities(asking, "SHOW SERIES EXACT CARDINALITY").values())
            tags = sorted(_tags(asking), key=lambda tag: (tag.measurement, tag.tag))
        return BucketDetails(
            bucket=listing_of(found),
            rows=rows,
            values=values,
            series=series,
            first=_moment(server, _FIRST, found.id),
            last=_moment(server, _LAST, found.id),
            fields=tuple(
                HeldField(measurement, field, tuple(sorted(kinds)), counts[measurement, field])
                for (measurement, field), kinds in sorted(types.items())
            ),
            tags=tuple(tags),
        )


def _ask(server: Server, flux: str, bucket_id: str) -> list[int]:
    params = {"bucket_id": bucket_id, "start": MIN_TIME_NS, "stop": MAX_TIME_NS}
    return [int(record["_value"]) for table in server.query(flux, params) for record in table.records]


def _total(server: Server, flux: str, bucket_id: str) -> int:
    return sum(_ask(server, flux, bucket_id))


def _moment(server: Server, flux: str, bucket_id: str) -> str | None:
    found = _ask(server, flux, bucket_id)
    return rfc3339(found[0]) if found else None


def _tags(asking: Asking) -> Iterator[HeldTag]:
    by_key: dict[str, list[str]] = {}
    for piece in asking.rows("SHOW TAG KEYS"):
        for (key,) in piece.rows:
            by_key.setdefault(key, []).append(piece.measurement)
    for key, measurements in by_key.items():
        numbers = _cardinalities(asking, f"SHOW TAG VALUES EXACT CARDINALITY WITH KEY = {identifier(key)}")
        yield from (HeldTag(measurement, key, numbers.get(measurement, 0)) for measurement in measurements)


def _cardinalities(asking: Asking, question: str) -> dict[str, int]:
    """The number that the index has for each measurement."""
    return {piece.measurement: row[0] for piece in asking.rows(question) for row in piece.rows}
