"""The server's side of the bulk way: a bucket with its shard groups, and files for them, by the restore API.

Goes in: numbers of shard groups, and archives. Comes out: the server's ids of the shards. The server says that it has
restored a shard in any case; what it holds shows only in what is read back.
"""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any, BinaryIO, cast

from isal import igzip

from importer.bucket import catalogue
from importer.bucket import mark as marks
from importer.bucket.catalogue import Bucket, NameTakenError
from importer.bucket.mark import Mark
from importer.bucket.settings import BucketSettings
from importer.bucket.shards import format_duration
from importer.errors import AuthorizationError, LoadError, RequestRefusedError, ServerError, TransientServerError
from importer.ledger.windows import Windows
from importer.moments import as_text
from importer.server.connection import Server
from importer.server.wire import Wire, operators_alone
from importer.sink.compression import LEVEL, Encoding

__all__ = ["ShardedBucket", "check_may_restore", "packed", "send_shard"]

_RESTORE = "/api/v2/restore"
_NO_SHARD = 0
_FIRST_ID = 1
_JSON = {"Content-Type": "application/json"}


def check_may_restore(wire: Wire) -> None:
    """Ask the server to restore a shard that it cannot have: who may do so meets another error than who may not.

    Raises:
        AuthorizationError: the token may not restore.
        ServerError: the server did not answer.
    """
    try:
        wire.send(f"{_RESTORE}/shards/{_NO_SHARD}", b"", 0, {})
    except AuthorizationError:
        raise
    except ServerError as error:
        if error.status != HTTPStatus.INTERNAL_SERVER_ERROR:  # of a shard that there is not
            raise


class ShardedBucket:
    """Makes a bucket with given shard groups, a shard in each.

    Args:
        wire: the connection, which waits for the server as long as many shards take it.
        groups: numbers of the shard groups.
        windows: of the shard groups.

    Attributes:
        shards: the server's id of each group's shard, once the bucket is made.
    """

    def __init__(self, wire: Wire, groups: Sequence[int], windows: Windows) -> None:
        self.shards: dict[int, int] = {}
        self._wire = wire
        self._groups = groups
        self._windows = windows

    def __call__(self, server: Server, name: str, settings: BucketSettings, mark: Mark | None) -> Bucket:
        """Make it.

        Raises:
            NameTakenError: there is one of that name.
            AuthorizationError: the token may not restore.
            LoadError: the server cannot have so many shards open.
            ServerError: the server refuses or does not answer.
        """
        body = {
            "organizationID": server.org_id,
            "organizationName": server.connection.org,
            "bucketID": "0" * 15 + "1",  # the server gives it another
            "bucketName": name,
            "description": marks.write(settings.text, mark),
            "defaultRetentionPolicy": "autogen",
            "retentionPolicies": [self._policy(settings)],
        }
        text = json.dumps(body).encode()
        try:
            with operators_alone():
                answer = json.loads(self._wire.send(f"{_RESTORE}/bucketMetadata", text, len(text), _JSON))
        except RequestRefusedError as error:
            if "already exists" in str(error):
                raise NameTakenError(f"there is already a bucket named {name!r}", status=error.status) from error
            raise
        except TransientServerError as error:
            if "too many open files" not in str(error):
                raise
            with suppress(ServerError):
                self._remove(server, name, mark)
            duration = format_duration(self._windows.duration_ns // 10**9)
            raise LoadError(
                f"the points lie in {len(self._groups):,} shard groups of {duration}, and the server cannot have so "
                "many files open: load with a longer --shard-duration"
            ) from error
        ids = {each["oldId"]: each["newId"] for each in answer["shardMappings"] or ()}
        self.shards = {group: ids[number] for number, group in enumerate(self._groups, _FIRST_ID)}
        # Asked again by itself: made again, the bucket would have to be removed before.
        made = server.patiently(lambda: catalogue.get(server, answer["id"]))
        if made is None:
            raise LoadError(f"the bucket {name!r} was removed just after it was made")
        return made

    def _remove(self, server: Server, name: str, mark: Mark | None) -> None:
        """Remove what was made before it broke off."""
        half_made = catalogue.find(server, name)
        if half_made is not None and half_made.mark == mark:
            catalogue.delete(server, half_made.id)

    def _policy(self, settings: BucketSettings) -> dict[str, Any]:
        return {
            "name": "autogen",
            "replicaN": 1,
            "duration": settings.retention_seconds * 10**9,
            "shardGroupDuration": self._windows.duration_ns,
            "shardGroups": [self._group(number, group) for number, group in enumerate(self._groups, _FIRST_ID)],
            "subscriptions": [],
        }

    def _group(self, number: int, group: int) -> dict[str, Any]:
        start_ns, stop_ns = self._windows.bounds(group)
        return {
            "id": number,
            "startTime": as_text(start_ns),
            "endTime": as_text(stop_ns),
            "shards": [{"id": number, "shardOwners": []}],
        }


@contextmanager
def packed(archive: Path, encoding: Encoding) -> Iterator[Path]:
    """An archive as it is sent; what is made of it goes at the end.

    Always as gzip, though not always compressed: its checksum is the only one that the server looks at, and a shard
    into which damaged files have come can hang it.

    Raises:
        OSError: the disk refuses.
    """
    path = archive.with_suffix(".tar.gz")
    try:
        with archive.open("rb") as file, path.open("wb") as out, _gzip(out, encoding) as packing:
            shutil.copyfileobj(file, packing, 1 << 20)
        yield path
    finally:
        path.unlink(missing_ok=True)


def _gzip(out: BinaryIO, encoding: Encoding) -> BinaryIO:
    if encoding == "identity":
        return cast("BinaryIO", gzip.GzipFile("", "wb", compresslevel=0, fileobj=out, mtime=0))
    return cast("BinaryIO", igzip.open(out, "wb", LEVEL))  # type: ignore[no-untyped-call]


def send_shard(wire: Wire, shard: int, archive: Path) -> None:
    """Send a shard's files, packed; sent again, they take the place of those of the same names.

    Raises:
        ServerError: the server refuses or does not answer.
        OSError: the archive cannot be read.
    """
    headers = {"Content-Type": "application/octet-stream", "Content-Encoding": "gzip"}
    with archive.open("rb") as file:
        wire.send(f"{_RESTORE}/shards/{shard}", file, archive.stat().st_size, headers)
