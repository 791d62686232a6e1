"""The source system's own row function: each builder makes it as it stands, constant tag, decimals and text times."""

from __future__ import annotations

from decimal import Decimal

from influxdb_client import Point


def parse_row(row: dict[str, str]) -> Point:
    return (
        Point("migration-point")
        .tag("type", "migration-value")
        .measurement("migration")
        .field("event-id", row["event-id"])
        .field("lon", Decimal(row["location-long"]))
        .field("lat", Decimal(row["location-lat"]))
        .field("manually-marked-outlier", row["manually-marked-outlier"])
        .field("individual-taxon-canonical-name", row["individual-taxon-canonical-name"])
        .field("tag-local-identifier", row["tag-local-identifier"])
        .field("individual-local-identifier", row["individual-local-identifier"])
        .time(row["timestamp"])
    )
