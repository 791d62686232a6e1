"""The shards of one bucket, back into a server.

Goes in: a backup's files and a staging bucket. Comes out: what that bucket holds now, read back shard group by shard
group, and compared with what the backup says; the server itself says that a shard is restored in any case.
"""

from __future__ import annotations

import threading
import time
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from importer.backups.files import gzip_parts, holds_data, opened
from importer.backups.layout import BucketRecord, ManifestBucket, ManifestGroup, ManifestShard, ShardRecord
from importer.backups.moments import nanoseconds
from importer.backups.shards import is_overflown, window_of
from importer.backups.telling import Telling
from importer.backups.values import digest_of_window
from importer.bucket import Target, catalogue, format_duration
from importer.bucket import mark as marks
from importer.bucket.catalogue import Bucket, NameTakenError
from importer.bucket.mark import Mark
from importer.bucket.settings import BucketSettings
from importer.errors import LoadError, RequestRefusedError, VerificationError
from importer.moments import as_text
from importer.server.connection import Server
from importer.server.wire import Wire, check_stop, operators_alone

__all__ = ["ReadBack", "Upload"]

SECOND = 10**9


@dataclass(frozen=True, slots=True)
class ReadBack:
    """What was read back.

    Attributes:
        values: field values.
        unchecked: shard groups of which the backup does not say for certain what they held.
        uneven: of those, what the ones hold that held another number of values when they were backed up.
    """

    values: int = 0
    unchecked: int = 0
    uneven: tuple[str, ...] = ()


class Upload:
    """One bucket on its way.

    Args:
        server: the connection for questions.
        wire: the connection for files.
        folder: the backup's.
        bucket: what the manifest says of it.
        record: what the importer had noted; None where the influx command made the backup.
        stop: told to stop, it ends at once.
    """

    def __init__(  # noqa: PLR0917 - made in one place
        self,
        server: Server,
        wire: Wire,
        folder: Path,
        bucket: ManifestBucket,
        record: BucketRecord | None,
        stop: threading.Event,
    ) -> None:
        self.bucket = bucket
        self._server = server
        self._wire = wire
        self._folder = folder
        self._record = record
        self._stop = stop
        self._new_ids: dict[int, int] = {}
        # Where the server had lost sight of a shard group, a later write there made another one of the same span.
        self._overflown = {
            window_of(each.start, each.stop) for each in bucket.groups if is_overflown(each.start, each.stop)
        }
        self._overflown_read: set[tuple[int, int]] = set()

    def make(self, server: Server, name: str, settings: BucketSettings, mark: Mark | None) -> Bucket:
        """Make the bucket with its shard groups, empty; it keeps its points for ever until all are compared.

        That takes the server long where there are many: it is asked by the connection that waits for that.

        Raises:
            NameTakenError: there is one of that name.
        """
        del settings  # they are the backup's own
        text, _ = marks.read(self.bucket.description)
        body = {
            "organizationID": server.org_id,
            "organizationName": server.connection.org,
            "bucketID": self.bucket.id,
            "bucketName": name,
            "description": marks.write(text, mark),
            "defaultRetentionPolicy": self.bucket.policy.name,
            "retentionPolicies": [self._policy()],
        }
        try:
            with operators_alone():
                answer = self._server.call("POST", "/api/v2/restore/bucketMetadata", body=body)
        except RequestRefusedError as error:
            if "already exists" in str(error):
                raise NameTakenError(f"there is already a bucket named {name!r}", status=error.status) from error
            raise
        self._new_ids = {each["oldId"]: each["newId"] for each in answer["shardMappings"] or ()}
        made = catalogue.get(server, answer["id"])
        if made is None:
            raise LoadError(f"the bucket {name!r} was removed just after it was made")
        return made

    def _policy(self) -> dict[str, Any]:
        policy = self.bucket.policy
        groups = []
        for group in self.bucket.groups:
            start, stop = window_of(group.start, group.stop)  # what goes beyond would overflow in the server
            shards = [{"id": shard.id, "shardOwners": []} for shard in group.shards]
            groups.append({"id": group.id, "startTime": as_text(start), "endTime": as_text(stop), "shards": shards})
        return {
            "name": policy.name,
            "replicaN": 1,
            "duration": 0,
            "shardGroupDuration": policy.shard_group_duration,
            "shardGroups": groups,
            "subscriptions": [],
        }

    def run(self, target: Target, say: Callable[[str], None]) -> ReadBack:
        """Send all shards, and read them back.

        Args:
            target: the bucket that :meth:`make` made.
            say: takes a line for the user.

        Raises:
            VerificationError: something else is read back.
            SourceError: a file cannot be read.
            LoadError: another process has taken the bucket over.
            LoadInterruptedError: it was told to stop.
            ServerError: the server refuses, or did not answer in time.
        """
        telling = Telling(say, "shard groups sent", len(self.bucket.groups))
        for group in self.bucket.groups:
            for shard in group.shards:
                self._check(target)
                self._send(shard, target.bucket_id)
            telling.step()
        read, telling = ReadBack(), Telling(say, "shard groups read back", len(self.bucket.groups))
        for group in self.bucket.groups:
            self._check(target)
            read = self._compared(group, target.bucket_id, read)
            telling.step()
        return read

    def set_retention(self, bucket_id: str, seconds: int | None) -> int:
        """Let the bucket keep its points as long as it did, or as long as was asked for; returns the seconds."""
        policy = self.bucket.policy
        kept = policy.duration // SECOND if seconds is None else seconds
        shards = policy.shard_group_duration // SECOND
        rule = {
            "type": "expire",
            "everySeconds": kept,
            "shardGroupDurationSeconds": min(shards, kept) if kept else shards,
        }
        body = {"retentionRules": [rule]}
        self._server.patiently(lambda: self._server.call("PATCH", f"{catalogue.PATH}/{bucket_id}", body=body))
        return kept

    def warnings(self, read_back: ReadBack, retention_seconds: int) -> list[str]:
        """What the user is to know of a bucket that was restored."""
        found = []
        if read_back.uneven:
            found.append(
                f"{len(read_back.uneven)} of {read_back.unchecked} shard groups that could only be counted do not hold "
                f"as many values as were counted when they were backed up: {read_back.uneven[0]}"
            )
        revived = sum(self._record_of(shard).revives for shard in self._shards())
        if revived:
            found.append(
                f"{revived} shard group{'s' if revived > 1 else ''} hold deleted points again: the server had not "
                "removed them from its files when they were backed up"
            )
        oldest_kept = time.time_ns() - retention_seconds * SECOND
        late = sum(nanoseconds(group.stop) < oldest_kept for group in self.bucket.groups) if retention_seconds else 0
        if late:
            found.append(
                f"{late} of {len(self.bucket.groups)} shard groups are older than the bucket's retention of "
                f"{format_duration(retention_seconds)}: the server removes them within the hour; restore with "
                "--retention inf to keep them"
            )
        return found

    def _check(self, target: Target) -> None:
        check_stop(self._stop)
        if target.lost:
            raise LoadError(f"another process has taken the place of the bucket {target.target!r}")

    def _shards(self) -> list[ManifestShard]:
        return [shard for group in self.bucket.groups for shard in group.shards]

    def _record_of(self, shard: ManifestShard) -> ShardRecord:
        known = self._record.shards.get(shard.id) if self._record else None
        return known or ShardRecord(values=0, series=0, digest=None)

    def _send(self, shard: ManifestShard, bucket_id: str) -> None:
        lines = self._record_of(shard).lines
        path = self._folder / (lines or shard.file_name)
        try:
            if lines:
                self._write_lines(path, bucket_id)
            else:
                self._send_file(path, self._new_ids[shard.id], is_gzip=bool(shard.compression))
        except KeyError as error:
            raise LoadError(f"the server made no place for shard {shard.id} of {self.bucket.name!r}") from error

    def _send_file(self, path: Path, shard_id: int, *, is_gzip: bool) -> None:
        headers = {"Content-Type": "application/octet-stream"} | ({"Content-Encoding": "gzip"} if is_gzip else {})
        with opened(path) as file:
            self._wire.send(f"/api/v2/restore/shards/{shard_id}", file, path.stat().st_size, headers)

    def _write_lines(self, path: Path, bucket_id: str) -> None:
        named = {"org": self._server.connection.org, "bucket": bucket_id, "precision": "ns"}
        where = f"/api/v2/write?{urllib.parse.urlencode(named)}"
        headers = {"Content-Type": "text/plain; charset=utf-8", "Content-Encoding": "gzip"}
        with opened(path) as file:
            for part in gzip_parts(file):
                check_stop(self._stop)
                self._server.patiently(partial(self._wire.send, where, part, len(part), headers))

    def _compared(self, group: ManifestGroup, bucket_id: str, read: ReadBack) -> ReadBack:
        start, stop = window_of(group.start, group.stop)
        if (start, stop) in self._overflown_read:  # its twin's values are among those
            return replace(read, unchecked=read.unchecked + 1)
        found = digest_of_window(self._server, bucket_id, start, stop, stop=self._stop)
        records = [self._record_of(shard) for shard in group.shards]
        total = replace(read, values=read.values + found.values)
        where = f"between {as_text(start)} and {as_text(stop)}"
        is_overflown_too = any(first < stop and start < last for first, last in self._overflown)
        if not is_overflown_too and len(records) == 1 and records[0].digest is not None:
            if found.hex != records[0].digest:
                raise VerificationError(
                    f"{where} the restored bucket holds {found.values:,} values in {found.series:,} series, and not "
                    f"the {records[0].values:,} in {records[0].series:,} that were backed up, or others; nothing was "
                    "restored"
                )
            return total
        if not found.values and any(holds_data(self._folder / shard.file_name, shard) for shard in group.shards):
            raise VerificationError(
                f"{where} the restored bucket is empty, though the backup holds data: the server did not take them"
            )
        if is_overflown_too:
            self._overflown_read.add((start, stop))
            return replace(total, unchecked=total.unchecked + 1)
        counted = sum(each.values for each in records)
        # Where deleted points are back there are more, which is told of by itself.
        if self._record is not None and found.values != counted and not any(each.revives for each in records):
            here = f"{where} there are {found.values:,}, and were {counted:,}"
            total = replace(total, uneven=(*total.uneven, here))
        return replace(total, unchecked=total.unchecked + 1)
