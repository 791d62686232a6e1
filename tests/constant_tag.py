"""A row function as people write them: its tag is lost, because ``Point.measurement`` makes a new point."""

from __future__ import annotations

from decimal import Decimal

from influxdb_client import Point

TEXTS = (
    "event-id",
    "manually-marked-outlier",
    "individual-taxon-canonical-name",
    "tag-local-identifier",
    "individual-local-identifier",
)


def to_point(row: dict[str, str]) -> Point:
    point = Point("migration-point").tag("type", "migration-value").measurement("migration")
    for name, column in (("lon", "location-long"), ("lat", "location-lat")):
        point.field(name, Decimal(row[column]))
    for text in TEXTS:
        point.field(text, row[text])
    return point.time(row["timestamp"])
