"""Restore buckets from a backup: :func:`restore`, on which ``importer restore`` stands.

Goes in: a backup's folder, and which bucket under which name. Comes out: the bucket under that name, read back and
compared with the digests that the backup holds; or nothing at all. A bucket is restored under a staging name, as a load
does it (:mod:`importer.bucket`), because the server answers that a shard is restored even where it is not.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal

from importer.api import connect
from importer.backups.checking import check_files
from importer.backups.layout import BucketRecord, ManifestBucket, Sidecar, read_manifest, read_sidecar
from importer.backups.records import RestoredBucket
from importer.backups.upload import Upload
from importer.bucket import catalogue, prepare
from importer.bucket import mark as marks
from importer.bucket.names import check_target
from importer.bucket.settings import settings_for_load
from importer.errors import (
    BucketExistsError,
    ConfigurationError,
    ImporterError,
    LoadInterruptedError,
    ServerError,
)
from importer.mapping.header import nearest
from importer.server.connection import Connection, Server
from importer.server.wire import connected

__all__ = ["check_names", "restore"]

log = logging.getLogger(__name__)


def restore(
    folder: str | Path,
    bucket: str | None = None,
    *,
    as_name: str | None = None,
    if_exists: Literal["fail", "replace"] = "fail",
    retention_seconds: int | None = None,
    connection: Connection | None = None,
    wait_seconds: float = 10.0,
    stop: threading.Event | None = None,
    say: Callable[[str], None] = log.info,
) -> list[RestoredBucket]:
    """Restore buckets from a folder that :func:`importer.backup` or the influx command made.

    Before the first of them is begun, all files are compared with their checksums, and all names are looked at. Each
    bucket is restored under a staging name, read back and compared, and only then gets its own: whatever goes wrong,
    nothing half restored stands under it. Without a bucket's name all of the folder are restored but the server's own.

    Args:
        folder: of the backup.
        bucket: the name that it had; None restores all.
        as_name: the name that it gets; None leaves it. For one bucket only.
        if_exists: what becomes of a bucket of that name: ``replace`` deletes it once the restored one is in place.
        retention_seconds: how long points are kept, 0 for ever; None takes what was backed up.
        connection: which server; None finds it as :func:`importer.load` does. The token must be an operator's.
        wait_seconds: how long an absent server is waited for.
        stop: when set from another thread, the restore ends; the bucket that it is about is as it was.
        say: takes a line for the user.

    Returns:
        what was restored, by name.

    Raises:
        SourceError: the folder is no backup, or a file of it is missing or damaged.
        ConfigurationError: there is no such bucket in it, or a name cannot be.
        BucketExistsError: there is a bucket of that name.
        AuthorizationError: the token is no operator's.
        VerificationError: what was read back is not what was backed up; the bucket is as it was.
        LoadInterruptedError: it was told to stop.
        ServerError: the server refuses, or did not answer in time.
    """
    place, stopping = Path(folder), stop or threading.Event()
    check_names(place, bucket, as_name)
    manifest, sidecar = read_manifest(place), read_sidecar(place)
    where = connection or connect()
    chosen = _chosen(manifest.buckets, bucket, where.org, as_name, place)
    for each in chosen:
        check_target(as_name or each.name)
        settings_for_load(  # raises for what the server refuses
            None,
            retention_seconds=retention_seconds,
            shard_duration_seconds=None,
            fitting_shard_duration_seconds=None,
        )
        check_files(place, each, sidecar, stopping)
    # What makes and removes buckets has a connection that is not broken off: told to stop, it tidies up.
    with connected(where, wait_seconds, stopping) as (server, wire), Server(where, is_second=True) as own:
        own.patience = server.patience
        if if_exists == "fail":
            for each in chosen:
                _refuse_existing(server, as_name or each.name)
        done: list[RestoredBucket] = []
        for each in chosen:
            upload = Upload(server, wire, place, each, _record(sidecar, each), stopping)
            try:
                done.append(
                    _restored(
                        own,
                        upload,
                        as_name or each.name,
                        if_exists=if_exists,
                        retention_seconds=retention_seconds,
                        say=say,
                    )
                )
            except ImporterError:
                if done:
                    say(f"restored until then: {', '.join(repr(one.bucket) for one in done)}")
                raise
        return done


def check_names(folder: Path, bucket: str | None, as_name: str | None) -> None:
    """What is wrong with the folder or the names is told before a server is looked for, or started.

    Args:
        folder: of the backup.
        bucket: as in :func:`restore`.
        as_name: as there.

    Raises:
        SourceError: it is no folder of a backup, or the manifest is damaged.
        ConfigurationError: there is no such bucket in it, or the name cannot be.
    """
    if as_name is not None:
        check_target(as_name)
    _chosen(read_manifest(folder).buckets, bucket, "", as_name, folder)


def _chosen(
    buckets: list[ManifestBucket], name: str | None, org: str, as_name: str | None, folder: Path
) -> list[ManifestBucket]:
    own = {bucket.name: bucket for bucket in sorted(buckets, key=lambda each: each.org == org)}
    if name is not None:
        if name not in own:
            close = nearest(name, own)
            hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(sorted(own)) or 'none'}"
            raise ConfigurationError(f"there is no bucket {name!r} in {str(folder)!r}; {hint}")
        return [own[name]]
    chosen = [bucket for bucket in own.values() if not bucket.name.startswith("_")]
    if not chosen:
        raise ConfigurationError(f"there is no bucket in {str(folder)!r}")
    if as_name is not None and len(chosen) > 1:
        names = ", ".join(sorted(bucket.name for bucket in chosen))
        raise ConfigurationError(f"{as_name!r} can be the name of one bucket only: say which with --bucket ({names})")
    return sorted(chosen, key=lambda bucket: bucket.name)


def _record(sidecar: Sidecar | None, bucket: ManifestBucket) -> BucketRecord | None:
    return next((each for each in sidecar.buckets if each.id == bucket.id), None) if sidecar else None


def _refuse_existing(server: Server, name: str) -> None:
    if server.patiently(lambda: catalogue.find(server, name)) is not None:
        raise BucketExistsError(
            f"there is a bucket {name!r} already: say --as NAME to restore under another name, or "
            "--if-exists replace to have it deleted once the restored one is in its place"
        )


def _restored(
    server: Server,
    upload: Upload,
    name: str,
    *,
    if_exists: Literal["fail", "replace"],
    retention_seconds: int | None,
    say: Callable[[str], None],
) -> RestoredBucket:
    target = prepare(server, name, uuid.uuid4().hex[:12], if_exists=if_exists, make=upload.make, say=say)
    try:
        groups = len(upload.bucket.groups)
        say(f"bucket {upload.bucket.name!r} as {name!r}: {groups} shard group{'' if groups == 1 else 's'}")
        read_back = upload.run(target, say)
        retention = upload.set_retention(target.bucket_id, retention_seconds)
        text, mark = marks.read(upload.bucket.description)
        # Only a bucket that a load had filled, and that nobody has written to since, may a load replace unasked.
        is_a_loads = mark is not None and mark.role == "live" and mark.values == read_back.values
        points = mark.points if mark is not None and is_a_loads else None
        warnings = target.commit(points, read_back.values)
    except BaseException as error:
        try:
            target.abort(say=say)
        except (ServerError, LoadInterruptedError) as failure:
            left = f"what was begun could not be removed ({failure}): importer clean lists it, --remove removes it"
            error.args = (f"{error}; {left}",)
        raise
    try:
        described = server.patiently(lambda: catalogue.get(server, target.bucket_id))
        made = described.mark if described and is_a_loads else None
        # Whether its shard groups were fitted is told by the backup, not by the bucket that was replaced.
        live = replace(made, fitted_seconds=mark.fitted_seconds) if made and mark else None
        server.patiently(lambda: catalogue.update(server, target.bucket_id, text, live))
    except ServerError as error:  # it is in its place by now
        warnings = [*warnings, f"the bucket's description could not be set: {error}"]
    unchecked = read_back.unchecked
    return RestoredBucket(
        bucket=name,
        bucket_id=target.bucket_id,
        backed_up_as=upload.bucket.name,
        status="unverified" if unchecked else "verified",
        shard_groups=len(upload.bucket.groups),
        values=read_back.values,
        unchecked=unchecked,
        warnings=[*warnings, *upload.warnings(read_back, retention)],
    )
