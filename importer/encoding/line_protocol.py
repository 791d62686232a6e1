"""Points to line protocol, a column at a time.

Goes in: a :class:`~importer.records.PointBatch`. Comes out: :class:`~importer.records.Lines`, sorted by
series and time, because the server takes sorted batches fastest.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from importer.encoding import escaping
from importer.encoding.series import SeriesIndex
from importer.limits import MAX_KEY_BYTES
from importer.records import Block, Fault, FieldColumn, Lines, PointBatch, TagColumn

__all__ = ["LineEncoder", "merged_lines", "series_keys"]


class LineEncoder:
    """Encodes blocks of points, in input order.

    Args:
        series: numbers the series of the whole load.
    """

    def __init__(self, series: SeriesIndex) -> None:
        self._series = series

    def __call__(self, batch: PointBatch) -> Lines:
        """Encode a block's points.

        Raises:
            LoadError: there are more series than the limit allows.
        """
        faults = _unusable(batch)
        points, rows_mapped = batch.frame, batch.rows_mapped
        if faults:
            lost = {fault.record for fault in faults}
            points = points.filter(~pl.col("record").is_in(lost))
            rows_mapped -= len(lost)
        keys = series_keys(points, batch.tags)
        too_long = keys.str.len_bytes() > MAX_KEY_BYTES - _longest(batch.fields)
        if too_long.any():
            more = dict.fromkeys(points["record"].filter(too_long))
            faults += [
                Fault(record, "", "key_length", "measurement and tags are longer than 65,535 bytes") for record in more
            ]
            points = points.filter(~pl.col("record").is_in(list(more)))
            rows_mapped -= len(more)
            keys = series_keys(points, batch.tags)
        frame = points.select(
            self._series.number(keys, points["measurement"]).alias("series"),
            "time",
            "record",
            _lines(points, keys, batch.fields).alias("line"),
            *(field.column for field in batch.fields),
        ).sort("series", "time", maintain_order=True)
        return Lines(batch.block, frame, batch.fields, tuple(faults), rows_mapped)


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


def _unusable(batch: PointBatch) -> list[Fault]:
    frame = batch.frame
    faults = []
    checks = [("", "measurement", escaping.unusable(frame["measurement"], is_measurement=True))]
    checks += [(tag.origin, "tag", escaping.unusable(frame[tag.column])) for tag in batch.tags]
    for column, word, found in checks:
        if found is not None:
            where, reason = found
            faults += [Fault(record, column, word, reason) for record in frame["record"].filter(where).unique()]
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
    pieces = [_field(points[field.column], field) for field in fields]
    written = pl.concat_str(pieces, separator=",", ignore_nulls=True)
    return pl.select(pl.concat_str(keys, pl.lit(" "), written, pl.lit(" "), points["time"])).to_series()


def _field(values: pl.Series, field: FieldColumn) -> pl.Expr:
    """``key=value`` of each point, null where it has no value."""
    key = pl.lit(escaping.escape_key(field.key) + "=")
    if field.type == "string":
        return key + pl.lit(escaping.string_field(values))
    suffix = {"integer": "i", "unsigned": "u"}.get(field.type, "")
    text = key + pl.lit(values).cast(pl.String)
    return text + suffix if suffix else text


def _longest(fields: tuple[FieldColumn, ...]) -> int:
    """Room that the longest field key and its separator take in a key of the storage engine."""
    return max((len(escaping.escape_key(field.key).encode()) for field in fields), default=0) + 4
