"""What stands in a journal: the plan of the load first, then an entry per acknowledged block, then its end.

The entries are JSON. Whatever a later block's entry needs of an earlier one (numbers of series, columns of the spool,
types that were decided) stands before it, whichever block was acknowledged first.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from importer.choices import Method
from importer.records import FieldType, Reject, SkipReason

__all__ = [
    "BlockEntry",
    "Completed",
    "DecidedType",
    "Entry",
    "Plan",
    "ShardSent",
    "ShardsMade",
    "SourcePrint",
    "SpoolColumn",
    "read",
    "write",
]

DecidedType = tuple[str, str, FieldType]
"""Measurement (empty where it is the same for all), field key and type."""

SpoolColumn = tuple[str, FieldType, str]
"""Field key, type and the source's column, of the spool's next column."""


@dataclass(frozen=True, slots=True)
class SourcePrint:
    """What a source is known by.

    Attributes:
        name: as the user gave it.
        size_bytes: as stored; None for a pipe.
        ends_sha256: SHA-256 (hex) of its first and last megabyte; None for a pipe.
    """

    name: str
    size_bytes: int | None
    ends_sha256: str | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What the load was begun with.

    Attributes:
        load_id: its id.
        org_id: the organisation's id, which no two servers share.
        target: name of the bucket to fill.
        bucket_id: the bucket that is written to.
        appends: whether that is the live bucket itself.
        was_empty: whether nothing was in it before.
        sources: the input, in order.
        mapping_sha256: of the mapping's description (hex).
        settings: options that decide which points there are, and where: name (as the command line writes it) and value.
        shard_group_seconds: of the bucket; 0 where it is not known yet.
    """

    load_id: str
    org_id: str
    target: str
    bucket_id: str
    appends: bool
    was_empty: bool
    sources: tuple[SourcePrint, ...]
    mapping_sha256: str
    settings: dict[str, str]
    shard_group_seconds: int = 0
    kind: Literal["plan"] = "plan"

    @property
    def method(self) -> Method:
        """By which way the bucket is filled."""
        found: Method = json.loads(self.settings.get("method", '"write"'))
        return found


@dataclass(frozen=True, slots=True)
class BlockEntry:
    """A block all of whose points were acknowledged, or refused one by one.

    Attributes:
        number: of the block.
        sha256: of its text (hex).
        begins_source: whether it is the first block of its source, whose name this is; else empty.
        counts: what it adds to the ledger's counts.
        skipped: what it adds to the skipped rows, by reason.
        rejects: its rejects, by the mapping and by the server.
        spooled: length (bytes) and CRC-32 of its file in the spool; None if it has no acknowledged point.
        series: series keys and measurements that got the next numbers since the entry before.
        columns: columns that the spool got since the entry before.
        types: all types decided so far, if there are more than in the entry before.
        elapsed_seconds: of the load so far.
    """

    number: int
    sha256: str
    begins_source: str
    counts: dict[str, int]
    skipped: dict[SkipReason, int]
    rejects: tuple[Reject, ...]
    spooled: tuple[int, int] | None
    series: tuple[tuple[str, str], ...]
    columns: tuple[SpoolColumn, ...]
    types: tuple[DecidedType, ...]
    elapsed_seconds: float
    kind: Literal["block"] = "block"


@dataclass(frozen=True, slots=True)
class Completed:
    """All is written and verified; what is left is to put the bucket in its place.

    Attributes:
        report: as JSON, of the load as it will have been then.
    """

    report: dict[str, Any] = field(repr=False)
    kind: Literal["completed"] = "completed"


@dataclass(frozen=True, slots=True)
class ShardsMade:
    """The bulk way: the bucket is made anew with its shard groups, and what was sent before is gone.

    Attributes:
        bucket_id: the bucket that is filled from now on.
        shards: the server's id of the shard of each shard group, by its number.
    """

    bucket_id: str
    shards: dict[int, int]
    kind: Literal["shards"] = "shards"


@dataclass(frozen=True, slots=True)
class ShardSent:
    """The bulk way: the server has said that it has the files of a shard group.

    Attributes:
        group: its number.
    """

    group: int
    kind: Literal["shard"] = "shard"


Entry = Plan | BlockEntry | ShardsMade | ShardSent | Completed

_FORMAT: TypeAdapter[Entry] = TypeAdapter(Annotated[Entry, Field(discriminator="kind")])


def read(record: bytes) -> Entry:
    """An entry from its record.

    Raises:
        pydantic.ValidationError: another version of the importer wrote it.
    """
    return _FORMAT.validate_json(record)


def write(entry: Entry) -> bytes:
    """The record of an entry."""
    return _FORMAT.dump_json(entry)
