"""A row to a point, for each shape, as the client library's examples do it.

For the row-by-row way, and for ``importer load --mapper``.
"""

from __future__ import annotations

from datetime import UTC, datetime

from influxdb_client import Point

from benchmarks.specs import WIDE

__all__ = ["iot", "many_series", "movebank", "one_series", "wide"]


def movebank(row: dict[str, str]) -> Point:
    """A fix of an animal."""
    point: Point = (
        Point("migration")
        .tag("individual", row["individual-local-identifier"])
        .field("event-id", row["event-id"])
        .field("lon", float(row["location-long"]))
        .field("lat", float(row["location-lat"]))
        .field("manually-marked-outlier", row["manually-marked-outlier"])
        .field("individual-taxon-canonical-name", row["individual-taxon-canonical-name"])
        .field("tag-local-identifier", row["tag-local-identifier"])
        .field("individual-local-identifier", row["individual-local-identifier"])
        .time(row["timestamp"])
    )
    return point


def iot(row: dict[str, str]) -> Point:
    """A reading of a device."""
    point: Point = (
        Point("telemetry")
        .tag("device", row["device"])
        .field("co", float(row["co"]))
        .field("humidity", float(row["humidity"]))
        .field("light", int(row["light"]))
        .field("lpg", float(row["lpg"]))
        .field("motion", int(row["motion"]))
        .field("smoke", float(row["smoke"]))
        .field("temp", float(row["temp"]))
        .time(datetime.fromtimestamp(float(row["ts"]), tz=UTC))
    )
    return point


def wide(row: dict[str, str]) -> Point:
    """All metrics of a host."""
    point: Point = Point("wide").tag("host", row["host"]).time(row["time"])
    for name in WIDE.numbers:
        point.field(name, float(row[name]))
    return point


def one_series(row: dict[str, str]) -> Point:
    """A reading of the one sensor."""
    return _reading(row, "quality")


def many_series(row: dict[str, str]) -> Point:
    """A reading of one of many sensors."""
    return _reading(row, "battery")


def _reading(row: dict[str, str], integer: str) -> Point:
    point: Point = (
        Point("reading")
        .tag("sensor", row["sensor"])
        .field("value", float(row["value"]))
        .field(integer, int(row[integer]))
        .time(row["time"])
    )
    return point
