"""The shapes that data can be made in.

Goes in: a seed and codes of tags. Comes out: the texts of a column, as they stand in CSV and in line protocol alike:
all are made from whole numbers, so that no machine rounds them differently.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from importer.errors import ConfigurationError
from importer.generating.draws import Draws, Integers, uuids
from importer.mapping.header import nearest
from importer.mapping.spec import Mapping as MappingFile
from importer.records import FieldType

__all__ = ["SHAPES", "MadeField", "Shape", "mapping_of", "shape_named"]

Codes = Mapping[str, Integers]


@dataclass(frozen=True, slots=True)
class MadeField:
    """A field.

    Attributes:
        type: its type.
        make: draws, the points' tags by key (as places among that tag's values) and a number of points -> texts.
    """

    type: FieldType
    make: Callable[[Draws, Codes, int], pl.Series]


@dataclass(frozen=True, slots=True)
class Shape:
    """What data of one kind looks like.

    Attributes:
        name: by which it is asked for.
        title: what it is, in a few words.
        number: tells its draws from those of other shapes.
        measurement: its measurement.
        time: the column of the time.
        time_text: times, counted in ``unit_ns`` -> texts.
        unit_ns: what times are multiples of, ns.
        longest_step: from a point to the next at the most, in ``unit_ns``; at the least it is 1.
        newest_first: times go back from point to point.
        usual_ns: the first point's time, unless another is asked for: fixed, so that the bytes are.
        tags: a seed -> the values of each tag, by key.
        fields: by key.
        mapping: the mapping file.
    """

    name: str
    title: str
    number: int
    measurement: str
    time: str
    time_text: Callable[[Integers], pl.Series]
    unit_ns: int
    longest_step: int
    newest_first: bool
    usual_ns: int
    tags: Callable[[int], dict[str, tuple[str, ...]]]
    fields: Mapping[str, MadeField]
    mapping: str


def shape_named(name: str) -> Shape:
    """The shape of this name.

    Raises:
        ConfigurationError: there is none; with the nearest names.
    """
    found = SHAPES.get(name)
    if found is None:
        near = nearest(name, SHAPES)
        meant = f"; did you mean {' or '.join(map(repr, near))}?" if near else "."
        raise ConfigurationError(f"there is no shape {name!r}{meant} There are: {', '.join(SHAPES)}")
    return found


def mapping_of(shape: str) -> MappingFile:
    """The mapping under which a shape's CSV is loaded.

    Raises:
        ConfigurationError: there is no such shape.
    """
    found = shape_named(shape)
    return MappingFile.from_dict(tomllib.loads(found.mapping), origin=f"the mapping of {found.name}")


def _whole_text(numbers: Integers) -> pl.Series:
    return pl.Series(numbers).cast(pl.String)


def _decimal(digits: int, low: int, high: int) -> MadeField:
    """Decimal numbers of so many digits behind the point, from ``low`` to ``high`` units of the last one."""
    unit = 10**digits

    def make(draws: Draws, _: Codes, size: int) -> pl.Series:
        return _decimal_text(draws.whole(low, high, size), digits, unit)

    return MadeField("float", make)


def _decimal_text(numbers: Integers, digits: int, unit: int) -> pl.Series:
    """Numbers that are not negative as decimals, without needless zeros: 0.5353, 0.617, 1.0."""
    fraction = _whole_text(numbers % unit).str.zfill(digits).str.strip_chars_end("0")
    return _whole_text(numbers // unit) + "." + fraction.str.pad_end(1, "0")


def _by_device(ranges: tuple[tuple[int, int], ...]) -> MadeField:
    """Tenths, from a range of each device's own."""
    lows, highs = np.array(ranges).T
    steps = 10_000

    def make(draws: Draws, codes: Codes, size: int) -> pl.Series:
        low, high = lows[codes["device"]], highs[codes["device"]]
        return _decimal_text(low + draws.whole(0, steps - 1, size) * (high - low + 1) // steps, 1, 10)

    return MadeField("float", make)


def _integer(low: int, high: int) -> MadeField:
    return MadeField("integer", lambda draws, _, size: _whole_text(draws.whole(low, high, size)))


def _seldom_true(one_in: int) -> MadeField:
    truth = pl.Series(["true", "false"])
    return MadeField("boolean", lambda draws, _, size: truth.gather(draws.whole(0, one_in - 1, size) > 0))


_LOCATIONS: Final = (
    "reservoir", "orchard", "vineyard", "quarry", "hospital", "bakery", "warehouse", "outhouse", "restaurant",
    "cafeteria", "delicatessen", "office",
)  # fmt: skip
_FRUITS: Final = (
    "apple", "banana", "cantaloupe", "cherry", "coconut", "durian", "fig", "gooseberry", "grape", "grapefruit", "guava",
    "lemon", "lime", "lychee", "mango", "papaya", "passionfruit", "peach", "pineapple", "plum", "strawberry",
    "tangerine", "tomato", "watermelon",
)  # fmt: skip
_IDS: Final = 100

M1: Final = Shape(
    name="m1",
    title="the write test of InfluxDB 1: random tags and numbers, newest first",
    number=1,
    measurement="m1",
    time="time",
    time_text=_whole_text,
    unit_ns=10**6,
    longest_step=100,
    newest_first=True,
    usual_ns=1_704_067_200 * 10**9,  # 2024-01-01T00:00:00Z
    tags=lambda seed: {"location": _LOCATIONS, "fruit": _FRUITS, "id": uuids(Draws(seed, 1, 0), _IDS)},
    fields={"x": _decimal(4, 0, 10_000), "y": _decimal(4, 0, 10_000), "z": _integer(0, 50)},
    mapping="""\
measurement = "m1"

[time]
column = "time"
format = "unix_ms"

[tags]
location = { column = "location" }
fruit = { column = "fruit" }
id = { column = "id" }

[fields]
x = { column = "x", type = "float" }
y = { column = "y", type = "float" }
z = { column = "z", type = "integer" }
""",
)

_DEVICES: Final = ("b8:27:eb:bf:9d:51", "00:0f:00:70:91:0a", "1c:bf:ce:15:ec:4d")


def _seconds_text(micros: Integers) -> pl.Series:
    size = np.abs(micros)
    sign = pl.Series(["", "-"]).gather((micros < 0).astype(np.int64))
    return sign + _whole_text(size // 10**6) + "." + _whole_text(size % 10**6).str.zfill(6)


TELEMETRY: Final = Shape(
    name="telemetry",
    title="air and light as three devices measure them, oldest first",
    number=2,
    measurement="telemetry",
    time="ts",
    time_text=_seconds_text,
    unit_ns=1_000,
    longest_step=3_400_000,
    newest_first=False,
    usual_ns=1_594_512_094_385_974 * 1_000,  # 2020-07-12T00:01:34.385974Z
    tags=lambda _: {"device": _DEVICES},
    fields={
        "co": _decimal(9, 1_171_000, 14_420_000),
        "humidity": _by_device(((450, 630), (680, 850), (480, 770))),
        "light": _seldom_true(4),
        "lpg": _decimal(9, 2_693_000, 16_567_000),
        "motion": _seldom_true(800),
        "smoke": _decimal(9, 6_692_000, 46_590_000),
        "temp": _by_device(((197, 246), (150, 202), (190, 306))),
    },
    mapping="""\
measurement = "telemetry"

[time]
column = "ts"
format = "unix_s"

[tags]
device = { column = "device" }

[fields]
co = { column = "co", type = "float" }
humidity = { column = "humidity", type = "float" }
light = { column = "light", type = "boolean" }
lpg = { column = "lpg", type = "float" }
motion = { column = "motion", type = "boolean" }
smoke = { column = "smoke", type = "float" }
temp = { column = "temp", type = "float" }
""",
)

SHAPES: Final = {shape.name: shape for shape in (M1, TELEMETRY)}
