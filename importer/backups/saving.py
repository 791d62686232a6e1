"""Back buckets up: :func:`backup`, on which ``importer backup`` stands.

Goes in: names of buckets and a folder. Comes out: the folder, whole or not at all (it is written beside its place and
renamed), in the layout of the influx command, with digests of all data in a file of the importer's.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from importer.api import connect
from importer.backups.keeping import prune
from importer.backups.layout import MANIFEST_VERSION, SIDECAR, BucketRecord, FileRecord, Sidecar
from importer.backups.multipart import boundary_of, parts_of
from importer.backups.records import Backup, BucketBackup
from importer.backups.shards import ShardSaver
from importer.backups.telling import Telling
from importer.backups.values import Digest
from importer.backups.writing import Draft
from importer.bucket import mark as marks
from importer.errors import ConfigurationError, NotFoundError, SpoolError, TransientServerError
from importer.mapping.header import nearest
from importer.server.connection import Connection, Server
from importer.server.wire import Wire, check_stop, connected

__all__ = ["backup"]

log = logging.getLogger(__name__)

STAMP = "%Y%m%dT%H%M%SZ"


def backup(
    bucket: str | Sequence[str] | None = None,
    *,
    to: str | Path,
    keep: int | None = None,
    metadata: bool = False,
    connection: Connection | None = None,
    wait_seconds: float = 10.0,
    stop: threading.Event | None = None,
    say: Callable[[str], None] = log.info,
) -> Backup:
    """Copy buckets out of the server into a new folder, from which they can be restored.

    Each shard's storage files are copied, and what they hold is read for a digest, which a restore
    compares. A shard that is written to meanwhile is copied anew, up to three times; where that does not help, its
    copy is whole all the same, but a restore can only count it, and the result says so.

    Args:
        bucket: names; None takes all buckets of the organisation but the server's own (``_monitoring``) and those of
            unfinished loads.
        to: the folder; it must not be there yet, or be empty. With `keep`, the folder of all backups.
        keep: make the backup in a folder of its own in `to`, named after the time, and then remove the oldest
            backups there, so that this many stay.
        metadata: save the server's users, tokens, dashboards and tasks, too. Whoever has the folder has the tokens.
        connection: which server; None finds it as :func:`importer.load` does. The token must be an operator's.
        wait_seconds: how long an absent server is waited for.
        stop: when set from another thread, the backup ends, and leaves nothing.
        say: takes a line for the user.

    Raises:
        ConfigurationError: the folder is there already or cannot be made, or no server is named.
        NotFoundError: there is no such bucket.
        AuthorizationError: the token is no operator's.
        SpoolError: the disk is full.
        LoadInterruptedError: it was told to stop.
        ServerError: the server refuses, or did not answer in time.
    """
    if keep is not None and keep < 1:
        raise ConfigurationError(f"keep is {keep}: at least the new backup is kept, so it is 1 or more")
    names = [bucket] if isinstance(bucket, str) else list(bucket or ())
    stopping, place = stop or threading.Event(), Path(to)
    began = datetime.now(UTC) if keep is None else _free_second(place, stopping)
    folder = place / began.strftime(STAMP) if keep is not None else place
    where = connection or connect()
    with connected(where, wait_seconds, stopping) as (server, wire), _draft(folder) as draft:
        base = began.strftime(STAMP)
        manifest: dict[str, Any] = {"manifestVersion": MANIFEST_VERSION, "kv": _entry("", 0, 0)}
        described = server.patiently(lambda: _metadata(wire, draft, base, manifest if metadata else None))
        saver = ShardSaver(server, wire, draft, base, stopping)
        chosen = _chosen(described, server, names)
        manifest["buckets"], records, made = [], [], []
        for number, raw in enumerate(chosen, 1):
            say(f"bucket {raw['bucketName']!r} ({number} of {len(chosen)})")
            entry, record = _save_bucket(saver, raw, say)
            manifest["buckets"].append(entry)
            records.append(record)
            made.append(_summary(entry, record, draft.files))
        draft.text(f"{base}.manifest", json.dumps(manifest, indent=2))
        sidecar = Sidecar(
            created=began.isoformat(timespec="seconds"),
            server=f"{where.url} {server.patiently(server.health)}",
            org=where.org,
            files=draft.files,
            buckets=records,
        )
        draft.text(SIDECAR, sidecar.model_dump_json(indent=1))
        size = sum(file.size for file in draft.files.values())
        check_stop(stopping)
    return Backup(folder, made, size, prune(place, keep) if keep is not None else [])


def _free_second(place: Path, stopping: threading.Event) -> datetime:
    """Now, or the next second if a backup is named after this one."""
    began = datetime.now(UTC)
    while (place / began.strftime(STAMP)).exists():
        stopping.wait(1 - began.microsecond / 1_000_000)
        check_stop(stopping)
        began = datetime.now(UTC)
    return began


@contextmanager
def _draft(folder: Path) -> Iterator[Draft]:
    """A folder beside the place of the backup, which gets its name at the end; else it goes."""
    made = None
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise ConfigurationError(
                f"{str(folder)!r} is there already, and a backup is not mixed with other files: name a new folder, or "
                "say --keep to have each backup in a folder of its own in it"
            )
        folder.absolute().parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f".{folder.name}.partial-", dir=folder.absolute().parent))
    except OSError as error:
        raise ConfigurationError(f"cannot make the folder {str(folder)!r}: {error.strerror}") from error
    try:
        yield Draft(made)
        made.replace(folder.absolute())  # an empty folder of that name may be there
        _to_disk(folder.absolute().parent)
    except OSError as error:
        raise SpoolError(f"cannot write the backup to {str(folder)!r}: {error.strerror}") from error
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _to_disk(folder: Path) -> None:
    """So that the new name survives a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _metadata(wire: Wire, draft: Draft, base: str, manifest: dict[str, Any] | None) -> list[dict[str, Any]]:
    """The server's description of all buckets; with a manifest, its other metadata go into files that it names."""
    with wire.answer("/api/v2/backup/metadata") as answer:
        boundary = boundary_of(answer.content_type)
        if boundary is None:
            raise TransientServerError("the server's answer is none of a backup")
        described: list[dict[str, Any]] = []
        for part, pieces in parts_of(answer.pieces(), boundary):
            if part == "buckets":
                described = json.loads(b"".join(pieces))
                continue
            if manifest is None or part not in {"kv", "sql"}:
                for _ in pieces:
                    pass
                continue
            name = f"{base}.{'bolt' if part == 'kv' else 'sqlite'}.gz"
            with draft.compressed(name) as file:
                for piece in pieces:
                    file.write(piece)
            manifest[part] = _entry(name, draft.files[name].size, 1)
    return described


def _entry(name: str, size: int, compression: int) -> dict[str, Any]:
    return {"fileName": name, "size": size, "compression": compression}


def _chosen(described: list[dict[str, Any]], server: Server, names: list[str]) -> list[dict[str, Any]]:
    """The buckets of these names, or all that users have; in the order of their names."""
    org_id = server.patiently(lambda: server.org_id)
    own = {raw["bucketName"]: raw for raw in described if raw["organizationID"] == org_id}
    for name in names:
        if name not in own:
            close = nearest(name, own)
            of_users = sorted(each for each, raw in own.items() if _is_a_users(each, raw))
            hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(of_users) or 'none'}"
            raise NotFoundError(f"there is no bucket {name!r} in {server.connection.org!r}; {hint}", status=404)
    wanted = names or [name for name, raw in own.items() if _is_a_users(name, raw)]
    return [own[name] for name in sorted(dict.fromkeys(wanted))]


def _is_a_users(name: str, raw: dict[str, Any]) -> bool:
    mark = marks.read(raw.get("description"))[1]
    return not name.startswith("_") and (mark is None or mark.role == "live")


def _save_bucket(
    saver: ShardSaver, raw: dict[str, Any], say: Callable[[str], None]
) -> tuple[dict[str, Any], BucketRecord]:
    """The bucket's entry in the manifest, as the influx command would write it, and what it held."""
    records = {}
    groups = sum(len(policy["shardGroups"] or ()) for policy in raw["retentionPolicies"])
    telling = Telling(say, "shard groups saved", groups)
    for policy in raw["retentionPolicies"]:
        for group in policy["shardGroups"] or ():
            kept = []
            for shard in group["shards"]:
                saved = saver.save(raw["bucketID"], shard["id"], group) if not group.get("deletedAt") else None
                if saved is not None:
                    kept.append(shard | _entry(saved.file, saved.size, 1))
                    records[shard["id"]] = saved.record
            group["shards"] = kept
            telling.step()
    return raw, BucketRecord(name=raw["bucketName"], id=raw["bucketID"], shards=records)


def _summary(entry: dict[str, Any], record: BucketRecord, files: dict[str, FileRecord]) -> BucketBackup:
    shards = record.shards.values()
    groups = [group for policy in entry["retentionPolicies"] for group in policy["shardGroups"] or ()]
    names = [shard["fileName"] for group in groups for shard in group["shards"]]
    names += [shard.lines for shard in shards if shard.lines]
    digests = [Digest(shard.values, shard.series, int(shard.digest, 16)) for shard in shards if shard.digest]
    return BucketBackup(
        bucket=record.name,
        bucket_id=record.id,
        shard_groups=len(record.shards),
        values=sum(shard.values for shard in shards),
        size_bytes=sum(files[name].size for name in names),
        digest=sum(digests, Digest()).hex if len(digests) == len(record.shards) else None,
        unchecked=sum(shard.digest is None for shard in shards),
        revived=sum(shard.revives for shard in shards),
        unseen=sum(shard.unseen and not shard.revives for shard in shards),
    )
