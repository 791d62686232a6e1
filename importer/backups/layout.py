"""A backup's folder: what its files are called, and what stands in the two that describe the others.

Goes in: a folder. Comes out: its :class:`Manifest`, as the influx command writes it, and its :class:`Sidecar`, which
the importer writes beside it: checksums of all files, and digests of the data. Where the influx command made the
folder there is no sidecar, and what is restored from it can only be counted. The files::

    20240131T235959Z.manifest       the buckets, their shard groups, and which file holds which shard
    20240131T235959Z.7.tar.gz       the storage files of shard 7
    20240131T235959Z.7.lines.gz     its data as line protocol, where deleted points still are in the storage files
    20240131T235959Z.bolt.gz        with --metadata: users, tokens, dashboards; only `influx restore --full` reads them
    20240131T235959Z.sqlite.gz
    importer.json                   the sidecar
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator

from importer.backups.moments import nanoseconds
from importer.errors import SourceError

__all__ = [
    "MANIFEST_VERSION",
    "SIDECAR",
    "FileRecord",
    "Manifest",
    "ManifestBucket",
    "ManifestShard",
    "ShardRecord",
    "Sidecar",
    "read_manifest",
    "read_sidecar",
]

SIDECAR = "importer.json"
MANIFEST_VERSION = 2
MANIFEST_SUFFIX = ".manifest"


def _plain_name(name: str) -> str:
    if name and Path(name).name != name:
        raise ValueError(f"{name!r} is not in the folder")
    return name


FileName = Annotated[str, AfterValidator(_plain_name)]


class _Described(BaseModel):
    """As the influx command names its keys; what is not needed here is passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class ManifestShard(_Described):
    """A shard, and the file that holds it."""

    id: int
    file_name: FileName = Field(alias="fileName")
    size: int = 0
    compression: Literal[0, 1] = 1


class ManifestGroup(_Described):
    """A shard group: a span of time."""

    id: int
    start: str = Field(alias="startTime")
    stop: str = Field(alias="endTime")
    deleted_at: str | None = Field(None, alias="deletedAt")
    shards: list[ManifestShard]

    @field_validator("start", "stop")
    @classmethod
    def _is_a_time(cls, text: str) -> str:
        nanoseconds(text)
        return text


class ManifestPolicy(_Described):
    """The bucket's one retention policy: durations in nanoseconds."""

    name: str = "autogen"
    duration: int = Field(ge=0)
    shard_group_duration: int = Field(alias="shardGroupDuration", ge=0)
    groups: list[ManifestGroup] = Field(alias="shardGroups")

    @field_validator("groups", mode="before")
    @classmethod
    def _none_is_empty(cls, value: Any) -> Any:
        return value or []


class ManifestBucket(_Described):
    """A bucket that was backed up."""

    org: str = Field("", alias="organizationName")
    id: str = Field(alias="bucketID")
    name: str = Field(alias="bucketName")
    description: str | None = None
    policies: list[ManifestPolicy] = Field(alias="retentionPolicies", min_length=1, max_length=1)

    @property
    def policy(self) -> ManifestPolicy:
        """The one that there is."""
        return self.policies[0]

    @property
    def groups(self) -> list[ManifestGroup]:
        """The shard groups that hold something."""
        return [group for group in self.policy.groups if group.shards and not group.deleted_at]


class Manifest(_Described):
    """All buckets of a folder."""

    version: int = Field(0, alias="manifestVersion")
    buckets: list[ManifestBucket] = Field(default_factory=list)


class FileRecord(BaseModel):
    """A file of the backup.

    Attributes:
        size: bytes.
        sha256: of all of them.
    """

    model_config = ConfigDict(frozen=True)

    size: int
    sha256: str


class ShardRecord(BaseModel):
    """What a shard held when it was backed up.

    Attributes:
        values: field values.
        series: series, each field of one counted by itself.
        digest: of them (:mod:`importer.backups.values`); None where they changed all the while, so that it is not
            known what the storage files hold, or where it was made in another way than digests are now.
        lines: the file that holds them as line protocol; None where the storage files can be restored.
        revives: points that were deleted are in the storage files, and there are no lines either: restored, the
            deleted points are back.
        unseen: the server answers no question for its times, so that its values were not counted.
    """

    model_config = ConfigDict(frozen=True)

    values: int
    series: int
    digest: str | None
    lines: FileName | None = None
    revives: bool = False
    unseen: bool = False


class BucketRecord(BaseModel):
    """What a bucket held.

    Attributes:
        name: its name.
        id: its id.
        shards: by the shard's id.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    id: str
    shards: dict[int, ShardRecord]


class Sidecar(BaseModel):
    """What the importer knows of a backup that the influx command does not.

    Attributes:
        format: version of this file; digests of the first are made in another way, and not known here.
        created: when the backup began, RFC 3339.
        server: address and version of the server.
        org: the organisation's name.
        files: all other files, by name.
        buckets: what they held.
    """

    model_config = ConfigDict(frozen=True)

    format: Literal[1, 2] = 2
    created: str
    server: str
    org: str
    files: dict[FileName, FileRecord]
    buckets: list[BucketRecord]


def read_manifest(folder: Path) -> Manifest:
    """The buckets of a backup; of several backups in one folder, the latest of each bucket.

    Raises:
        SourceError: it is no folder of a backup, or the manifest is damaged.
    """
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix == MANIFEST_SUFFIX and path.is_file())
        newest = max((path.parent for path in folder.glob(f"*/{SIDECAR}")), default=None)
    except OSError as error:
        raise SourceError(f"cannot read the folder {str(folder)!r}: {error.strerror}") from error
    if not paths:
        inside = f"; it holds backups: name one, such as {str(newest)!r}" if newest else ""
        raise SourceError(f"{str(folder)!r} holds no manifest, so it is no backup{inside}")
    buckets: dict[tuple[str, str], ManifestBucket] = {}
    for path in paths:
        manifest = _read(path, Manifest)
        if manifest.version != MANIFEST_VERSION:
            raise SourceError(
                f"{str(path)!r} is of another version ({manifest.version or 'that of InfluxDB 2.0'}) than "
                f"{MANIFEST_VERSION}: restore it with the influx command"
            )
        buckets |= {(bucket.org, bucket.name): bucket for bucket in manifest.buckets}
    return Manifest(manifestVersion=MANIFEST_VERSION, buckets=list(buckets.values()))


def read_sidecar(folder: Path) -> Sidecar | None:
    """The importer's own file; None where the influx command made the folder.

    One of the first format is given without its digests: what is restored from it can only be counted.

    Raises:
        SourceError: it is damaged.
    """
    path = folder / SIDECAR
    if not path.exists():
        return None
    sidecar: Sidecar = _read(path, Sidecar)
    return _without_digests(sidecar) if sidecar.format == 1 else sidecar


def _without_digests(sidecar: Sidecar) -> Sidecar:
    buckets = []
    for bucket in sidecar.buckets:
        shards = {number: shard.model_copy(update={"digest": None}) for number, shard in bucket.shards.items()}
        buckets.append(bucket.model_copy(update={"shards": shards}))
    return sidecar.model_copy(update={"buckets": buckets})


def _read(path: Path, kind: type[Any]) -> Any:
    try:
        return kind.model_validate_json(path.read_bytes())
    except OSError as error:
        raise SourceError(f"cannot read {str(path)!r}: {error.strerror}") from error
    except ValidationError as error:
        raise SourceError(
            f"{str(path)!r} is damaged or was not written by a backup: take the file from another copy of the backup, "
            "or take another backup"
        ) from error
