"""What a measurement says, checked and copied when it is written: its object may change afterwards.

Goes in: a :class:`~importer.measurements.measurement.Measurement`. Comes out: :class:`Said`, and with the types of the
fields a :class:`Taken`.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from importer.errors import MeasurementError
from importer.limits import MAX_KEY_BYTES, TAG_VALUE_TROUBLE, UNUSABLE_TAG_VALUE, measurement_trouble
from importer.mapping.careful import ReadPoint, Types, read_points
from importer.mapping.contents import Contents, Shape
from importer.mapping.point_values import RowFaultError
from importer.mapping.values import DTYPES
from importer.measurements.measurement import Measurement, made_ns
from importer.records import FieldType

__all__ = ["Said", "Taken", "said_by", "taken"]

_UNUSABLE_TAG = re.compile(UNUSABLE_TAG_VALUE)
_OVERHEAD_BYTES = 500
"""Of a measurement in memory, beside its texts."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a measurement says, its field types not yet looked at.

    Attributes:
        measurement: the object.
        contents: of it alone.
        field_types: that its class fixes.
        size_bytes: in memory, about.
    """

    measurement: Measurement
    contents: Contents
    field_types: Mapping[str, FieldType]
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Taken:
    """A measurement that is to be written.

    Attributes:
        measurement: the object.
        point: what it said.
        size_bytes: in memory, about.
    """

    measurement: Measurement
    point: ReadPoint
    size_bytes: int


def said_by(measurement: Measurement) -> Said:
    """Ask a measurement, and check all but the types of its fields.

    Raises:
        MeasurementError: it is none, or says what cannot be written.
    """
    if not isinstance(measurement, Measurement):
        raise MeasurementError(f"{type(measurement).__name__} is no Measurement: derive a class of your own from it")
    kind = type(measurement).__name__
    name = getattr(measurement, "name", None)
    if not isinstance(name, str):
        raise MeasurementError(f"{kind}: name is {name!r}: give the class a name, such as name = 'climate'")
    if trouble := measurement_trouble(name):
        raise MeasurementError(f"{kind}: name is {name!r}: {trouble}")
    tags = {key: _tag(kind, key, value) for key, value in _mapping(kind, "tags", measurement.tags()).items()}
    fields = {key: _plain(value) for key, value in _mapping(kind, "fields", measurement.fields()).items()}
    both = sorted(tags.keys() & fields.keys())
    if both:
        raise MeasurementError(f"{kind}: {both[0]!r} is both a tag and a field: rename one of them")
    if all(value is None or value == "" for value in fields.values()):
        raise MeasurementError(f"{kind}: fields() gives no value: at least one is needed")
    texts = [name, *tags, *(text for text in tags.values() if text)]
    length = sum(len(text.encode(errors="replace")) for text in texts)
    if length > MAX_KEY_BYTES - max(len(key) for key in fields):
        raise MeasurementError(f"{kind}: its name and tags have {length:,} bytes, which is too long for a series")
    shape = Shape(None, tuple(tags), tuple((key, None) for key in fields), plain=True)
    values = (*tags.values(), *fields.values())
    contents = Contents((0,), (shape,), (str(name),), (_time(kind, measurement),), (values,), (shape,))
    size = _OVERHEAD_BYTES + length + sum(len(value) for value in fields.values() if isinstance(value, str))
    return Said(measurement, contents, _types(kind, type(measurement).field_types), size)


def taken(said: Said, types: Types) -> Taken:
    """Give the fields their types.

    Args:
        said: by a measurement.
        types: decided so far; those that it decides are added.

    Raises:
        MeasurementError: a value does not fit its field's type, or InfluxDB cannot hold it.
    """
    kind, name = type(said.measurement).__name__, said.contents.names[0]
    for key, fixed in said.field_types.items():
        decided = types.setdefault((name, key), fixed)
        if decided != fixed:
            raise MeasurementError(f"{kind}: the field {key!r} is {decided} in this bucket, and {fixed} in field_types")
    try:
        (point,) = read_points(said.contents, [0], types, 1)
    except RowFaultError as error:
        raise MeasurementError(f"{kind}: {f'{error.column}: ' if error.column else ''}{error}") from None
    return Taken(said.measurement, point, said.size_bytes)


def _mapping(kind: str, method: str, given: Any) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        raise MeasurementError(f"{kind}: {method}() gives {type(given).__name__}: a dictionary is needed")
    for key in given:
        if not isinstance(key, str):
            raise MeasurementError(f"{kind}: {method}() has the key {key!r}: a text is needed")
    return given


def _tag(kind: str, key: str, value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise MeasurementError(
            f"{kind}: the tag {key!r} is {value!r}, of type {type(value).__name__}: give a text or a whole number"
        )
    text = cast("str", _plain(value)) if isinstance(value, str) else str(int(value))
    if _UNUSABLE_TAG.search(text):
        raise MeasurementError(f"{kind}: the tag {key!r} is {text!r}: {TAG_VALUE_TROUBLE}")
    return text


def _plain(value: Any) -> Any:
    """A text as it is, whatever class it is of: that of an Enum's member would print its name."""
    return str.__str__(value) if isinstance(value, str) else value


def _time(kind: str, measurement: Measurement) -> Any:
    time = measurement.time
    if isinstance(time, dt.datetime) and time.tzinfo is None:
        raise MeasurementError(
            f"{kind}: the time {time} has no zone: say which, such as datetime.now(UTC) or tzinfo=ZoneInfo(...)"
        )
    return made_ns(measurement) if time is None else time


def _types(kind: str, given: Any) -> Mapping[str, FieldType]:
    for key, fixed in given.items():
        if fixed not in DTYPES:
            raise MeasurementError(f"{kind}: field_types has {fixed!r} for {key!r}: give one of {', '.join(DTYPES)}")
    return cast("Mapping[str, FieldType]", given)
