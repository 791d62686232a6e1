"""The bucket that a load fills, from its first write to its last.

Goes in: the target's name and the user's choices. Comes out: :class:`Target`, whose `bucket_id` is
written to, and which is committed or aborted in the end.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

from importer.bucket import catalogue
from importer.bucket.catalogue import Bucket, Make
from importer.bucket.followers import warnings_for_replacement
from importer.bucket.holding import HeldBucket, is_alive, this_process
from importer.bucket.mark import Mark
from importer.bucket.names import check_target
from importer.bucket.policy import check_replaceable
from importer.bucket.repair import repair
from importer.bucket.settings import BucketSettings, settings_for_load
from importer.bucket.shards import format_duration
from importer.bucket.staging import claim_place, in_progress, take_place
from importer.bucket.swap import Checkpoint, swap
from importer.choices import IfExists
from importer.errors import ConfigurationError, LoadError, ServerError
from importer.server.connection import Server

__all__ = ["Target", "prepare", "take_up"]

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
    dead: Collection[str] = (),
    make: Make = catalogue.create,
    say: Say,
) -> Target:
    """Make ready the bucket that a load writes to, and keep other loads from its target.

    Interrupted swaps of the target are repaired first. A server that is away is waited for as long as its
    patience (:attr:`Server.patience`) says.

    Args:
        server: the connection.
        target: name of the bucket that the load is to fill.
        load_id: the load's own id.
        if_exists: what to do about a bucket of that name.
        retention_seconds: as the user gave it, 0 for ever; None carries the old bucket's over.
        shard_duration_seconds: as the user gave it; None carries the old bucket's over.
        fitting_shard_duration_seconds: for a bucket that replaces none, or one whose own was fitted, where the user
            gave none.
        keep_old: keep the replaced bucket under another name.
        dead: loads that are known to be dead, however short ago they showed life.
        make: makes the staging bucket.
        say: takes a line for the user.

    Raises:
        ConfigurationError: a name or a duration that cannot be.
        BucketExistsError: the bucket may not be replaced.
        LoadInProgressError: another load of this target is alive.
        ServerError: the server refused or did not answer.
    """
    check_target(target)
    repair(server, target, say=say)
    live = server.patiently(lambda: catalogue.find(server, target))
    appends = if_exists == "append" and live is not None
    settings = settings_for_load(
        live.settings if live else None,
        retention_seconds=retention_seconds,
        refits=live is not None and live.has_fitted_groups and not appends,
        shard_duration_seconds=None if appends else shard_duration_seconds,
        fitting_shard_duration_seconds=fitting_shard_duration_seconds,
    )
    is_fitted = shard_duration_seconds is None and (live is None or live.has_fitted_groups)
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
        fitted_seconds=settings.shard_duration_seconds if is_fitted and not appends else None,
    )
    own_settings = BucketSettings() if appends else replace(settings, text="", label_ids=())
    # Where there was nothing to append to, a bucket that appears meanwhile is none to replace.
    rule: IfExists = "fail" if if_exists == "append" and not appends else if_exists
    held = take_place(
        server,
        mark,
        own_settings,
        say=say,
        dead=dead,
        make=make,
        before_removal=lambda: check_replaceable(server, live, rule),
    )
    try:
        return _with_place(server, held, target, if_exists=rule, keep_old=keep_old)
    except BaseException:
        with suppress(ServerError):
            _leave_place(server, held)
        raise


def _with_place(server: Server, held: HeldBucket, target: str, *, if_exists: IfExists, keep_old: bool) -> Target:
    # Read again: until the place was taken, another load could still end.
    live = server.patiently(lambda: catalogue.find(server, target))
    if live and live.mark and live.mark.phase == "finishing" and is_alive(live):
        raise in_progress(live, live.mark)
    check_replaceable(server, live, if_exists)
    if held.mark.role == "lock":
        if live is None:
            raise ConfigurationError(f"the bucket {target!r}, which was to be appended to, has just gone")
        unmark = functools.partial(catalogue.update, server, live.id, live.settings.text, None)
        server.patiently(unmark)
        written = live
    else:
        staging = server.patiently(lambda: catalogue.get(server, held.id))
        if staging is None:
            raise LoadError(f"the staging bucket of {target!r} has just been removed")
        written = staging
    return Target(server, held, written, replaces=live is not None, if_exists=if_exists, keep_old=keep_old)


def take_up(
    server: Server, target: str, load_id: str, *, if_exists: IfExists = "auto", keep_old: bool = False
) -> Target | None:
    """Get hold of the bucket of a dead load, to go on with it; nothing that it wrote is touched.

    Args:
        server: the connection.
        target: name of the bucket that the load fills.
        load_id: the load; its caller knows that it is dead.
        if_exists: as it was begun with.
        keep_old: keep the replaced bucket under another name.

    Returns:
        None if there is nothing to go on with: its bucket is gone, or in place already, or about to be.

    Raises:
        BucketExistsError: the bucket of that name may not be replaced any more.
        ServerError: the server refused or did not answer.
    """
    held = claim_place(server, target, load_id)
    if held is None:
        return None
    rule: IfExists = "fail" if if_exists == "append" and held.mark.role != "lock" else if_exists
    try:
        return _with_place(server, held, target, if_exists=rule, keep_old=keep_old)
    except BaseException:
        with suppress(ServerError, LoadError):
            _release(held)
        raise


class Target:
    """A bucket that is being filled.

    Attributes:
        bucket_id: the bucket to write to.
        target: the name under which the data will be found.
        appends: whether `bucket_id` is the live bucket itself.
        replaces: whether there is a bucket under the target's name.
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
        if_exists: IfExists,
        keep_old: bool,
    ) -> None:
        self.bucket_id = written.id
        self.target = held.mark.target
        self.appends = held.mark.role == "lock"
        self.replaces = replaces
        self.retention_seconds = written.settings.retention_seconds
        self.shard_duration_seconds = written.settings.shard_duration_seconds or 0
        self._server = server
        self._held = held
        self._if_exists = if_exists
        self._keep_old = keep_old
        self._appended = False

    @property
    def lost(self) -> bool:
        """Whether another process has taken the target over: the load must stop."""
        return self._held.lost.is_set()

    @property
    def is_loading(self) -> bool:
        """Whether the data are still being loaded, and not about to be put in place."""
        return self._held.mark.phase == "loading"

    def remake(self, make: Make) -> None:
        """Make the staging bucket in another way; whatever is in it goes. Its place stays the load's.

        Args:
            make: makes it.

        Raises:
            ConfigurationError: it is the live bucket that is written to.
            LoadInProgressError: just then, another load has taken its place.
            LoadError: another process had taken it over before.
            ServerError: the server refused or did not answer.
        """
        if self.appends:
            raise ConfigurationError(
                f"the bucket {self.target!r}, which has just been made by others, can only be appended to as lines: "
                "leave out --method bulk"
            )
        server, held = self._server, self._held
        server.patiently(held.check)
        held.stop()
        settings = BucketSettings(
            retention_seconds=self.retention_seconds, shard_duration_seconds=self.shard_duration_seconds
        )
        self._held = take_place(server, held.mark, settings, say=_silent, dead={held.mark.load_id}, make=make)
        self.bucket_id = self._held.id

    def release(self) -> None:
        """End this run, but not the load: what was loaded stays, for another run to go on with.

        Raises:
            LoadError: another process has taken the target over.
            ServerError: the server refused or did not answer; the load can be gone on with all the same.
        """
        _release(self._held)

    def commit(self, points: int | None, values: int, *, checkpoint: Checkpoint = lambda _step: None) -> list[str]:
        """Put the loaded and verified data under the target's name.

        Args:
            points: distinct points (measurement, tags, time) that the load stored; None if they were not counted.
            values: field values that it stored.
            checkpoint: called with each step's name once it is done.

        Returns:
            Warnings for the report.

        Raises:
            BucketExistsError: the old bucket was changed while the load ran; it is as it was.
            LoadError: the target was lost to another process or bucket.
            ServerError: the server refused a step, or was away for longer than its patience.
        """
        server, held = self._server, self._held
        server.patiently(held.check)
        if self.appends:
            self._appended = True
            server.patiently(lambda: _leave_place(server, held))
            return [f"the load wrote into the bucket {self.target!r} itself; this cannot be undone"]
        old = server.patiently(lambda: catalogue.find(server, self.target))
        check_replaceable(server, old, self._if_exists)
        warnings = server.patiently(lambda: warnings_for_replacement(server, old.id)) if old else []
        warnings += swap(
            server,
            held,
            old,
            points=points,
            values=values,
            keep_old=self._keep_old,
            unasked=self._if_exists == "auto",
            checkpoint=checkpoint,
        )
        held.stop()
        return warnings

    def abort(self, *, say: Say = lambda _line: None) -> bool:
        """End a load that failed: the bucket under the target's name stays, what was staged is removed.

        After a commit that failed halfway, when the staged data may be all that is left, the swap is
        completed or taken back instead. Of an appending load only the lock is removed.

        Args:
            say: takes a line for the user if a swap was completed or taken back.

        Returns:
            Whether this load's complete data are now under the target's name: after a commit that came so far
            that it was completed here (or in an appending load only failed to remove its lock). Then the load
            did what it was asked for, whatever the error was. False: the bucket under that name, if there is
            one, is another one (in an appending load: may hold a part of the data).

        Raises:
            ServerError: the server refused or did not answer, so that it is not known which bucket is under
                the target's name; the next load tidies up. Only an interrupted swap is waited for with the
                server's patience, whose `pause` may raise too.
        """
        server, held = self._server, self._held
        if held.mark.phase == "loading":
            _leave_place(server, held)
            return self._appended
        held.stop()
        repair(server, self.target, say=say)
        staged = server.patiently(lambda: catalogue.get(server, held.id))
        if staged is not None and staged.mark is not None and staged.mark.phase == "loading":
            server.patiently(lambda: catalogue.delete(server, held.id))
        in_place = server.patiently(lambda: catalogue.find(server, self.target))
        return in_place is not None and in_place.id == held.id


def _silent(_line: str) -> None: ...


def _release(held: HeldBucket) -> None:
    try:
        held.describe(replace(held.mark, owner=None))
    finally:
        held.stop()


def _leave_place(server: Server, held: HeldBucket) -> None:
    try:
        if not held.lost.is_set():
            catalogue.delete(server, held.id)
    finally:
        held.stop()
