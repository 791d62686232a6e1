"""The five shapes, as each way of loading is told of them."""

from __future__ import annotations

from typing import Final

from benchmarks.spec import DatasetSpec

__all__ = ["IOT", "MANY_SERIES", "MOVEBANK", "ONE_SERIES", "WIDE"]

MOVEBANK: Final = DatasetSpec(
    name="movebank",
    title="Movebank: 7 fields of which 5 are strings, 126 series, 6 years",
    mapping="""measurement = "migration"

[time]
column = "timestamp"
format = "%Y-%m-%d %H:%M:%S%.f"

[tags]
individual = { column = "individual-local-identifier" }

[fields]
event-id = { column = "event-id", type = "string" }
lon = { column = "location-long", type = "float" }
lat = { column = "location-lat", type = "float" }
manually-marked-outlier = { column = "manually-marked-outlier", type = "string" }
individual-taxon-canonical-name = { column = "individual-taxon-canonical-name", type = "string" }
tag-local-identifier = { column = "tag-local-identifier", type = "string" }
individual-local-identifier = { column = "individual-local-identifier", type = "string" }
""",
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
    mapping="""measurement = "telemetry"

[time]
column = "ts"
format = "unix_s"

[tags]
device = { column = "device" }

[fields]
co = { column = "co", type = "float" }
humidity = { column = "humidity", type = "float" }
light = { column = "light", type = "integer" }
lpg = { column = "lpg", type = "float" }
motion = { column = "motion", type = "integer" }
smoke = { column = "smoke", type = "float" }
temp = { column = "temp", type = "float" }
""",
    values=7,
    annotations=("#constant measurement,telemetry",),
    header=(
        "ts|dateTime:number,device|tag,co|double,humidity|double,light|long,lpg|double,motion|long,"
        "smoke|double,temp|double"
    ),
    nanoseconds="ts",
)

_WIDE_NUMBERS: Final = tuple(f"metric-{n:02}" for n in range(100))
_RFC3339: Final = '[time]\ncolumn = "time"\nformat = "rfc3339"\n'

WIDE: Final = DatasetSpec(
    name="wide",
    title="Wide: 100 numeric fields, 10 series",
    mapping=f'measurement = "wide"\n\n{_RFC3339}\n[tags]\nhost = {{ column = "host" }}\n\n[fields]\n'
    + "".join(f'{name} = {{ column = "{name}", type = "float" }}\n' for name in _WIDE_NUMBERS),
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
        mapping=f'measurement = "reading"\n\n{_RFC3339}\n[tags]\nsensor = {{ column = "sensor" }}\n\n[fields]\n'
        f'value = {{ column = "value", type = "float" }}\n{integer} = {{ column = "{integer}", type = "integer" }}\n',
        values=2,
        annotations=("#constant measurement,reading",),
        header=f"time|dateTime:RFC3339,sensor|tag,value|double,{integer}|long",
    )


ONE_SERIES: Final = _sensors("one-series", "One series, 2 fields", "quality")
MANY_SERIES: Final = _sensors("many-series", "100,000 series, 2 fields", "battery")
