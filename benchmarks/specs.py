"""The five shapes, as each way of loading is told of them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from benchmarks.spec import DatasetSpec

__all__ = ["IOT", "MANY_SERIES", "MOVEBANK", "ONE_SERIES", "WIDE"]


def _mapping(
    measurement: str,
    *,
    time: tuple[str, str],
    tag: str,
    fields: Mapping[str, str],
    columns: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """A mapping file: the time's column and format, a tag, fields with their types, and columns of other names."""

    def column(name: str) -> str:
        return f'column = "{columns.get(name, name)}"'

    lines = [f'{name} = {{ {column(name)}, type = "{kind}" }}' for name, kind in fields.items()]
    head = f'measurement = "{measurement}"\n\n[time]\ncolumn = "{time[0]}"\nformat = "{time[1]}"\n'
    return f"{head}\n[tags]\n{tag} = {{ {column(tag)} }}\n\n[fields]\n" + "".join(f"{line}\n" for line in lines)


MOVEBANK: Final = DatasetSpec(
    name="movebank",
    title="Movebank: 7 fields of which 5 are strings, 126 series, 6 years",
    mapping=_mapping(
        "migration",
        time=("timestamp", "%Y-%m-%d %H:%M:%S%.f"),
        tag="individual",
        fields={
            "event-id": "string",
            "lon": "float",
            "lat": "float",
            "manually-marked-outlier": "string",
            "individual-taxon-canonical-name": "string",
            "tag-local-identifier": "string",
            "individual-local-identifier": "string",
        },
        columns={"individual": "individual-local-identifier", "lon": "location-long", "lat": "location-lat"},
    ),
    values=7,
    # A column is one thing to that program; the tag is a copy that it makes itself.
    annotations=("#constant measurement,migration", "#concat tag,individual,${individual-local-identifier}"),
    header=(
        "event-id|string,visible|ignored,timestamp|dateTime:2006-01-02 15:04:05.000,lon|double,lat|double,"
        "manually-marked-outlier|string,sensor-type|ignored,individual-taxon-canonical-name|string,"
        "tag-local-identifier|string,individual-local-identifier|string,study-name|ignored,utm-easting|ignored,"
        "utm-northing|ignored,utm-zone|ignored,study-timezone|ignored,study-local-timestamp|ignored"
    ),
)

IOT: Final = DatasetSpec(
    name="iot",
    title="IoT telemetry: 7 numeric fields, 3 series",
    mapping=_mapping(
        "telemetry",
        time=("ts", "unix_s"),
        tag="device",
        fields={
            "co": "float",
            "humidity": "float",
            "light": "integer",
            "lpg": "float",
            "motion": "integer",
            "smoke": "float",
            "temp": "float",
        },
    ),
    values=7,
    annotations=("#constant measurement,telemetry",),
    header=(
        "ts|dateTime:number,device|tag,co|double,humidity|double,light|long,lpg|double,motion|long,"
        "smoke|double,temp|double"
    ),
    nanoseconds="ts",
)

_WIDE_NUMBERS: Final = tuple(f"metric-{n:02}" for n in range(100))
_RFC3339: Final = ("time", "rfc3339")

WIDE: Final = DatasetSpec(
    name="wide",
    title="Wide: 100 numeric fields, 10 series",
    mapping=_mapping("wide", time=_RFC3339, tag="host", fields=dict.fromkeys(_WIDE_NUMBERS, "float")),
    values=100,
    annotations=("#constant measurement,wide",),
    header="time|dateTime:RFC3339,host|tag," + ",".join(f"{name}|double" for name in _WIDE_NUMBERS),
    numbers=_WIDE_NUMBERS,
    batch_rows=5_000,  # as many values a request as 50,000 narrow rows have
)


def _sensors(name: str, title: str, integer: str) -> DatasetSpec:
    """A sensor's reading: a number, and a whole number beside it."""
    return DatasetSpec(
        name=name,
        title=title,
        mapping=_mapping("reading", time=_RFC3339, tag="sensor", fields={"value": "float", integer: "integer"}),
        values=2,
        annotations=("#constant measurement,reading",),
        header=f"time|dateTime:RFC3339,sensor|tag,value|double,{integer}|long",
    )


ONE_SERIES: Final = _sensors("one-series", "One series, 2 fields", "quality")
MANY_SERIES: Final = _sensors("many-series", "100,000 series, 2 fields", "battery")
