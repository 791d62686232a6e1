"""The row path: a person's own function ``row -> Point | None | [Point, …]``.

Goes in: a :class:`~importer.records.Table`. Comes out: a :class:`~importer.records.PointBatch`.

A ``Point`` is read through its own content: its serializer drops fields that are null or infinite without
a word, rounds times, and stores a tag that ends in a backslash as another value.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import polars as pl
from influxdb_client import Point

from importer.choices import Precision
from importer.errors import MappingError
from importer.limits import MAX_TIME_NS, MIN_TIME_NS, OUT_OF_RANGE, key_trouble
from importer.mapping.header import check_columns
from importer.mapping.point_values import EXACT_IN_FLOAT, INTEGER_LIMITS, RowFaultError, text_of, time_ns, typed
from importer.mapping.timestamps import PRECISION_NS
from importer.mapping.values import DTYPES
from importer.records import RECORD, Fault, FieldColumn, FieldType, PointBatch, SkipReason, Table, TagColumn

__all__ = ["RowFunction", "RowMapper", "load_function"]

RowFunction = Callable[[dict[str, str]], Point | Sequence[Point] | None]


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

    @property
    def description(self) -> str:
        """The function's name and, if it can be had, the text of its module: equal for two that map alike."""
        name = f"{self._function.__module__}:{getattr(self._function, '__qualname__', type(self._function))}"
        module = inspect.getmodule(self._function)
        try:
            return f"{name}\n{inspect.getsource(module or self._function)}"
        except (OSError, TypeError):
            return name

    @property
    def decided(self) -> tuple[tuple[str, str, FieldType], ...]:
        """The types decided so far: measurement, field key, type."""
        return tuple((*name, kind) for name, kind in self._types.copy().items())

    def decide(self, types: Iterable[tuple[str, str, FieldType]]) -> None:
        """Go on with the types that an earlier run had decided."""
        self._types.update({(measurement, key): kind for measurement, key, kind in types})

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
        rows_mapped = rows_faulty = without_fields = 0
        rows = table.frame.drop(RECORD).fill_null("").iter_rows(named=True)
        for record, row in zip(table.frame[RECORD], rows, strict=True):
            try:
                begun: dict[tuple[str, str], FieldType] = {}
                points = [self._read(point, begun) for point in self._points(row)]
                self._types.update(begun)  # only now: a row at fault decides no type
            except RowFaultError as error:
                faults.append(Fault(record, error.column, error.word, str(error)))
                rows_faulty += 1
                continue
            with_fields = [point for point in points if point.fields]
            if with_fields:
                rows_mapped += 1
                without_fields += len(points) - len(with_fields)
                for point in with_fields:
                    built.append(record, point)
            else:
                reason: SkipReason = "no_fields" if points else "mapper_none"
                skipped[reason] = skipped.get(reason, 0) + 1
        frame, tags, fields = built.frame()
        rows_faulty += len({fault.record for fault in table.faults})
        all_faults = (*table.faults, *faults)
        return PointBatch(
            table.block, frame, tags, fields, all_faults, skipped, rows_mapped, rows_faulty, without_fields
        )

    def _points(self, row: dict[str, str]) -> Iterable[Point]:
        try:
            result = self._function(row)
        except (Exception, SystemExit) as error:  # an exit would end the load as if all were well
            raise RowFaultError("mapper", f"the mapper raised {type(error).__name__}: {error}") from error
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
        measurement = text_of(name, "measurement") if name is not None else ""
        if not measurement:
            raise RowFaultError("measurement", "the measurement is empty")
        moment_ns = self._time(point._time, point._write_precision)  # noqa: SLF001
        tags = {}
        for key, value in point._tags.items():  # noqa: SLF001
            if value is not None and (text := text_of(value, "tag", str(key))):
                tags[self._key(str(key), "tag")] = text
        fields = {}
        for key, value in point._fields.items():
            # An empty text is no value, as an empty cell is none: see importer.limits.
            if value is not None and not (isinstance(value, str) and not value):
                name = self._key(str(key), "field")
                fields[name] = self._field(measurement, name, value, point._field_types.get(key), begun)  # noqa: SLF001
        return _PointContent(measurement, moment_ns, tags, fields)

    def _key(self, key: str, kind: Literal["tag", "field"]) -> str:
        if (kind, key) not in self._good_keys:
            trouble = key_trouble(kind, key)
            if trouble is not None:
                raise RowFaultError(kind, f"{key!r} cannot be the key of a {kind}: {trouble}", key)
            self._good_keys.add((kind, key))
        return key

    def _time(self, time: Any, precision: Any) -> int:
        moment_ns = time_ns(time, PRECISION_NS[str(precision) if precision else "ns"])  # type: ignore[index]
        if not MIN_TIME_NS <= moment_ns <= MAX_TIME_NS:
            raise RowFaultError("time_range", OUT_OF_RANGE)
        if moment_ns % self._unit:
            raise RowFaultError("precision", "finer than the precision that was asked for")
        return moment_ns

    def _field(
        self, measurement: str, key: str, value: Any, suffix: str | None, begun: dict[tuple[str, str], FieldType]
    ) -> tuple[FieldType, Any]:
        kind, plain = typed(key, value, suffix)
        name = (measurement, key)
        decided = self._types.get(name) or begun.setdefault(name, kind)
        if kind != decided:
            if decided == "float" and kind in INTEGER_LIMITS and abs(plain) <= EXACT_IN_FLOAT:
                return decided, float(plain)
            if {decided, kind} == {"integer", "unsigned"} and 0 <= plain < 1 << 63:
                return decided, plain
            raise RowFaultError(decided, f"{value!r} is of type {kind}, but {key!r} began as {decided}", key)
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


def _put(values: list[Any], position: int, value: Any) -> None:
    values.extend([None] * (position - len(values)))
    values.append(value)
