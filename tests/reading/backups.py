"""Backups made of plain values, without a server."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from importer.records import FieldType
from importer.tsm import Column, field_key, series_key, storage_file

__all__ = ["ONE", "SPAN", "TYPES", "Deleted", "File", "Key", "M", "Shard", "key_bytes", "make_backup", "manifest"]

Key = tuple[str, tuple[tuple[str, str], ...], str]
"""Measurement, tags, field."""

_DTYPES: dict[FieldType, Any] = {"float": "f8", "integer": "i8", "unsigned": "u8", "boolean": "?"}


@dataclass(frozen=True)
class Deleted:
    """Values of a key that were deleted: from the first time to the last one."""

    key: Key
    first: int
    last: int


@dataclass(frozen=True)
class File:
    """A storage file: values by time of each key, which are of these types by their fields."""

    values: Mapping[Key, Mapping[int, Any]]
    deleted: Sequence[Deleted] = ()


@dataclass(frozen=True)
class Shard:
    """A shard group from a time to another (ns)."""

    start: int
    stop: int
    files: Sequence[File] = field(default_factory=list)


TYPES: dict[str, FieldType] = {"f": "float", "i": "integer", "u": "unsigned", "b": "boolean", "s": "string"}
SPAN = 100
"""Of a shard, in nanoseconds."""

M: Key = ("m", (("t", "x"),), "i")
ONE = (Shard(0, SPAN, (File({M: {1: 1, 2: 2}}),)),)


def key_bytes(key: Key) -> bytes:
    """As storage files have it."""
    return field_key(series_key(key[0], key[1]), key[2])


def make_backup(
    folder: Path, shards: Sequence[Shard], types: Mapping[str, FieldType], *, is_gzip: bool = True, bucket: str = "b"
) -> Path:
    """A folder as the influx command makes it."""
    folder.mkdir()
    groups = []
    for number, shard in enumerate(shards, 1):
        name = f"20240131T235959Z.{number}.tar{'.gz' if is_gzip else ''}"
        data = _archive(shard, folder, types)
        (folder / name).write_bytes(gzip.compress(data, 1) if is_gzip else data)
        inside = {
            "id": number,
            "fileName": name,
            "size": (folder / name).stat().st_size,
            "compression": int(is_gzip),
        }
        groups.append(
            {"id": number, "startTime": _moment(shard.start), "endTime": _moment(shard.stop), "shards": [inside]}
        )
    policy = {"name": "autogen", "duration": 0, "shardGroupDuration": 10**9, "shardGroups": groups}
    described = {"organizationName": "o", "bucketID": "0123456789abcdef", "bucketName": bucket}
    manifest(folder, [described | {"retentionPolicies": [policy]}])
    return folder


def manifest(folder: Path, buckets: list[dict[str, Any]] | None = None) -> list[dict[str, Any]]:
    """What a backup's manifest says of its buckets; written there if it is given."""
    path = folder / "20240131T235959Z.manifest"
    if buckets is not None:
        path.write_text(json.dumps({"manifestVersion": 2, "buckets": buckets}))
    found: list[dict[str, Any]] = json.loads(path.read_text())["buckets"]
    return found


def _moment(ns: int) -> str:
    return f"{datetime.fromtimestamp(ns // 10**9, UTC):%Y-%m-%dT%H:%M:%S}.{ns % 10**9:09}Z"


def _archive(shard: Shard, folder: Path, types: Mapping[str, FieldType]) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for number, file in enumerate(shard.files, 1):
            name = f"{number:09}-000000001"
            path = folder / "making.tsm"
            with storage_file(path) as writer:
                writer.write([_column(key, values, types[key[2]]) for key, values in file.values.items()])
            tar.add(path, f"db/rp/{name}.tsm")
            path.unlink()
            if file.deleted:
                grave = _tombstones(file.deleted)
                head = tarfile.TarInfo(f"db/rp/{name}.tombstone")
                head.size = len(grave)
                tar.addfile(head, io.BytesIO(grave))
    return archive.getvalue()


def _column(key: Key, values: Mapping[int, Any], kind: FieldType) -> Column:
    times = sorted(values)
    ordered = [values[time] for time in times]
    stored = pa.array(ordered, type=pa.large_binary()) if kind == "string" else np.array(ordered, dtype=_DTYPES[kind])
    return Column(kind, [key_bytes(key)], np.array([len(times)]), np.array(times, dtype=np.int64), stored)


def _tombstones(deleted: Sequence[Deleted]) -> bytes:
    """Of the second version, which is not compressed."""
    parts = [(0x1502).to_bytes(4)]
    for each in deleted:
        key = key_bytes(each.key)
        parts += [len(key).to_bytes(4), key, each.first.to_bytes(8, signed=True), each.last.to_bytes(8, signed=True)]
    return b"".join(parts)
