"""Find waves in a bucket.

Goes in: which place, how high at least, from when to when. Comes out: the waves, the oldest first.

Asked in InfluxQL, which reads no block twice after a late point and sees the last nanosecond, and streams in order of
time up to the limit, however many series there are.
"""

from __future__ import annotations

from typing import Final

from importer.bucket.dbrp import influxql_name
from importer.bucket.finding import find_bucket
from importer.limits import MAX_TIME_NS
from importer.reading.asking import Asking
from importer.reading.window import ALL_OF_TIME, TimeRange
from importer.server.connection import Server
from importer.waves.records import HEIGHT, LOCATION, SURF_HEIGHTS, FoundWaves, Wave, location_of

__all__ = ["find_waves"]

# Names are fixed, values are parameters: nothing is pasted in.
_WAVES: Final = (
    f'SELECT "{HEIGHT}"::float, "{LOCATION}"::tag FROM "{SURF_HEIGHTS}" WHERE time >= $start AND time <= $last'  # noqa: S608
)
_AT: Final = f' AND "{LOCATION}"::tag = $location'
_HIGH: Final = f' AND "{HEIGHT}"::float >= $min_height'


def find_waves(
    server: Server,
    bucket: str,
    *,
    location: str | None = None,
    min_height: float | None = None,
    span: TimeRange = ALL_OF_TIME,
    limit: int = 1000,
) -> FoundWaves:
    """The waves of a bucket, or some of them.

    Args:
        server: the connection.
        bucket: its name.
        location: only there; in whatever case.
        min_height: only those that are at least so high.
        span: only then.
        limit: so many at the most, the oldest ones.

    Raises:
        MeasurementError: the location is empty.
        NotFoundError: there is no such bucket.
        ServerError: the server refused, or did not answer.
    """
    params: dict[str, int | float | str] = {"start": span.start_ns, "last": min(span.stop_ns - 1, MAX_TIME_NS)}
    statement = _WAVES
    if location is not None:
        statement, params["location"] = statement + _AT, location_of(location)
    if min_height is not None:
        statement, params["min_height"] = statement + _HIGH, float(min_height)
    found = find_bucket(server, bucket, None)
    with influxql_name(server, found.id) as (database, policy):
        asking = Asking(server, database, policy, lambda: None)
        pieces = asking.rows(f"{statement} ORDER BY time LIMIT {int(limit) + 1}", params)
    rows = [row for piece in pieces for row in piece.rows]
    # The server orders by time alone.
    waves = sorted((time, place or "", height) for time, height, place in rows)
    return FoundWaves(
        tuple(Wave(place, float(height), time) for time, place, height in waves[:limit]), len(rows) > limit
    )
