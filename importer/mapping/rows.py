"""The row path: a person's own function ``row -> Point | None | [Point, …]``.

Goes in: a :class:`~importer.records.Table`. Comes out: a :class:`~importer.records.PointBatch`.

A ``Point`` is read through its own content: its serializer drops fields that are null or infinite without
a word, rounds times, and stores a tag that ends in a backslash as another value.
"""

from __future__ import annotations

import datetime as dt
import importlib
import math
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from numbers import Integral
from pathlib import Path
from typing import Any, Literal

import polars as pl
from influxdb_client import Point

from importer.errors import MappingError
from importer.limits import MAX_STRING_BYTES, MAX_TIME_NS, MIN_TIME_NS, OUT_OF_RANGE, key_trouble
from importer.mapping.spec import check_columns
from importer.mapping.timestamps import PRECISION_NS, TOO_FINE, Precision
from importer.mapping.values import DTYPES
from importer.records import RECORD, Fault, FieldColumn, FieldType, PointBatch, SkipReason, Table, TagColumn

__all__ = ["RowFunction", "RowMapper", "load_function"]

RowFunction = Callable[[dict[str, str]], Point | Sequence[Point] | None]

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_TIME_TEXT = re.compile(
    r"\s*(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?\s?"
    r"(Z|z|[+-](?:[01]\d|2[0-3])(?::?[0-5]\d)?)?)?\s*",
    re.ASCII,
)
_INTEGER_LIMITS: dict[FieldType, tuple[int, int]] = {
    "integer": (-(1 << 63), (1 << 63) - 1),
    "unsigned": (0, (1 << 64) - 1),
}
_EXACT_IN_FLOAT = 1 << 53


def load_function(name: str) -> RowFunction:
    """Import a mapper.

    Args:
        name: ``package.module:function``; the current folder is searched, too.

    Raises:
        MappingError: it cannot be imported or called.
    """
    module_name, _, function_name = name.partition(":")
    if not module_name or not function_name:
        raise MappingError(f"mapper {name!r}: write package.module:function")
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.insert(0, here)
    try:
        function = getattr(importlib.import_module(module_name), function_name)
    except AttributeError as error:
        if getattr(error, "obj", None) is not sys.modules.get(module_name):
            raise MappingError(f"mapper {name!r}: cannot import {module_name!r}: {error}") from error
        raise MappingError(f"mapper {name!r}: module {module_name!r} has no {function_name!r}") from None
    except Exception as error:  # the module's own code may raise anything
        reason = f"{type(error).__name__}: {error}"
        raise MappingError(f"mapper {name!r}: cannot import {module_name!r}: {reason}") from error
    if not callable(function):
        raise MappingError(f"mapper {name!r}: it is no function")
    return function  # type: ignore[no-any-return]


class RowMapper:
    """Calls a function for each row, in input order.

    A field has one type per measurement for the whole load: that of its first value.

    Args:
        function: gets the row as a dictionary of texts (an empty cell is an empty text).
        precision: finer timestamps are faults.
    """

    def __init__(self, function: RowFunction, *, precision: Precision = "ns") -> None:
        self._function = function
        self._unit = PRECISION_NS[precision]
        self._types: dict[tuple[str, str], FieldType] = {}
        self._good_keys: set[tuple[str, str]] = set()

    def pin(self, known: dict[tuple[str, str], FieldType]) -> None:
        """Keep to the types that the bucket has already, by measurement and field key."""
        self._types.update(known)

    def wanted_columns(self, header: Sequence[str], source: str) -> tuple[str, ...]:
        """All of them.

        Raises:
            MappingError: a name occurs twice, so that a dictionary would lose a cell.
        """
        check_columns(header, header, source)
        return tuple(header)

    def __call__(self, table: Table) -> PointBatch:
        """Map a block's rows.

        Raises:
            MappingError: the function gave something that is no ``Point``.
        """
        built = _Columns()
        faults: list[Fault] = []
        skipped: dict[SkipReason, int] = {"blank": table.blank} if table.blank else {}
        rows_mapped = rows_faulty = 0
        rows = table.frame.drop(RECORD).fill_null("").iter_rows(named=True)
        for record, row in zip(table.frame[RECORD], rows, strict=True):
            try:
                begun: dict[tuple[str, str], FieldType] = {}
                points = [self._read(point, begun) for point in self._points(row)]
                self._types.update(begun)  # only now: a row at fault decides no type
            except _RowFaultError as error:
                faults.append(Fault(record, error.column, error.word, str(error)))
                rows_faulty += 1
                continue
            with_fields = [point for point in points if point.fields]
            if with_fields:
                rows_mapped += 1
                for point in with_fields:
                    built.append(record, point)
            else:
                reason: SkipReason = "no_fields" if points else "mapper_none"
                skipped[reason] = skipped.get(reason, 0) + 1
        frame, tags, fields = built.frame()
        rows_faulty += len({fault.record for fault in table.faults})
        all_faults = (*table.faults, *faults)
        return PointBatch(table.block, frame, tags, fields, all_faults, skipped, rows_mapped, rows_faulty)

    def _points(self, row: dict[str, str]) -> Iterable[Point]:
        try:
            result = self._function(row)
        except (Exception, SystemExit) as error:  # an exit would end the load as if all were well
            raise _RowFaultError("mapper", f"the mapper raised {type(error).__name__}: {error}") from error
        if result is None:
            return ()
        points = result if isinstance(result, list | tuple) else (result,)
        for point in points:
            if not isinstance(point, Point):
                raise MappingError(
                    f"the mapper gave {type(point).__name__}: "
                    "it must return influxdb_client.Point, None or a list of Points"
                )
        return points

    def _read(self, point: Point, begun: dict[tuple[str, str], FieldType]) -> _PointContent:
        name = point._name  # noqa: SLF001 - the only way to a Point's content
        measurement = _text(name, "measurement") if name is not None else ""
        if not measurement:
            raise _RowFaultError("measurement", "the measurement is empty")
        time_ns = self._time(point._time, point._write_precision)  # noqa: SLF001
        tags = {}
        for key, value in point._tags.items():  # noqa: SLF001
            if value is not None and (text := _text(value, "tag", str(key))):
                tags[self._key(str(key), "tag")] = text
        fields = {}
        for key, value in point._fields.items():
            # An empty text is no value, as an empty cell is none: see importer.limits.
            if value is not None and not (isinstance(value, str) and not value):
                name = self._key(str(key), "field")
                fields[name] = self._field(measurement, name, value, point._field_types.get(key), begun)  # noqa: SLF001
        return _PointContent(measurement, time_ns, tags, fields)

    def _key(self, key: str, kind: Literal["tag", "field"]) -> str:
        if (kind, key) not in self._good_keys:
            trouble = key_trouble(kind, key)
            if trouble is not None:
                raise _RowFaultError(kind, f"{key!r} cannot be the key of a {kind}: {trouble}", key)
            self._good_keys.add((kind, key))
        return key

    def _time(self, time: Any, precision: Any) -> int:
        time_ns = _time_ns(time, PRECISION_NS[str(precision) if precision else "ns"])  # type: ignore[index]
        if not MIN_TIME_NS <= time_ns <= MAX_TIME_NS:
            raise _RowFaultError("time_range", OUT_OF_RANGE)
        if time_ns % self._unit:
            raise _RowFaultError("precision", "finer than the precision that was asked for")
        return time_ns

    def _field(
        self, measurement: str, key: str, value: Any, suffix: str | None, begun: dict[tuple[str, str], FieldType]
    ) -> tuple[FieldType, Any]:
        kind, plain = _typed(key, value, suffix)
        name = (measurement, key)
        decided = self._types.get(name) or begun.setdefault(name, kind)
        if kind != decided:
            if decided == "float" and kind in _INTEGER_LIMITS and abs(plain) <= _EXACT_IN_FLOAT:
                return decided, float(plain)
            if {decided, kind} == {"integer", "unsigned"} and 0 <= plain < 1 << 63:
                return decided, plain
            raise _RowFaultError(decided, f"{value!r} is of type {kind}, but {key!r} began as {decided}", key)
        return decided, plain


@dataclass(frozen=True, slots=True)
class _PointContent:
    measurement: str
    time_ns: int
    tags: dict[str, str]
    fields: dict[str, tuple[FieldType, Any]]


@dataclass(slots=True)
class _Columns:
    """Points, turned into columns; a column begins when its tag or field first occurs."""

    records: list[int] = field(default_factory=list)
    measurements: list[str] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    tags: dict[str, list[str | None]] = field(default_factory=dict)
    fields: dict[tuple[str, FieldType], list[Any]] = field(default_factory=dict)

    def append(self, record: int, point: _PointContent) -> None:
        position = len(self.records)
        self.records.append(record)
        self.measurements.append(point.measurement)
        self.times.append(point.time_ns)
        for key, value in point.tags.items():
            _put(self.tags.setdefault(key, []), position, value)
        for name, (kind, plain) in point.fields.items():
            _put(self.fields.setdefault((name, kind), []), position, plain)

    def frame(self) -> tuple[pl.DataFrame, tuple[TagColumn, ...], tuple[FieldColumn, ...]]:
        height = len(self.records)
        series = [
            pl.Series("measurement", self.measurements, dtype=pl.String),
            pl.Series("time", self.times, dtype=pl.Int64),
            pl.Series("record", self.records, dtype=pl.UInt32),
        ]
        tags, fields = [], []
        for key, values in self.tags.items():
            _put(values, height, None)
            tags.append(TagColumn(key, f"tag:{key}", key))
            series.append(pl.Series(f"tag:{key}", values[:height], dtype=pl.String))
        for (name, kind), plain in self.fields.items():
            _put(plain, height, None)
            # The same field may have another type in another measurement.
            column = f"field:{name}:{kind}"
            fields.append(FieldColumn(name, kind, column, name))
            series.append(pl.Series(column, plain[:height], dtype=DTYPES[kind]))
        return pl.DataFrame(series), tuple(tags), tuple(fields)


class _RowFaultError(Exception):
    def __init__(self, word: str, message: str, column: str = "") -> None:
        super().__init__(message)
        self.word = word
        self.column = column


def _put(values: list[Any], position: int, value: Any) -> None:
    values.extend([None] * (position - len(values)))
    values.append(value)


def _typed(key: str, value: Any, suffix: str | None) -> tuple[FieldType, Any]:
    if hasattr(value, "item") and getattr(value, "ndim", 0) == 0 and not isinstance(value, str):
        value = value.item()  # a numpy scalar
    if isinstance(value, bool):
        return "boolean", value
    if isinstance(value, Integral) and suffix != "":
        kind: FieldType = "unsigned" if suffix == "u" else "integer"
        low, high = _INTEGER_LIMITS[kind]
        if not low <= value <= high:  # type: ignore[operator]
            raise _RowFaultError(kind, f"{value} is out of range", key)
        return kind, int(value)
    if isinstance(value, Integral | float | Decimal):
        try:
            plain = float(value)
        except (OverflowError, ValueError):  # an integer beyond all floats, a signalling NaN
            plain = math.nan
        if not math.isfinite(plain):
            raise _RowFaultError("float", f"{value} is not a finite number", key)
        return "float", plain
    if isinstance(value, str):
        if len(value) > MAX_STRING_BYTES // 4 and len(value.encode()) > MAX_STRING_BYTES:
            raise _RowFaultError("string", f"longer than {MAX_STRING_BYTES} bytes, which InfluxDB refuses", key)
        return "string", _text(value, "string", key)
    raise _RowFaultError("type", f"{type(value).__name__} is no type of a field", key)


def _text(value: object, word: str, key: str = "") -> str:
    text = str(value)
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise _RowFaultError(word, f"{text!r} cannot be written as UTF-8: {error.reason}", key) from None
    return text


def _time_ns(time: Any, unit_ns: int) -> int:
    if time is None:
        raise _RowFaultError("time_missing", "the point has no time; the server's clock is never used")
    if isinstance(time, Integral) and not isinstance(time, bool):
        return int(time) * unit_ns
    if isinstance(time, dt.datetime) and time == time:  # noqa: PLR0124 - pandas' NaT is a datetime that differs
        return _datetime_ns(time) + int(getattr(time, "nanosecond", 0))
    if isinstance(time, str):
        return _text_ns(time)
    raise _RowFaultError(
        "time_format", f"{type(time).__name__} is no time: give a datetime, an integer or ISO 8601 text"
    )


def _datetime_ns(moment: dt.datetime) -> int:
    """Exact; a datetime without a zone is UTC, as the client library has it."""
    since = (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)) - _EPOCH
    return (since.days * 86_400 + since.seconds) * 10**9 + since.microseconds * 1000


def _text_ns(text: str) -> int:
    match = _TIME_TEXT.fullmatch(text)
    if match is None:
        raise _RowFaultError("time_format", f"{text!r} is not ISO 8601: give a datetime or an integer instead")
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    fraction, offset = match.group(7) or "", match.group(8) or "Z"
    if fraction[9:].strip("0"):
        raise _RowFaultError("precision", TOO_FINE)
    try:
        moment = dt.datetime(year, month, day, hour, minute, second, tzinfo=dt.UTC)
    except ValueError as error:
        raise _RowFaultError("time_format", f"{text!r} is no time: {error}") from None
    shift = 0
    if offset not in "Zz":
        digits = offset[1:].replace(":", "")
        shift = (int(digits[:2]) * 60 + int(digits[2:] or 0)) * (-60 if offset[0] == "-" else 60)
    return _datetime_ns(moment) - shift * 10**9 + int(fraction[:9].ljust(9, "0"))
