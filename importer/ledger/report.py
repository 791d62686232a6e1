"""The report of a load: what a machine reads, and what the summary shows."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from importer.records import FieldType

__all__ = [
    "FieldReport",
    "LoadPhase",
    "Report",
    "ServerReport",
    "ShardGroupReport",
    "SourceReport",
    "Status",
    "TimeRange",
    "WritingReport",
]

SCHEMA_VERSION = 1

Status = Literal["verified", "unverified", "dry_run", "failed", "interrupted"]

LoadPhase = Literal["look", "load", "duplicates", "build", "verify", "swap"]
"""The first pass for the time span, the flow, the merge of repeated keys (or storage files built and sent), asking the
server, putting it in place."""


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


class ShardGroupReport(_Frozen):
    """The bucket's shard groups: the duration of one, and how it was found."""

    seconds: int
    how: str


class WritingReport(_Frozen):
    """How the load wrote.

    Attributes:
        workers: requests under way at once at the most, at the end.
        workers_fixed: by the option.
        batch_rows: lines of a request at the most, at the end.
        batch_rows_fixed: by the option.
        batch_bytes: bytes of a request at the most, at the end, before compression.
        compression: of the requests' bodies.
        requests: write calls, repeated ones included.
        setbacks: tries that showed that the server had too much, by its answer; ``slow`` where it took too long.
    """

    workers: int
    workers_fixed: bool
    batch_rows: int
    batch_rows_fixed: bool
    batch_bytes: int
    compression: Literal["gzip", "none"]
    requests: int
    setbacks: dict[str, int]


class BuildingReport(_Frozen):
    """How the load built storage files.

    Attributes:
        shards: shard groups that were built.
        files: storage files.
        file_bytes: of all archives that were sent, before compression.
        sent_again: shard groups in which the server had not taken all at first.
        workers: shard groups built or sent at once.
        compression: of what was sent.
    """

    shards: int = 0
    files: int = 0
    file_bytes: int = 0
    sent_again: int = 0
    workers: int
    compression: Literal["gzip", "none"]


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
        points_written: distinct keys that the server acknowledged; in bulk, 0 until all storage files are sent.
        points_rejected: points that the server refused.
        duplicates: points with the key of an earlier one.
        duplicate_kinds: those by ``identical``, ``merged``, ``overwritten``.
        bytes_read: decompressed.
        elapsed_seconds: of the whole load.
        phases: seconds of each phase that was begun; of this run alone, where a load was resumed.
        rows_per_second: rows read over that.
        retries: write calls beyond the first tries.
        series: distinct measurements and tag sets.
        time_range: of the points written.
        shard_group: of the bucket; None where no bucket was made ready.
        writing: how the load wrote lines, in this run; None where it wrote none.
        building: how the load built storage files, in this run; None where it built none.
        not_in_bulk: why the method ``auto`` took lines; None where it did not, or was not asked for.
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
    phases: dict[LoadPhase, float] = {}
    retries: int
    series: int
    time_range: TimeRange | None
    shard_group: ShardGroupReport | None = None
    writing: WritingReport | None = None
    building: BuildingReport | None = None
    not_in_bulk: str | None = None
    fields: list[FieldReport]
    warnings: list[str]
    rejects_file: str | None
    server: ServerReport | None
    error: str | None = None
