"""The bucket that a load fills, from its first write to its last.

Goes in: the target's name and the user's choices. Comes out: :class:`Target`, whose `bucket_id` is
written to, and which is committed or aborted in the end.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

from importer.bucket import catalogue
from importer.bucket.catalogue import Bucket
from importer.bucket.followers import warnings_for_replacement
from importer.bucket.holding import HeldBucket, is_alive, this_process
from importer.bucket.mark import Mark
from importer.bucket.names import check_target
from importer.bucket.policy import IfExists, check_replaceable
from importer.bucket.repair import repair
from importer.bucket.settings import BucketSettings, settings_for_load
from importer.bucket.shards import format_duration
from importer.bucket.staging import in_progress, take_place
from importer.bucket.swap import Checkpoint, patiently, swap
from importer.errors import ConfigurationError, LoadError, ServerError
from importer.server.connection import Server

__all__ = ["Target", "prepare"]

Say = Callable[[str], None]


def prepare(
    server: Server,
    target: str,
    load_id: str,
    *,
    if_exists: IfExists = "auto",
    retention_seconds: int | None = None,
    shard_duration_seconds: int | None = None,
    fitting_shard_duration_seconds: int | None = None,
    keep_old: bool = False,
    say: Say,
) -> Target:
    """Make ready the bucket that a load writes to, and keep other loads from its target.

    Interrupted swaps of the target are repaired first. A staging bucket that this same load left behind
    is gone on with.

    Args:
        server: the connection.
        target: name of the bucket that the load is to fill.
        load_id: the load's own id.
        if_exists: what to do about a bucket of that name.
        retention_seconds: as the user gave it, 0 for ever; None carries the old bucket's over.
        shard_duration_seconds: as the user gave it; None carries the old bucket's over.
        fitting_shard_duration_seconds: for a bucket that replaces none, where the user gave none.
        keep_old: keep the replaced bucket under another name.
        say: takes a line for the user.

    Raises:
        ConfigurationError: a name or a duration that cannot be.
        BucketExistsError: the bucket may not be replaced.
        LoadInProgressError: another load of this target is alive.
        ServerError: the server refused or did not answer.
    """
    check_target(target)
    repair(server, target, say=say)
    live = catalogue.find(server, target)
    appends = if_exists == "append" and live is not None
    settings = settings_for_load(
        live.settings if live else None,
        retention_seconds=retention_seconds,
        shard_duration_seconds=None if appends else shard_duration_seconds,
        fitting_shard_duration_seconds=fitting_shard_duration_seconds,
    )
    if appends and live and settings.retention_seconds != live.settings.retention_seconds:
        raise ConfigurationError(
            f"an appending load cannot change the retention of {target!r}, "
            f"which is {format_duration(live.settings.retention_seconds)}"
        )
    mark = Mark(
        role="lock" if appends else "staging",
        load_id=load_id,
        target=target,
        phase="loading",
        since=datetime.now(UTC).isoformat(timespec="seconds"),
        owner=this_process(),
    )
    own_settings = BucketSettings() if appends else replace(settings, text="", label_ids=())
    held, resumed = take_place(server, mark, own_settings, say=say)
    # Where there was nothing to append to, a bucket that appears meanwhile is none to replace.
    rule: IfExists = "fail" if if_exists == "append" and not appends else if_exists
    try:
        return _with_place(server, held, target, if_exists=rule, keep_old=keep_old, resumed=resumed)
    except BaseException:
        with suppress(ServerError):
            _leave_place(server, held, keep=resumed)
        raise


def _with_place(
    server: Server, held: HeldBucket, target: str, *, if_exists: IfExists, keep_old: bool, resumed: bool
) -> Target:
    # Read again: until the place was taken, another load could still end.
    live = catalogue.find(server, target)
    if live and live.mark and live.mark.phase == "finishing" and is_alive(live):
        raise in_progress(live, live.mark)
    check_replaceable(server, live, if_exists)
    if held.mark.role == "lock":
        if live is None:
            raise ConfigurationError(f"the bucket {target!r}, which was to be appended to, has just gone")
        catalogue.update(server, live.id, live.settings.text, None)
        written = live
    else:
        staging = catalogue.get(server, held.id)
        if staging is None:
            raise LoadError(f"the staging bucket of {target!r} has just been removed")
        written = staging
    return Target(
        server,
        held,
        written,
        replaces=live is not None,
        resumed=resumed,
        if_exists=if_exists,
        keep_old=keep_old,
    )


class Target:
    """A bucket that is being filled.

    Attributes:
        bucket_id: the bucket to write to.
        bucket_name: its name at this time; queries should go by the id.
        target: the name under which the data will be found.
        appends: whether `bucket_id` is the live bucket itself.
        replaces: whether there is a bucket under the target's name.
        resumed: whether a staging bucket that this load left behind is gone on with.
        retention_seconds: in force, as the server says; 0 for ever.
        shard_duration_seconds: in force, as the server says.
    """

    def __init__(
        self,
        server: Server,
        held: HeldBucket,
        written: Bucket,
        *,
        replaces: bool,
        resumed: bool,
        if_exists: IfExists,
        keep_old: bool,
    ) -> None:
        self.bucket_id = written.id
        self.bucket_name = written.name
        self.target = held.mark.target
        self.appends = held.mark.role == "lock"
        self.replaces = replaces
        self.resumed = resumed
        self.retention_seconds = written.settings.retention_seconds
        self.shard_duration_seconds = written.settings.shard_duration_seconds or 0
        self._server = server
        self._held = held
        self._if_exists = if_exists
        self._keep_old = keep_old

    @property
    def lost(self) -> bool:
        """Whether another process has taken the target over: the load must stop."""
        return self._held.lost.is_set()

    def commit(self, points: int, values: int, *, checkpoint: Checkpoint = lambda _step: None) -> list[str]:
        """Put the loaded and verified data under the target's name.

        Args:
            points: distinct points (measurement, tags, time) that the load stored.
            values: field values that it stored.
            checkpoint: called with each step's name once it is done.

        Returns:
            Warnings for the report.

        Raises:
            BucketExistsError: the old bucket was changed while the load ran; it is as it was.
            LoadError: the target was lost to another process or bucket.
            ServerError: the server refused a step, or was silent for a minute.
        """
        patiently(self._held.check)
        if self.appends:
            _leave_place(self._server, self._held, keep=False)
            return [f"the load wrote into the bucket {self.target!r} itself; this cannot be undone"]
        old = patiently(lambda: catalogue.find(self._server, self.target))
        patiently(lambda: check_replaceable(self._server, old, self._if_exists))
        warnings = patiently(lambda: warnings_for_replacement(self._server, old.id)) if old else []
        warnings += swap(
            self._server,
            self._held,
            old,
            points=points,
            values=values,
            keep_old=self._keep_old,
            checkpoint=checkpoint,
        )
        self._held.stop()
        return warnings

    def abort(self, *, say: Say = lambda _line: None) -> None:
        """End a load that failed: the bucket under the target's name stays, what was staged is removed.

        After a commit that failed halfway, when the staged data may be all that is left, the swap is
        completed or taken back instead. Of an appending load only the lock is removed.

        Args:
            say: takes a line for the user if a swap was completed or taken back.

        Raises:
            ServerError: the server refused or did not answer; the next load tidies up.
        """
        if self._held.mark.phase == "loading":
            _leave_place(self._server, self._held, keep=False)
            return
        self._held.stop()
        repair(self._server, self.target, say=say)

    def release(self) -> None:
        """End the load's work but leave what it staged, so that the same load can be gone on with."""
        _leave_place(self._server, self._held, keep=not self.appends)


def _leave_place(server: Server, held: HeldBucket, *, keep: bool) -> None:
    try:
        if held.lost.is_set():
            return
        if keep:
            held.describe(replace(held.mark, owner=None))
        else:
            catalogue.delete(server, held.id)
    finally:
        held.stop()
