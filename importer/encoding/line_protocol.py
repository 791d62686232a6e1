"""Points to line protocol, a column at a time.

Goes in: a :class:`~importer.records.PointBatch`. Comes out: :class:`~importer.records.Lines`, sorted by
series and time, because the server takes sorted batches fastest.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from importer.encoding import escaping
from importer.encoding.distinct import Codes, distinct_rows
from importer.encoding.order import key_order
from importer.encoding.series import KnownSeries, SeriesIndex
from importer.limits import MAX_KEY_BYTES
from importer.records import Block, Fault, FieldColumn, FieldType, Lines, PointBatch, TagColumn

__all__ = ["LineEncoder", "body", "merged_lines", "series_keys"]


class LineEncoder:
    """Encodes blocks of points, in input order.

    Args:
        series: numbers the series of the whole load.
        with_lines: whether the points are to be written as lines; else they are checked, numbered and sorted only.
    """

    def __init__(self, series: SeriesIndex, *, with_lines: bool = True) -> None:
        self._series = series
        self._with_lines = with_lines
        self._known = KnownSeries()

    def __call__(self, batch: PointBatch) -> Lines:
        """Encode a block's points.

        Raises:
            LoadError: there are more series than the limit allows.
        """
        points, rows_mapped = batch.frame, batch.rows_mapped
        distinct, of_row = _distinct_series(points, batch.tags)
        shape = [*(tag.key for tag in batch.tags), None, *(field.key for field in batch.fields)]
        known = self._known.look_up(distinct, shape)
        faults: list[Fault] = []
        if known is None:
            keys = series_keys(distinct, batch.tags)
            faults = _unusable(points, distinct, keys, of_row, batch, with_lines=self._with_lines)
            if faults:
                lost = {fault.record for fault in faults}
                points = points.filter(~pl.col("record").is_in(lost))
                rows_mapped -= len(lost)
                distinct, of_row = _distinct_series(points, batch.tags)
                keys = series_keys(distinct, batch.tags)
            known = keys, self._series.number(keys, distinct["measurement"])
            self._known.learn(distinct, *known)
        keys, numbers = known
        series = numbers.to_numpy()[of_row]
        order = key_order(series, points["time"].to_numpy())
        points = points.select("time", "record", *(field.column for field in batch.fields))
        if order is not None:
            # Sorted first and joined then: the lines, which are long, come to lie in memory as they are sent.
            points, series, of_row = points[order], series[order], of_row[order]
        lines = [_lines(points, keys.gather(of_row), batch.fields).alias("line")] if self._with_lines else []
        frame = points.select(
            pl.Series("series", series),
            "time",
            "record",
            *lines,
            *(field.column for field in batch.fields),
        )
        return Lines(batch.block, frame, batch.fields, tuple(faults), rows_mapped)


def _distinct_series(points: pl.DataFrame, tags: tuple[TagColumn, ...]) -> tuple[pl.DataFrame, Codes]:
    """One point of each series (measurement and tags), and for every point which of them is its own."""
    columns = ["measurement", *(tag.column for tag in tags)]
    first, of_row = distinct_rows([points[column] for column in columns])
    return points.select(columns)[first], of_row


def body(lines: pl.Series) -> bytes:
    """Lines (String) as one text, each with its newline."""
    if lines.is_empty():
        return b""
    text: bytes = pl.concat([lines, pl.Series(lines.name, [""])]).str.join("\n").cast(pl.Binary).item()
    return text


def merged_lines(points: pl.DataFrame, fields: tuple[FieldColumn, ...], keys: Sequence[str], block: Block) -> Lines:
    """Encode points whose series are known already.

    Args:
        points: ``series``, ``time`` and the fields' columns, sorted by both.
        fields: the fields.
        keys: series keys by their numbers.
        block: stands for where the points came from.
    """
    texts = pl.Series(list(keys), dtype=pl.String).gather(points["series"])
    frame = points.with_columns(_lines(points, texts, fields).alias("line"), pl.lit(0, dtype=pl.UInt32).alias("record"))
    return Lines(block, frame, fields, (), 0)


def _unusable(
    points: pl.DataFrame, distinct: pl.DataFrame, keys: pl.Series, of_row: Codes, batch: PointBatch, *, with_lines: bool
) -> list[Fault]:
    """Points whose measurement or tags line protocol cannot carry, or storage files where these are to be made."""
    checks = [("", "measurement", escaping.unusable(distinct["measurement"], is_measurement=True))]
    checks += [(tag.origin, "tag", escaping.unusable(distinct[tag.column])) for tag in batch.tags]
    checks.append(("", "tag", escaping.unending(keys)))
    if not with_lines:
        checks.append(("", "tag", escaping.unseparable(keys)))
    too_long = keys.str.len_bytes() > MAX_KEY_BYTES - _longest(batch.fields)
    if too_long.any():
        checks.append(("", "key_length", (too_long, f"measurement and tags are longer than {MAX_KEY_BYTES:,} bytes")))
    faults = []
    for column, word, found in checks:
        if found is not None:
            where, reason = found
            records = points["record"].filter(where.gather(of_row)).unique(maintain_order=True)
            faults += [Fault(record, column, word, reason) for record in records]
    return faults


def series_keys(points: pl.DataFrame, tags: tuple[TagColumn, ...]) -> pl.Series:
    """Measurement and tags as they are written, tags sorted by key, empty ones left out."""
    parts = [escaping.measurement(points["measurement"])]
    for tag in sorted(tags, key=lambda item: item.key.encode()):
        values = escaping.tag_value(points[tag.column])
        if values.null_count() or (values == "").any():
            values = values.set((values == "").fill_null(value=False), None)
        parts.append("," + escaping.escape_key(tag.key) + "=" + values)
    return pl.select(pl.concat_str(parts, ignore_nulls=True)).to_series()


def _lines(points: pl.DataFrame, keys: pl.Series, fields: tuple[FieldColumn, ...]) -> pl.Series:
    """The lines, joined in one go: no text is copied twice on its way."""
    ordered = sorted(fields, key=lambda field: points[field.column].null_count() > 0)
    texts = escaping.string_fields(points, [field.column for field in fields if field.type == "string"])
    values = [texts.get(field.column, points[field.column]) for field in ordered]
    line = _Joined(keys)
    if ordered and values[0].null_count():
        # No field is in every point: which one comes first differs.
        written = [_optional(column, field, "") for column, field in zip(values, ordered, strict=True)]
        line.add(" ", pl.concat_str(written, separator=",", ignore_nulls=True))
    else:
        separator = " "
        for column, field in zip(values, ordered, strict=True):
            if column.null_count():
                line.add("", _optional(column, field, separator).fill_null(""))
            else:
                line.add_value(column, field, separator)
            separator = ","
    line.add(" ", points["time"])
    return line.text()


class _Joined:
    """What lines are made of; texts that are the same in every line are joined to as few as can be."""

    def __init__(self, *first: pl.Expr | pl.Series) -> None:
        self._parts: list[pl.Expr | pl.Series] = [*first]
        self._constant = ""

    def add(self, before: str, values: pl.Expr | pl.Series, after: str = "") -> None:
        if constant := self._constant + before:
            self._parts.append(pl.lit(constant))
        self._parts.append(values)
        self._constant = after

    def add_value(self, values: pl.Series, field: FieldColumn, separator: str) -> None:
        """A separator, ``key=`` and the value of each point."""
        before = separator + escaping.escape_key(field.key) + "="
        if field.type == "string":
            self.add(before + '"', pl.lit(values), '"')
        else:
            self.add(before, pl.lit(values).cast(pl.String), _SUFFIXES.get(field.type, ""))

    def expression(self) -> pl.Expr:
        constant = [pl.lit(self._constant)] if self._constant else []
        return pl.concat_str([*self._parts, *constant])

    def text(self) -> pl.Series:
        return pl.select(self.expression()).to_series()


_SUFFIXES: dict[FieldType, str] = {"integer": "i", "unsigned": "u"}


def _optional(values: pl.Series, field: FieldColumn, separator: str) -> pl.Expr:
    """A separator, ``key=`` and the value of each point; null where there is none."""
    piece = _Joined()
    piece.add_value(values, field, separator)
    return piece.expression()


def _longest(fields: tuple[FieldColumn, ...]) -> int:
    """Room that the longest field key and its separator take in a key of the storage engine."""
    return max((len(escaping.escape_key(field.key).encode()) for field in fields), default=0) + 4
