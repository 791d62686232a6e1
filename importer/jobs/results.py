"""What a verified import brought, for a chart and for a map.

Goes in: the report, and the server. Comes out: windows of one field, or points on the earth; never more than are asked
for, however much the bucket holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from importer.bucket.finding import find_bucket
from importer.bucket.influxql import asked
from importer.errors import NotFoundError
from importer.ledger.report import FieldReport, Report
from importer.limits import MAX_TIME_NS, MIN_TIME_NS
from importer.moments import as_text
from importer.reading.asking import Asking, identifier
from importer.reading.window import parse_moment
from importer.server.connection import Server

__all__ = ["Chart", "Track", "TrackPoint", "Window", "chart_of", "track_of"]

WINDOWS = 300
TRACK_POINTS = 5_000
_NUMBERS = frozenset({"float", "integer", "unsigned"})
_MOST_EXACT_SUM = 1 << 63

_LATITUDES = ("latitude", "lat", "location-lat", "location_lat", "position_lat", "gps_lat", "gps_latitude")
_LONGITUDES = ("longitude", "lon", "lng", "long", "location-long", "location_lon", "location_long", "position_long",
               "gps_lon", "gps_lng", "gps_longitude")  # fmt: skip


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True)


class Window(_Record):
    """A stretch of time, and the values in it."""

    time: str = Field(description="When it begins, RFC 3339.")
    mean: float | None = Field(description="Null where the field is no number, or its sum is too large to be exact.")
    least: float | None
    most: float | None
    count: int


class Chart(_Record):
    """One field over time, of all series together."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra={
            "examples": [
                {
                    "bucket": "birds",
                    "measurement": "birds",
                    "field": "lat",
                    "type": "float",
                    "window_seconds": 3600.0,
                    "windows": [
                        {"time": "2024-05-01T10:00:00Z", "mean": 47.3, "least": 46.9, "most": 47.6, "count": 60}
                    ],
                    "fields": ["lat", "lon"],
                    "measurements": ["birds"],
                }
            ]
        },
    )

    bucket: str
    measurement: str
    field: str
    type: str
    window_seconds: float = Field(description="How long a window is.")
    windows: tuple[Window, ...] = Field(description="Those with values, in the order of time.")
    fields: tuple[str, ...] = Field(description="All fields of the measurement.")
    measurements: tuple[str, ...] = Field(description="All measurements of the import.")


class TrackPoint(_Record):
    """Where something was."""

    series: str = Field(description="Its tags, in words.")
    time: str = Field(description="RFC 3339. Where not every point is here: when its stretch of time begins.")
    lat: float
    lon: float


class Track(_Record):
    """Where things were: by series, in the order of time."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra={
            "examples": [
                {
                    "bucket": "birds",
                    "measurement": "birds",
                    "latitude": "lat",
                    "longitude": "lon",
                    "is_whole": True,
                    "points": [{"series": "bird=Anna", "time": "2024-05-01T10:00:00Z", "lat": 47.3, "lon": 8.5}],
                }
            ]
        },
    )

    bucket: str
    measurement: str
    latitude: str = Field(description="The field that it was taken from.")
    longitude: str
    is_whole: bool = Field(description="Every point is here; else the first with both of each stretch of time.")
    points: tuple[TrackPoint, ...]


def chart_of(report: Report, server: Server, *, field: str | None = None, measurement: str | None = None) -> Chart:
    """A field of what was loaded.

    Args:
        report: of the load.
        server: the connection.
        field: its key; None: the first one that is a number, or else the first.
        measurement: its measurement; None: the first one that has it.

    Raises:
        NotFoundError: the load had no such field, or the bucket is gone.
        ServerError: the server refuses, or does not answer.
    """
    chosen = _chosen(report, field, measurement)
    start, stop = _span(report)
    every = max(1, -(-(stop - start + 1) // WINDOWS))
    is_number = chosen.type in _NUMBERS
    name = f"{identifier(chosen.field)}::field"
    columns = f"count({name})" + (f", min({name}), max({name}), mean({name})" if is_number else "")
    rows: list[list[Any]] = []
    with asked(server, find_bucket(server, report.bucket).id) as asking:
        # The name is quoted, and no value is pasted into the question.
        question = (
            f"SELECT {columns} FROM {identifier(chosen.measurement)} WHERE time >= $start AND time <= $stop "  # noqa: S608
            f"GROUP BY time({every}ns, {start % every}ns) fill(none)"
        )
        for piece in asking.rows(question, {"start": start, "stop": stop}):
            rows += piece.rows
    fields = [found.field for found in report.fields if found.measurement == chosen.measurement]
    return Chart(
        bucket=report.bucket or "",
        measurement=chosen.measurement,
        field=chosen.field,
        type=chosen.type,
        window_seconds=every / 1e9,
        windows=tuple(_window(row, whole=chosen.type != "float") for row in rows if row[1]),
        fields=tuple(fields),
        measurements=tuple(dict.fromkeys(found.measurement for found in report.fields)),
    )


def track_of(report: Report, server: Server) -> Track:
    """Where the points of what was loaded lie.

    Raises:
        NotFoundError: it has no coordinates, or the bucket is gone.
        ServerError: the server refuses, or does not answer.
    """
    measurement, latitude, longitude = _coordinates(report)
    start, stop = _span(report)
    lat, lon = f"{identifier(latitude.field)}::field", f"{identifier(longitude.field)}::field"
    where = f"FROM {identifier(measurement)} WHERE time >= $start AND time <= $stop"
    params = {"start": start, "stop": stop}
    is_whole = max(latitude.expected, longitude.expected) <= TRACK_POINTS
    if is_whole:
        question = f"SELECT {lat}, {lon} {where} GROUP BY *"
    else:
        windows = max(1, TRACK_POINTS // max(1, report.series))
        every = -(-(stop - start + 1) // windows)
        # Both of one point: the first one that has both. (`IS NOT NULL` is not known to the server.)
        both = " AND ".join(f"({name} >= 0 OR {name} < 0)" for name in (lat, lon))
        question = (
            f"SELECT first({lat}), {lon} {where} AND {both} GROUP BY *, time({every}ns, {start % every}ns) fill(none)"
        )
    points: list[TrackPoint] = []
    with asked(server, find_bucket(server, report.bucket).id) as asking:
        for point in _track_points(asking, question, params):
            if len(points) >= TRACK_POINTS:
                is_whole = False
                break
            points.append(point)
    return Track(
        bucket=report.bucket or "",
        measurement=measurement,
        latitude=latitude.field,
        longitude=longitude.field,
        is_whole=is_whole,
        points=tuple(points),
    )


def _track_points(asking: Asking, question: str, params: dict[str, int]) -> Iterator[TrackPoint]:
    for piece in asking.pieces(question, params, chunk_rows=TRACK_POINTS):
        series = ", ".join(f"{key}={value}" for key, value in sorted(piece.tags.items()) if value)
        for time, lat, lon in piece.rows:
            if lat is not None and lon is not None:
                yield TrackPoint(series=series, time=as_text(int(time)), lat=float(lat), lon=float(lon))


def _chosen(report: Report, field: str | None, measurement: str | None) -> FieldReport:
    fitting = [
        found
        for found in report.fields
        if field in {None, found.field} and measurement in {None, found.measurement} and found.expected
    ]
    if not fitting:
        wanted = f"field {field!r}" if field else "field"
        raise NotFoundError(f"the import has no {wanted}" + (f" of {measurement!r}" if measurement else ""), status=404)
    return next((found for found in fitting if found.type in _NUMBERS), fitting[0])


def _coordinates(report: Report) -> tuple[str, FieldReport, FieldReport]:
    for measurement in dict.fromkeys(found.measurement for found in report.fields):
        numbers = {
            found.field.casefold(): found
            for found in report.fields
            if found.measurement == measurement and found.type in _NUMBERS
        }
        latitude = next((numbers[name] for name in _LATITUDES if name in numbers), None)
        longitude = next((numbers[name] for name in _LONGITUDES if name in numbers), None)
        if latitude is not None and longitude is not None:
            return measurement, latitude, longitude
    raise NotFoundError("the import has no fields named like a latitude and a longitude", status=404)


def _span(report: Report) -> tuple[int, int]:
    if report.time_range is None:
        return MIN_TIME_NS, MAX_TIME_NS
    return parse_moment(report.time_range.start), parse_moment(report.time_range.stop)


def _window(row: list[Any], *, whole: bool) -> Window:
    time, count, *rest = row
    if not rest:
        return Window(time=as_text(int(time)), mean=None, least=None, most=None, count=count)
    least, most, mean = rest
    # The server adds up whole numbers in 64 bits, and wraps around.
    is_exact = not whole or max(abs(least), abs(most)) * count < _MOST_EXACT_SUM
    return Window(time=as_text(int(time)), mean=mean if is_exact else None, least=least, most=most, count=count)
