"""The row path: a person's own function ``row -> Point | None | [Point, …]``.

Goes in: a :class:`~importer.records.Table`. Comes out: a :class:`~importer.records.PointBatch`.

A ``Point`` is read through its own content: its serializer drops fields that are null or infinite without
a word, rounds times, and stores a tag that ends in a backslash as another value. Its content is copied at once
(:mod:`~importer.mapping.contents`) and typed a column at a time (:mod:`~importer.mapping.content_columns`); points in
which anything is odd are read one by one (:mod:`~importer.mapping.careful`), with the same outcome, but for the time.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import repeat
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
from influxdb_client import Point

from importer.choices import Precision
from importer.errors import MappingError
from importer.mapping.careful import ReadPoint, Types, read_points
from importer.mapping.content_columns import typed_columns
from importer.mapping.contents import Contents, contents_of
from importer.mapping.header import check_columns
from importer.mapping.point_frames import POSITION, joined
from importer.mapping.point_values import RowFaultError
from importer.mapping.timestamps import PRECISION_NS
from importer.records import RECORD, Fault, FieldType, PointBatch, SkipReason, Table

__all__ = ["RowFunction", "RowMapper", "load_function"]

ROWS_AT_ONCE = 512
"""Turned into dictionaries: few, so that they stay in the processor's cache."""

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
        self._types: Types = {}

    @property
    def function(self) -> RowFunction:
        """What it calls."""
        return self._function

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
        faults: dict[int, RowFaultError] = {}
        contents = contents_of(self._called(table.frame, faults))
        columns = typed_columns(contents, self._types, self._unit)
        rows = np.array(contents.rows, dtype=np.intp)
        odd = _rows_of(rows[columns.odd], table)
        if columns.begun and odd.any():
            odd[rows] = True  # which value is the first, and so decides a type, is only found in input order
        else:
            self._types.update(columns.begun)
        careful = list(self._read_one_by_one(contents, odd, faults))
        frame, tags, fields = joined(contents, columns, odd[rows], careful)
        row_of_point = rows[frame[POSITION].to_numpy()]
        mapped, given, faulty = (_rows_of(of, table) for of in (row_of_point, rows, list(faults)))
        skipped: dict[SkipReason, int] = {
            "blank": table.blank,
            "mapper_none": int((~given & ~faulty).sum()),
            "no_fields": int((given & ~faulty & ~mapped).sum()),
        }
        records = table.frame[RECORD]
        return PointBatch(
            table.block,
            frame.drop(POSITION).insert_column(2, records.gather(row_of_point).alias("record")),
            tags,
            fields,
            (*table.faults, *(_fault(records[row], fault) for row, fault in sorted(faults.items()))),
            {reason: count for reason, count in skipped.items() if count},
            rows_mapped=int(mapped.sum()),
            rows_faulty=len(faults) + len({fault.record for fault in table.faults}),
            empty_points=int(mapped[rows].sum()) - frame.height,
        )

    def _called(self, frame: pl.DataFrame, faults: dict[int, RowFaultError]) -> Iterator[tuple[int, Point]]:
        """What the function gives for each row; rows for which it raises an error are added to the faults."""
        function = self._function
        for number, row in enumerate(_dictionaries(frame.drop(RECORD).fill_null(""))):
            try:
                result = function(row)
            except (Exception, SystemExit) as error:  # noqa: BLE001 - an exit would end the load as if all were well
                faults[number] = RowFaultError("mapper", f"the mapper raised {type(error).__name__}: {error}")
                continue
            if type(result) is Point:
                yield number, result
            elif result is not None:
                for point in _points(result):
                    yield number, point

    def _read_one_by_one(
        self, contents: Contents, odd: npt.NDArray[np.bool_], faults: dict[int, RowFaultError]
    ) -> Iterator[ReadPoint]:
        """The points of the odd rows; rows that cannot be loaded are added to the faults."""
        if not odd.any():
            return
        positions: defaultdict[int, list[int]] = defaultdict(list)
        for position, row in enumerate(contents.rows):
            if odd[row]:
                positions[row].append(position)
        for row, places in positions.items():
            try:
                yield from read_points(contents, places, self._types, self._unit)
            except RowFaultError as fault:
                faults[row] = fault


def _dictionaries(frame: pl.DataFrame) -> Iterator[dict[str, str]]:
    """The rows; a quarter faster than polars' own way."""
    for part in frame.iter_slices(ROWS_AT_ONCE):
        cells = zip(*(column.to_list() for column in part.iter_columns()), strict=True)
        yield from map(dict, map(zip, repeat(frame.columns), cells))


def _points(result: Point | Sequence[Point]) -> Sequence[Point]:
    points = result if isinstance(result, list | tuple) else (result,)
    for point in points:
        if not isinstance(point, Point):
            raise MappingError(
                f"the mapper gave {type(point).__name__}: "
                "it must return influxdb_client.Point, None or a list of Points"
            )
    return points


def _rows_of(numbers: npt.NDArray[np.intp] | list[int], table: Table) -> npt.NDArray[np.bool_]:
    mask = np.zeros(table.frame.height, dtype=np.bool_)
    mask[numbers] = True
    return mask


def _fault(record: int, fault: RowFaultError) -> Fault:
    return Fault(record, fault.column, fault.word, str(fault))
