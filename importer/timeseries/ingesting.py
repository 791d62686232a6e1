"""Points into the bucket: a batch is one request, unless the server refuses some of its points.

Goes in: :class:`~importer.timeseries.lines.EncodedPoints`. Comes out: how many are stored; or an error that says which.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import numpy as np
import polars as pl
from influxdb_client import WriteService

from importer.errors import (
    MalformedLinesError,
    NotFoundError,
    PartialWriteError,
    PayloadTooLargeError,
    RequestRefusedError,
    TransientServerError,
)
from importer.server.connection import translated
from importer.sink.compression import compressed, encoding_for
from importer.sink.narrowing import Narrowing
from importer.timeseries.bucket import SeriesBucket
from importer.timeseries.lines import EncodedPoints
from importer.timeseries.points import PointFault, PointsRefusedError

__all__ = ["stored"]

_TOO_OLD = "older than the bucket keeps points"


def stored(bucket: SeriesBucket, points: EncodedPoints) -> int:
    """Store points; sending the same ones again does no harm.

    Args:
        bucket: where; made if there is none.
        points: all of them are fine, as far as can be seen from here.

    Returns:
        how many: all.

    Raises:
        LoadInProgressError: a load is filling the bucket, and would replace the points together with the rest.
        PointsRefusedError: the server refused some; the others are stored.
        ServerError: it refused the request, or did not answer.
    """
    bucket.check_no_load()
    bucket.opened()
    # The server takes lines of a series faster when they stand together. Of points with the same key the last one wins.
    order = sorted(range(len(points.keys)), key=points.keys.__getitem__)
    lines = [points.lines[place] for place in order]
    try:
        _send(bucket, ("\n".join(lines) + "\n").encode())
    except (MalformedLinesError, PartialWriteError, PayloadTooLargeError) as error:
        raise _narrowed(bucket, points, order, lines, error) from None
    return len(lines)


def _send(bucket: SeriesBucket, text: bytes) -> None:
    try:
        _post(bucket, text)
    except NotFoundError:
        bucket.opened(anew=True)
        _post(bucket, text)


def _post(bucket: SeriesBucket, text: bytes) -> None:
    server = bucket.server
    encoding = encoding_for("auto", is_local=server.connection.is_to_this_machine)
    with translated():
        WriteService(server.client.api_client).post_write(
            org=server.connection.org,
            bucket=bucket.name,
            body=compressed(text, encoding),
            precision="ns",
            content_type="text/plain; charset=utf-8",
            content_encoding=encoding,
        )


def _narrowed(
    bucket: SeriesBucket, points: EncodedPoints, order: list[int], lines: list[str], error: RequestRefusedError
) -> PointsRefusedError:
    """Which points it is that the server refuses; all others are stored by the end."""
    keys = pl.Series([points.keys[place] for place in order])
    series = keys.rank("dense").cast(pl.UInt32)
    frame = pl.DataFrame({"series": series, "time": [points.times[place] for place in order], "line": lines})
    narrowing = Narrowing(
        frame,
        bucket.shard_seconds,
        lambda text, _: _send(bucket, text),
        None,
        is_too_large=lambda _: False,
    )
    try:
        if isinstance(error, PartialWriteError):
            for rows in _kinds(lines, keys):
                narrowing.write(np.array(rows))
        else:
            narrowing.write(np.arange(len(lines)))
    except TransientServerError as broken:
        broken.args = (f"{broken}; some of the points may be stored: sending all of them again does no harm",)
        raise
    refused = [
        PointFault(order[each.row], each.column or "point", _reason(each.message)) for each in narrowing.refusals
    ]
    refused.sort(key=lambda fault: fault.index or 0)
    number = len({fault.index for fault in refused})
    return PointsRefusedError(
        f"InfluxDB refused {number:,} of {len(lines):,} points; the others are stored",
        stored=len(lines) - number,
        refused=tuple(refused),
    )


def _reason(message: str) -> str:
    """What the server said, without what the command line would offer."""
    return _TOO_OLD if message.startswith(_TOO_OLD) else message


def _kinds(lines: list[str], keys: pl.Series) -> Iterable[list[int]]:
    """Rows of each metric and field apart: those that conflict with a type do so together."""
    found: dict[str, list[int]] = defaultdict(list)
    for row, (line, key) in enumerate(zip(lines, keys, strict=True)):
        field = line[len(key) + 1 : line.index("=", len(key))]
        found[f"{_measurement(key)} {field}"].append(row)
    return found.values()


def _measurement(key: str) -> str:
    """The first part of a series key, as it is written: up to a comma that no backslash stands before."""
    end = key.find(",")
    while end > 0 and key[end - 1] == "\\":
        end = key.find(",", end + 1)
    return key if end < 0 else key[:end]
