"""What follows the flow: merge the points of keys that were written out of order, ask the server, write what it lost.

Goes in: the ledger and the spool. Comes out: the duplicates, and what the server holds.
"""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from importer.encoding.line_protocol import merged_lines
from importer.encoding.series import SeriesIndex
from importer.errors import LoadError, VerificationError
from importer.ledger.duplicates import Duplicates, find_duplicates, merged_points
from importer.ledger.ledger import Ledger
from importer.ledger.merging import merged_within
from importer.ledger.spool import Spool
from importer.pipeline import Write
from importer.records import Block, FieldColumn
from importer.server.connection import Server
from importer.verification.compare import Comparison, compare
from importer.verification.read_back import read_back

__all__ = ["check", "merge_again", "merge_duplicates", "verify", "write_what_is_missing"]

SHOWN_DIFFERENCES = 3


def merge_duplicates(
    ledger: Ledger, spool: Spool, series: SeriesIndex, write: Write, check_stopped: Callable[[], None]
) -> Duplicates:
    """Find the duplicates, and write the merged points of keys that stand in several blocks once more, serially.

    Args:
        ledger: its expectation and its retries are put right.
        spool: all acknowledged points.
        series: the load's series.
        write: the sink.
        check_stopped: asked before each write; raises to break off.

    Raises:
        LoadError: the server refuses a merged point.
        SpoolError: the disk is full.
        ServerError: the server does not take them.
    """

    def rewrite(points: pl.DataFrame, fields: tuple[FieldColumn, ...]) -> None:
        check_stopped()
        _rewrite(points, fields, ledger, series, write)

    return find_duplicates(spool, ledger.expectation, series.keys, series.measurements, rewrite)


def merge_again(
    ledger: Ledger, spool: Spool, series: SeriesIndex, write: Write, check_stopped: Callable[[], None]
) -> None:
    """Write the merged points of keys that stand in several blocks once more; it changes no count.

    For loads in which a write was tried again: the server may come to its first try only later, after the merge, and
    that would bring an earlier value of such a key back. All other keys stand in one request, and its tries are alike.

    Args, Raises: as :func:`merge_duplicates`.
    """
    for points, fields in merged_points(spool):
        check_stopped()
        _rewrite(points, fields, ledger, series, write)


def _rewrite(
    points: pl.DataFrame, fields: tuple[FieldColumn, ...], ledger: Ledger, series: SeriesIndex, write: Write
) -> None:
    nowhere = Block("", -1, 0, 0, b"", 0, "none", ())
    outcome = write(merged_lines(points, fields, series.keys, nowhere))
    ledger.counts.retries += outcome.retries
    if outcome.refusals:
        raise LoadError(f"the server refused a point that is written once more: {outcome.refusals[0].message}")


def verify(
    server: Server,
    bucket_id: str,
    ledger: Ledger,
    spool: Spool,
    series: SeriesIndex,
    *,
    by_counts: bool,
    progress: Callable[[float], None],
) -> Comparison:
    """Ask the server for what the ledger expects.

    Args:
        server: the connection.
        bucket_id: which bucket.
        ledger: says what there must be.
        spool: all acknowledged points.
        series: the load's series.
        by_counts: the bucket holds nothing else, so counts tell all; otherwise each key is read back.
        progress: told the share that is done; may raise to break off.

    Raises:
        ServerError: the server did not answer.
    """
    if by_counts:
        return compare(server, bucket_id, ledger.expectation, series=len(series), progress=progress)
    return read_back(server, bucket_id, ledger.expectation, spool, series, progress=progress)


def write_what_is_missing(
    comparison: Comparison,
    *,
    ledger: Ledger,
    spool: Spool,
    series: SeriesIndex,
    write: Write,
    check_stopped: Callable[[], None],
) -> int:
    """Write the points of windows in which the server holds too few values once more; points that are there stay alike.

    It is no fault of the network alone: InfluxDB 2.7 empties the cache of a shard that it takes for an idle one
    (``Store.monitorShards``, every 10 s), and if the shard's first write comes just then, its values cannot be read
    before the server is started again.

    Args:
        comparison: what the server holds.
        ledger: its retries are put right.
        spool: all acknowledged points.
        series: the load's series.
        write: the sink.
        check_stopped: asked before each write; raises to break off.

    Returns:
        How many values were missing.

    Raises:
        LoadError: the server refuses one of them.
        SpoolError: the disk is full.
        ServerError: the server does not take them.
    """
    for start_ns, stop_ns in sorted({(each.start_ns, each.stop_ns) for each in comparison.too_few}):
        for points in merged_within(spool, start_ns, stop_ns):
            check_stopped()
            _rewrite(points, spool.fields, ledger, series, write)
    return comparison.missing


def check(comparison: Comparison) -> None:
    """Accept what the server holds.

    Raises:
        VerificationError: it is not what was sent.
    """
    if comparison.differences:
        shown = "; ".join(map(str, comparison.differences[:SHOWN_DIFFERENCES]))
        raise VerificationError(
            f"the server does not hold what was sent ({len(comparison.differences)} differences): {shown}"
        )
