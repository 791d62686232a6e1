"""Points to line protocol, a column at a time.

Goes in: a :class:`~importer.records.PointBatch`. Comes out: :class:`~importer.records.Lines`, sorted by
series and time, because the server takes sorted batches fastest.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import polars as pl

from importer.encoding import escaping
from importer.encoding.series import SeriesIndex
from importer.limits import MAX_KEY_BYTES
from importer.records import Block, Fault, FieldColumn, Lines, PointBatch, TagColumn

__all__ = ["LineEncoder", "body", "merged_lines", "series_keys"]


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
        points, rows_mapped = batch.frame, batch.rows_mapped
        distinct, of_row = _distinct_series(points, batch.tags)
        faults = _unusable(points, distinct, of_row, batch)
        if faults:
            lost = {fault.record for fault in faults}
            points = points.filter(~pl.col("record").is_in(lost))
            rows_mapped -= len(lost)
            distinct, of_row = _distinct_series(points, batch.tags)
        keys = series_keys(distinct, batch.tags)
        numbers = self._series.number(keys, distinct["measurement"])
        frame = points.select(
            numbers.gather(of_row).alias("series"),
            "time",
            "record",
            _lines(points, keys.gather(of_row), batch.fields).alias("line"),
            *(field.column for field in batch.fields),
        ).sort("series", "time", maintain_order=True)
        return Lines(batch.block, frame, batch.fields, tuple(faults), rows_mapped)


def _distinct_series(points: pl.DataFrame, tags: tuple[TagColumn, ...]) -> tuple[pl.DataFrame, pl.Series]:
    """One point of each series (measurement and tags), and for every point which of them is its own.

    There are few series in a block and many points, so what is dear (escaping, looking up) is done for these.
    """
    parts = [points["measurement"], *(points[tag.column].fill_null("") for tag in tags)]
    if any(part.str.contains("\x1e|\x1f").any() for part in parts):
        parts = [part.str.replace_many(["\x1e", "\x1f"], ["\x1e0", "\x1e1"]) for part in parts]
    joined = pl.select(pl.concat_str(parts, separator="\x1f").alias("joined"))
    first = joined.with_row_index("row").unique("joined", keep="first", maintain_order=True)
    numbered = first.select("joined").with_row_index("number")
    of_row = joined.join(numbered, on="joined", how="left", maintain_order="left")["number"]
    return points.select("measurement", *(tag.column for tag in tags))[first["row"]], of_row


def body(lines: pl.Series) -> bytes:
    """Lines (String) as one text, each with its newline.

    polars writes it as a CSV of one column that is never quoted, which is faster than any join.
    """
    text = io.BytesIO()
    lines.to_frame().write_csv(text, include_header=False, quote_style="never")
    return text.getvalue()


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


def _unusable(points: pl.DataFrame, distinct: pl.DataFrame, of_row: pl.Series, batch: PointBatch) -> list[Fault]:
    """Points whose measurement or tags line protocol cannot carry."""
    checks = [("", "measurement", escaping.unusable(distinct["measurement"], is_measurement=True))]
    checks += [(tag.origin, "tag", escaping.unusable(distinct[tag.column])) for tag in batch.tags]
    keys = series_keys(distinct, batch.tags)
    checks.append(("", "tag", escaping.unending(keys)))
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
    parts: list[pl.Expr | pl.Series] = [keys]
    separator = " "
    if ordered and points[ordered[0].column].null_count():
        # No field is in every point: which one comes first differs.
        written = [_text_parts(points[field.column], field, "") for field in ordered]
        parts += [pl.lit(" "), pl.concat_str([pl.concat_str(p) for p in written], separator=",", ignore_nulls=True)]
    else:
        for field in ordered:
            pieces = _text_parts(points[field.column], field, separator)
            optional = points[field.column].null_count() > 0
            parts += [pl.concat_str(pieces).fill_null("")] if optional else pieces
            separator = ","
    return pl.select(pl.concat_str([*parts, pl.lit(" "), points["time"]])).to_series()


def _text_parts(values: pl.Series, field: FieldColumn, before: str) -> list[pl.Expr]:
    """``before``, ``key=`` and the value of each point; the value is null where there is none."""
    key = before + escaping.escape_key(field.key) + "="
    if field.type == "string":
        return [pl.lit(key + '"'), pl.lit(escaping.string_field(values)), pl.lit('"')]
    value = pl.lit(values).cast(pl.String)
    suffix = {"integer": "i", "unsigned": "u"}.get(field.type)
    return [pl.lit(key), value, pl.lit(suffix)] if suffix else [pl.lit(key), value]


def _longest(fields: tuple[FieldColumn, ...]) -> int:
    """Room that the longest field key and its separator take in a key of the storage engine."""
    return max((len(escaping.escape_key(field.key).encode()) for field in fields), default=0) + 4
