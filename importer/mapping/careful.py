"""Points read one by one: what is odd about any of them is told exactly.

Goes in: the :class:`~importer.mapping.contents.Contents` of a block's Points. Comes out: for a row, its points with
typed values, or the fault.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from importer.limits import MAX_TIME_NS, MIN_TIME_NS, OUT_OF_RANGE, key_trouble
from importer.mapping.contents import Contents
from importer.mapping.point_values import EXACT_IN_FLOAT, INTEGER_LIMITS, RowFaultError, text_of, time_ns, typed
from importer.mapping.timestamps import PRECISION_NS
from importer.records import FieldType

__all__ = ["ReadPoint", "Types", "fitted", "read_points", "unit_of"]

Types = dict[tuple[str, str], FieldType]
"""By measurement and field key."""


@dataclass(frozen=True, slots=True)
class ReadPoint:
    """A point.

    Attributes:
        position: in the contents.
        measurement: its name.
        time_ns: since 1970 UTC.
        tags: those that are not empty.
        fields: those that have a value, with their type.
    """

    position: int
    measurement: str
    time_ns: int
    tags: dict[str, str]
    fields: dict[str, tuple[FieldType, Any]]


def read_points(contents: Contents, positions: Sequence[int], types: Types, unit_ns: int) -> list[ReadPoint]:
    """Read the points of one row, and decide the types of fields that have none yet.

    Args:
        contents: of the block.
        positions: of the row's Points.
        types: decided so far; those that the row decides are added.
        unit_ns: times are multiples of it.

    Raises:
        RowFaultError: one of the points cannot be loaded; nothing is decided then.
    """
    begun: Types = {}
    points = [_read(contents, position, types, begun, unit_ns) for position in positions]
    types.update(begun)  # only now: a row at fault decides no type
    return points


def unit_of(precision: Any) -> int:
    """Nanoseconds of the unit that a Point names."""
    return PRECISION_NS[str(precision) if precision else "ns"]  # type: ignore[index]


def fitted(key: str, value: Any, kind: FieldType, plain: Any, decided: FieldType) -> Any:
    """A value of one type as one of the type that its field has.

    Raises:
        RowFaultError: it cannot be that without loss.
    """
    if kind == decided:
        return plain
    if decided == "float" and kind in INTEGER_LIMITS and abs(plain) <= EXACT_IN_FLOAT:
        return float(plain)
    if {decided, kind} == {"integer", "unsigned"} and 0 <= plain < 1 << 63:
        return plain
    raise RowFaultError(decided, f"{value!r} is of type {kind}, but {key!r} began as {decided}", key)


def _read(contents: Contents, position: int, types: Types, begun: Types, unit_ns: int) -> ReadPoint:
    shape, values = contents.shapes[position], contents.values[position]
    name = contents.names[position]
    measurement = text_of(name, "measurement") if name is not None else ""
    if not measurement:
        raise RowFaultError("measurement", "the measurement is empty")
    moment_ns = _time(contents.times[position], unit_of(shape.precision), unit_ns)
    tags = {}
    for key, value in zip(shape.tags, values, strict=False):
        if value is not None and (text := text_of(value, "tag", str(key))):
            tags[_good(str(key), "tag")] = text
    fields = {}
    for (key, suffix), value in zip(shape.fields, values[len(shape.tags) :], strict=True):
        # An empty text is no value, as an empty cell is none: see importer.limits.
        if value is not None and not (isinstance(value, str) and not value):
            good = _good(str(key), "field")
            kind, plain = typed(good, value, suffix)
            decided = types.get((measurement, good)) or begun.setdefault((measurement, good), kind)
            fields[good] = decided, fitted(good, value, kind, plain, decided)
    return ReadPoint(position, measurement, moment_ns, tags, fields)


def _good(key: str, kind: Literal["tag", "field"]) -> str:
    trouble = key_trouble(kind, key)
    if trouble is not None:
        raise RowFaultError(kind, f"{key!r} cannot be the key of a {kind}: {trouble}", key)
    return key


def _time(time: Any, point_unit_ns: int, unit_ns: int) -> int:
    moment_ns = time_ns(time, point_unit_ns)
    if not MIN_TIME_NS <= moment_ns <= MAX_TIME_NS:
        raise RowFaultError("time_range", OUT_OF_RANGE)
    if moment_ns % unit_ns:
        raise RowFaultError("precision", "finer than the precision that was asked for")
    return moment_ns
