"""The report of a load: what a machine reads, and what the summary shows."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from importer.records import FieldType

__all__ = ["FieldReport", "Report", "ServerReport", "SourceReport", "Status", "TimeRange"]

SCHEMA_VERSION = 1

Status = Literal["verified", "unverified", "dry_run", "failed", "interrupted"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class SourceReport(_Frozen):
    """A source: its name, its bytes as stored, and the SHA-256 of what was read of them."""

    path: str
    bytes: int
    sha256: str


class FieldReport(_Frozen):
    """A field: the values that the server must hold, and those that it holds (None: not asked)."""

    measurement: str
    field: str
    type: FieldType
    expected: int
    stored: int | None


class TimeRange(_Frozen):
    """The first and the last timestamp, RFC 3339 with nanoseconds."""

    start: str
    stop: str


class ServerReport(_Frozen):
    """The server: its address and its version."""

    url: str
    version: str


class Report(_Frozen):
    """What became of a load.

    ``rows_read = rows_mapped + rejected + sum(skipped)``, and
    ``points_emitted = points_written + duplicates + points_rejected`` where the load came to its end.

    Attributes:
        schema_version: of this structure.
        load_id: also in the bucket's mark.
        status: how it ended.
        bucket: the target; None in a dry run.
        sources: in the order in which they were read.
        rows_read: records, blank ones included, headers not.
        rows_mapped: rows that gave a point.
        rejected: rows that could not be mapped.
        skipped: rows without a point, by reason.
        points_emitted: points that the rows gave.
        points_written: distinct keys that the server acknowledged.
        points_rejected: points that the server refused.
        duplicates: points with the key of an earlier one.
        duplicate_kinds: those by ``identical``, ``merged``, ``overwritten``.
        bytes_read: decompressed.
        elapsed_seconds: of the whole load.
        rows_per_second: rows read over that.
        retries: write calls beyond the first tries.
        series: distinct measurements and tag sets.
        time_range: of the points written.
        fields: per measurement and field.
        warnings: what a person should know.
        rejects_file: where the rejects are, if there are any.
        server: where it went.
        error: why it failed.
    """

    schema_version: int = SCHEMA_VERSION
    load_id: str
    status: Status
    bucket: str | None
    sources: list[SourceReport]
    rows_read: int
    rows_mapped: int
    rejected: int
    skipped: dict[str, int]
    points_emitted: int
    points_written: int
    points_rejected: int
    duplicates: int
    duplicate_kinds: dict[str, int]
    bytes_read: int
    elapsed_seconds: float
    rows_per_second: float
    retries: int
    series: int
    time_range: TimeRange | None
    fields: list[FieldReport]
    warnings: list[str]
    rejects_file: str | None
    server: ServerReport | None
    error: str | None = None
