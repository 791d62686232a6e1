"""What a backup and a restore come to."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

__all__ = ["Backup", "BucketBackup", "RestoredBucket"]


@dataclass(frozen=True, slots=True)
class BucketBackup:
    """A bucket in a backup.

    Attributes:
        bucket: its name.
        bucket_id: its id.
        shard_groups: how many hold something.
        values: field values that it held.
        size_bytes: of its files.
        digest: of all its values; None if some of them are not known for certain.
        unchecked: shard groups of which it is not known for certain what was saved, so that a restore cannot compare
            them: they were written to meanwhile, or are among the next two.
        revived: shard groups whose deleted points a restore brings back.
        unseen: further ones, for whose times the server answers no question; their values are not counted here.
    """

    bucket: str
    bucket_id: str
    shard_groups: int
    values: int
    size_bytes: int
    digest: str | None
    unchecked: int = 0
    revived: int = 0
    unseen: int = 0


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that was made.

    Attributes:
        folder: where it is.
        buckets: what is in it.
        size_bytes: of all files.
        removed: older backups that were removed.
    """

    folder: Path
    buckets: list[BucketBackup]
    size_bytes: int
    removed: list[Path] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class RestoredBucket:
    """A bucket that was restored.

    Attributes:
        bucket: the name that it has now.
        bucket_id: its id.
        backed_up_as: the name that it had.
        status: ``verified``: all that was read back is what was backed up; ``unverified``: for some shard groups the
            backup does not say what they held.
        shard_groups: how many were restored.
        values: field values that were read back.
        unchecked: shard groups that could not be compared, but only counted.
        warnings: what else there is to know.
    """

    bucket: str
    bucket_id: str
    backed_up_as: str
    status: Literal["verified", "unverified"]
    shard_groups: int
    values: int
    unchecked: int
    warnings: list[str]
