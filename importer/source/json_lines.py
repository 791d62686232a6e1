"""JSON Lines: a record per line, read into columns of text.

Goes in: a :class:`~importer.records.Block` of lines. Comes out: a :class:`~importer.records.Table`.

Numbers are taken as they are written, digit by digit: none passes through a float. What stands in an object within a
record has the name ``object.key``; a list is taken as JSON text; ``null``, like a missing key, is an empty cell.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import polars as pl

from importer.records import RECORD, Block, Fault, Table
from importer.source.json_uniform import uniform_columns, uniform_keys

__all__ = ["json_table", "keys_of"]

MESSAGE = "not a record of JSON"


class _Number(str):
    """A number as it is written."""

    __slots__ = ()


class _TwiceError(ValueError):
    """A key occurs twice: which value is meant cannot be known."""


def _record(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        raise _TwiceError(next(key for key in keys if keys.count(key) > 1))
    return found


# Within a list, where a number is no cell of its own, it must be told from a string; nowhere else.
_decode_lists = json.JSONDecoder(
    object_pairs_hook=_record, parse_float=_Number, parse_int=_Number, parse_constant=_Number
).decode
_decode = json.JSONDecoder(object_pairs_hook=_record, parse_float=str, parse_int=str, parse_constant=str).decode


def json_table(block: Block, columns: Sequence[str]) -> Table:
    """Read the asked-for columns.

    Args:
        block: whole lines.
        columns: names that occur in the records.

    Returns:
        the values as text, null where there is none; lines that are blank or no records are left out.
    """
    frame = uniform_columns(block.data, block.records, columns, takes_all=len(columns) == len(block.columns))
    if frame is None:
        return _by_records(block, columns)
    records = pl.Series(RECORD, np.arange(block.records), dtype=pl.UInt32)
    return Table(block, frame.with_columns(records), (), 0)


def _by_records(block: Block, columns: Sequence[str]) -> Table:
    takes_all = len(columns) == len(block.columns)
    known = frozenset(columns)
    faults: list[Fault] = []
    rows: list[list[str | None]] = []
    records: list[int] = []
    blank = 0
    for number, line in enumerate(block.data.split(b"\n")[: block.records]):
        if not line.strip():
            blank += 1
            continue
        try:
            flat = _flat(line)
        except (ValueError, RecursionError) as error:
            faults.append(Fault(number, "", "json", _why(error)))
            continue
        unknown = next((key for key in flat if key not in known), None) if takes_all else None
        if unknown is not None:
            # Only of what can be read but once; of a file all keys are known.
            message = f"the key {unknown!r} comes up here for the first time: load it from a file"
            faults.append(Fault(number, unknown, "json", message))
            continue
        rows.append([flat.get(column) for column in columns])
        records.append(number)
    frame = pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row")
    return Table(block, frame.with_columns(pl.Series(RECORD, records, dtype=pl.UInt32)), tuple(faults), blank)


def keys_of(text: bytes) -> Iterator[str]:
    """The names of all values in some lines; those of lines that are no records are not among them."""
    uniform = uniform_keys(text)
    if uniform is not None:
        yield from uniform
        return
    seen: set[str] = set()
    for line in text.split(b"\n"):
        if not line.strip():
            continue
        try:
            flat = _flat(line)
        except (ValueError, RecursionError):
            continue
        for key in flat:
            if key not in seen:
                seen.add(key)
                yield key


def _flat(line: bytes) -> dict[str, str | None]:
    """A record's values by name; raises ValueError where the line is none."""
    found = (_decode_lists if b"[" in line else _decode)(line.decode())
    if not isinstance(found, dict):
        raise ValueError(f"a {_KINDS.get(type(found), 'value')} and no record")  # noqa: TRY004 - told by its message
    if b"\\u" in line:
        json.dumps(found, ensure_ascii=False).encode()  # half of a pair of surrogates is no character
    flat: dict[str, str | None] = {}
    for key, value in found.items():
        if value is None or type(value) is str:
            if key in flat:
                raise _TwiceError(key)
            flat[key] = value or None
        else:
            _put(flat, key, value)
    return flat


_KINDS = {list: "list", bool: "truth value"}


def _put(flat: dict[str, str | None], name: str, value: Any) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            _put(flat, f"{name}.{key}", inner)
        return
    if name in flat:
        raise _TwiceError(name)
    flat[name] = (value or None) if value is None or isinstance(value, str) else _text(value)


def _text(value: Any) -> str:
    """JSON of what was read, numbers as they were."""
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, dict):
        inner = (f"{json.dumps(key, ensure_ascii=False)}: {_text(item)}" for key, item in value.items())
        return f"{{{', '.join(inner)}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_text, value))}]"
    return json.dumps(value, ensure_ascii=False)


def _why(error: Exception) -> str:
    if isinstance(error, _TwiceError):
        return f"the key {error.args[0]!r} occurs twice"
    if isinstance(error, json.JSONDecodeError):
        return f"{MESSAGE}: {error.msg} (column {error.colno})"
    if isinstance(error, UnicodeDecodeError):
        return "not UTF-8; say --encoding if the file is in another"
    if isinstance(error, UnicodeEncodeError):
        return "half of a pair of surrogates, which is no character"
    return f"{MESSAGE}: {'too deep' if isinstance(error, RecursionError) else error}"
