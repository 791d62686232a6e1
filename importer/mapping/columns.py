"""The column path: a mapping applied to whole columns.

Goes in: a :class:`~importer.records.Table`. Comes out: a :class:`~importer.records.PointBatch`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence

import polars as pl

from importer.choices import Precision
from importer.errors import MappingError
from importer.mapping.collected import Collected
from importer.mapping.header import check_columns
from importer.mapping.parts import FieldSpec, TimeSpec, ValueSpec
from importer.mapping.spec import Mapping
from importer.mapping.templates import template_parts
from importer.mapping.timestamps import parse_times
from importer.mapping.values import DTYPES, FALSE, TRUE, to_values, type_of_first
from importer.records import RECORD, Block, FieldColumn, FieldType, PointBatch, SkipReason, Table, TagColumn

__all__ = ["ColumnMapper", "time_range"]

MOST_SIGNS = 4_000
"""Of a condition, beside its quoted texts: polars works through it recursively, and a deep one ends the process."""

MOST_SHOWN = 200

_QUOTED = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`""")
# A quote of another kind ($$, E'…') or a comment could hide what follows it.
_UNCLEAR = re.compile(r"--|/\*|\$|\b(?:[a-z]|u&)'", re.IGNORECASE)
_QUESTION = re.compile(r"\bselect\b|\(\s*(?:from|with|table|values)\b|\b(?:read|scan)_\w*\s*\(", re.IGNORECASE)


class ColumnMapper:
    """Applies a mapping, block by block, in input order.

    Untyped fields take the type of the first value that comes by, for the whole load.

    Args:
        mapping: the mapping.
        precision: finer timestamps are faults.
    """

    def __init__(self, mapping: Mapping, *, precision: Precision = "ns") -> None:
        self.mapping = mapping
        self._precision: Precision = precision
        self._types: dict[str, FieldType] = {}
        for key, spec in mapping.fields.items():
            if spec.known_type is not None:
                self._types[key] = spec.known_type
        self._filter = _filter_expression(mapping.filter)
        self._filter_columns = tuple(self._filter.meta.root_names()) if self._filter is not None else ()

    def pin(self, known: dict[tuple[str, str], FieldType]) -> None:
        """Keep to the types that the bucket has already.

        Args:
            known: by measurement and field key.

        Raises:
            MappingError: the mapping wants another type.
        """
        constant = self.mapping.measurement.value
        for (measurement, key), kind in sorted(known.items()):
            if key in self.mapping.fields and constant in (None, measurement):
                decided = self._types.setdefault(key, kind)
                if decided != kind:
                    raise MappingError(
                        f"fields.{key}: the bucket holds {measurement}.{key} as {kind}, the mapping says {decided}"
                    )

    @property
    def description(self) -> str:
        """The mapping as text: equal for two that map alike."""
        return json.dumps(self.mapping.model_dump(mode="json"), sort_keys=True)

    @property
    def decided(self) -> tuple[tuple[str, str, FieldType], ...]:
        """The types decided so far: no measurement (they hold for all), field key, type."""
        return tuple(("", key, kind) for key, kind in self._types.copy().items())

    def decide(self, types: Iterable[tuple[str, str, FieldType]]) -> None:
        """Go on with the types that an earlier run had decided."""
        self._types.update({key: kind for _, key, kind in types})

    @property
    def field_types(self) -> dict[str, FieldType]:
        """The types that are decided so far, by field key."""
        return dict(self._types)

    def wanted_columns(self, header: Sequence[str], source: str) -> tuple[str, ...]:
        """The columns to read from a source.

        Raises:
            MappingError: the header lacks one of them, with the nearest names.
        """
        wanted = tuple(dict.fromkeys((*self.mapping.columns, *self._filter_columns)))
        check_columns(wanted, header, source)
        return wanted

    def __call__(self, table: Table) -> PointBatch:
        """Map a block's rows.

        Raises:
            MappingError: the filter cannot be computed.
        """
        frame = self._without_null_texts(table.frame)
        kept = self._filtered(frame, table)
        skipped: dict[SkipReason, int] = {"blank": table.blank, "filtered": frame.height - kept.height}
        collected = Collected(kept[RECORD])
        columns = self._columns(kept, collected, time_spec(table.block, self.mapping))
        points = pl.DataFrame(columns)
        if collected.faults:
            points = points.filter(~collected.faulty)
        fields = tuple(self._field_columns())
        with_field = points
        if all(points[field.column].null_count() for field in fields):
            with_field = points.filter(
                pl.any_horizontal(pl.lit(value=False), *(pl.col(field.column).is_not_null() for field in fields))
            )
        skipped["no_fields"] = points.height - with_field.height
        return PointBatch(
            block=table.block,
            frame=with_field,
            tags=tuple(TagColumn(key, f"tag:{key}", _origin(tag)) for key, tag in self.mapping.tags.items()),
            fields=fields,
            faults=(*table.faults, *collected.faults),
            skipped={reason: count for reason, count in skipped.items() if count},
            rows_mapped=with_field.height,
            rows_faulty=len({fault.record for fault in table.faults}) + int(collected.faulty.sum()),
        )

    def _columns(self, frame: pl.DataFrame, collected: Collected, time: TimeSpec) -> list[pl.Series]:
        spec = self.mapping
        times_text = _text(frame, spec.time.source)
        times = parse_times(times_text, time, self._precision)
        time_column = _origin(spec.time.source)
        collected.add_missing(times_text, time_column, "time_missing", "there is no timestamp")
        for mask, word, message in times.errors:
            collected.add(mask, time_column, word, message, times_text)
        measurement = _text(frame, spec.measurement)
        collected.add_missing(measurement, _origin(spec.measurement), "measurement", "is empty")
        columns = [measurement.alias("measurement"), times.ns.alias("time"), frame[RECORD].alias("record")]
        columns += [_text(frame, tag).alias(f"tag:{key}") for key, tag in spec.tags.items()]
        for key, field in spec.fields.items():
            column = self._field(frame, key, field, collected)
            if column is not None:
                columns.append(column.alias(f"field:{key}"))
        return columns

    def _field(self, frame: pl.DataFrame, key: str, spec: FieldSpec, collected: Collected) -> pl.Series | None:
        if spec.value is not None:
            return _constant(spec.value, DTYPES[self._types[key]], frame.height)
        text = _text(frame, spec)
        if key not in self._types:
            first = type_of_first(text, decimal=spec.decimal or self.mapping.csv.decimal)
            if first is None:
                return None
            self._types[key] = first
        kind = self._types[key]
        values = to_values(
            text,
            kind,
            decimal=spec.decimal or self.mapping.csv.decimal,
            true=spec.true or TRUE,
            false=spec.false or FALSE,
        )
        if values.faulty is not None:
            collected.add(values.faulty, _origin(spec), kind, values.message, text)
        if spec.default is None:
            return values.values
        return values.values.fill_null(_constant(spec.default, DTYPES[kind], 1).item())

    def _field_columns(self) -> list[FieldColumn]:
        return [
            FieldColumn(key, self._types[key], f"field:{key}", _origin(field))
            for key, field in self.mapping.fields.items()
            if key in self._types
        ]

    def _without_null_texts(self, frame: pl.DataFrame) -> pl.DataFrame:
        null = ["", *self.mapping.csv.null]
        columns = []
        for column in frame.get_columns():
            if column.dtype == pl.String:
                is_null = column.is_in(null) if len(null) > 1 else column == ""
                column = column.set(is_null, None) if is_null.any() else column  # noqa: PLW2901 - the same, mended
            columns.append(column)
        return pl.DataFrame({column.name: column for column in columns})  # one without a name would be given one

    def _filtered(self, frame: pl.DataFrame, table: Table) -> pl.DataFrame:
        if self._filter is None:
            return frame
        try:
            return frame.filter(self._filter)
        except pl.exceptions.PolarsError as error:
            first, last = table.block.first_line, table.block.first_line + table.block.data.count(b"\n") - 1
            reason = str(error).splitlines()[0]
            raise MappingError(
                f"filter {self.mapping.filter!r} cannot be computed on lines {first} to {last}: {reason}; "
                "columns are text: compare with text, or convert by TRY_CAST(column AS DOUBLE)"
            ) from error


def time_spec(block: Block, mapping: Mapping) -> TimeSpec:
    """How a block's times are written: as the mapping says, unless the source's own types say it."""
    form = dict(block.time_formats).get(mapping.time.column or "")
    return mapping.time if form is None else mapping.time.model_copy(update={"format": form})


def time_range(table: Table, mapping: Mapping) -> tuple[int, int] | None:
    """The first and last timestamp (ns) of a block that can be read; None if there is none."""
    times = parse_times(_text(table.frame, mapping.time.source), time_spec(table.block, mapping))
    good = times.ns
    for mask, _, _ in times.errors:
        good = good.set(mask, None)
    if good.null_count() == len(good):
        return None
    return int(good.min()), int(good.max())  # type: ignore[arg-type]


def _text(frame: pl.DataFrame, spec: ValueSpec) -> pl.Series:
    """A value's text in each row; null as soon as a cell that it needs is empty."""
    if spec.column is not None:
        return frame[spec.column].alias("text")  # polars takes a series' name such as ^x$ or * for a pattern
    if spec.template is None:
        return _constant(str(spec.value), pl.String, frame.height)
    parts: list[pl.Expr] = []
    for literal, name in template_parts(spec.template):
        if literal:
            parts.append(pl.lit(literal))
        if name is not None:
            parts.append(pl.lit(frame[name]))  # not by name, which may be a pattern, too
    return pl.select(pl.concat_str(parts).alias("text"))["text"]


def _origin(spec: ValueSpec) -> str:
    return "+".join(spec.columns)


def _constant(value: object, dtype: type[pl.DataType], length: int) -> pl.Series:
    return pl.Series([value], dtype=dtype).new_from_index(0, length)


def _filter_expression(condition: str | None) -> pl.Expr | None:
    if condition is None:
        return None
    _check_condition(condition)
    try:
        expression = pl.sql_expr(condition)
        tree = expression.meta.serialize(format="json")
    except pl.exceptions.PolarsError as error:
        reason = str(error).splitlines()[0]
        raise MappingError(f"filter {condition!r} is not an SQL condition: {reason}") from error
    if '"Agg"' in tree or '"Over"' in tree or '"Window"' in tree:
        raise MappingError(f"filter {condition!r} looks at more than one row; rows are judged one by one")
    return expression


def _check_condition(condition: str) -> None:
    """Refuse what polars would carry out while it reads the condition: a question in it may name any file or address.

    Raises:
        MappingError: it is more than a condition on a row.
    """
    shown = condition[:MOST_SHOWN]
    bare = _QUOTED.sub("''", condition)
    if _QUESTION.search(bare):
        raise MappingError(f"filter {shown!r} asks a question of its own; a row is judged by its own cells alone")
    if _UNCLEAR.search(bare):
        raise MappingError(f"filter {shown!r} holds a comment, or a quote other than '…' and \"…\"; leave it out")
    if len(bare) > MOST_SIGNS:
        raise MappingError(f"filter {shown!r} is too long: beside quoted texts it may have {MOST_SIGNS:,} characters")
