"""Going on with a load that an earlier run left unfinished.

Goes in: the state folder, the server, and the plan of the load that is asked for. Comes out: :class:`Unfinished`, whose
accounts :func:`restore` brings back, so that the flow goes on as if it had never stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from importer.bucket import Target, repair, take_up
from importer.bucket.catalogue import find
from importer.bucket.names import staging_name
from importer.bucket.staging import in_progress
from importer.encoding.series import SeriesIndex
from importer.errors import LoadInProgressError, ResumeRefusedError
from importer.first_look import Mapper
from importer.journal import (
    JOURNAL,
    Journal,
    LoadFolder,
    Log,
    Past,
    Plan,
    difference,
    is_begun,
    load_folders,
    mapping_sha256,
    settings_of,
    source_print,
    write,
)
from importer.ledger.ledger import Ledger
from importer.ledger.spool import Spool
from importer.options import LoadOptions
from importer.server.connection import Server
from importer.source.open import Source

__all__ = [
    "Accounts",
    "Unfinished",
    "begin_accounts",
    "find_unfinished",
    "hold_dead_loads",
    "plan_of",
    "restore",
]

Say = Callable[[str], None]


@dataclass(slots=True)
class Accounts:
    """Where the accounts of a load are kept while it runs.

    Attributes:
        folder: its folder, held by this process.
        log: its journal, open.
        plan: what it was begun with.
        past: what an earlier run left; None in the first one.
        journal: writes the journal; None until the flow begins.
    """

    folder: LoadFolder
    log: Log
    plan: Plan
    past: Past | None = None
    journal: Journal | None = None

    @property
    def has_something(self) -> bool:
        """Whether a block was acknowledged that need not be sent again."""
        if self.journal is not None:
            return self.journal.blocks > 0
        return self.past is not None and bool(self.past.blocks)


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A load to go on with.

    Attributes:
        accounts: of the earlier run.
        target: its bucket; None where there is none.
        is_done: all was done but the last steps of the swap, which are done now. Otherwise, without a target, it is to
            be made anew: in bulk, what was taken is on this machine, and what was sent can be sent again.
    """

    accounts: Accounts
    target: Target | None
    is_done: bool = False


def begin_accounts(state_dir: Path, plan: Plan, stack: ExitStack) -> Accounts:
    """Make the folder of a new load, and begin its journal.

    Args:
        state_dir: where.
        plan: what the load is.
        stack: removes the folder at the end, unless it is to stay.

    Raises:
        SpoolError: it cannot be written.
    """
    folder = stack.enter_context(LoadFolder.create(state_dir, plan.load_id))
    log = stack.enter_context(Log.create(folder.journal))
    log.append(write(plan))
    return Accounts(folder, log, plan)


def plan_of(server: Server, options: LoadOptions, sources: Sequence[Source], mapper: Mapper, load_id: str) -> Plan:
    """What the load is that is asked for; its bucket is not known yet.

    Raises:
        SourceError: a source cannot be read.
        ServerError: the server refused or did not answer.
    """
    return Plan(
        load_id=load_id,
        org_id=server.patiently(lambda: server.org_id),
        target=options.bucket,
        bucket_id="",
        appends=False,
        was_empty=True,
        sources=tuple(map(source_print, sources)),
        mapping_sha256=mapping_sha256(mapper.description),
        settings=settings_of(options),
    )


def hold_dead_loads(server: Server, state_dir: Path, plan: Plan, stack: ExitStack) -> list[LoadFolder]:
    """The folders of the dead loads of a bucket, the youngest first; nobody else can go on with them from now on.

    Args:
        server: the connection.
        state_dir: where loads keep their journals.
        plan: the load that is asked for.
        stack: lets go of them at the end.

    Raises:
        LoadInProgressError: one of these loads is alive.
    """
    held = []
    for path in load_folders(state_dir):
        found = Past.plan_in(path / JOURNAL)
        if found is None:
            _remove_if_never_begun(path)
            continue
        if (found.org_id, found.target) != (plan.org_id, plan.target):
            continue
        folder = LoadFolder.hold(path)
        if folder is not None:
            held.append(stack.enter_context(folder))
        elif path.exists():
            staged = server.patiently(lambda: find(server, staging_name(plan.target)))
            if staged is not None and staged.mark is not None and staged.mark.load_id == found.load_id:
                raise in_progress(staged, staged.mark)
            raise LoadInProgressError(
                f"the bucket {plan.target!r} is being filled by the load {found.load_id}, which is alive on this "
                "machine; wait for its end"
            )
    return held


def _remove_if_never_begun(path: Path) -> None:
    """Remove what a load left that died before it had written its plan; none of its data can have been sent."""
    folder = LoadFolder.hold(path)
    if folder is not None:
        with folder:
            folder.stays = is_begun(folder.journal)


def find_unfinished(
    server: Server,
    state_dir: Path,
    folders: Sequence[LoadFolder],
    wanted: Plan,
    *,
    options: LoadOptions,
    stack: ExitStack,
    say: Say,
) -> Unfinished | None:
    """The unfinished load of the bucket, got hold of again; None if there is none.

    Args:
        server: the connection.
        state_dir: where loads keep their journals.
        folders: of the dead loads of the bucket, held.
        wanted: the load that is asked for.
        options: how to load; the method ``auto`` goes on by whichever way it was begun.
        stack: closes at the end what is opened here.
        say: takes a line for the user.

    Raises:
        ResumeRefusedError: it was begun with other sources, another mapping or other options, or by another version.
        BucketExistsError: the bucket of that name may not be replaced any more.
        ServerError: the server refused or did not answer.
    """
    for folder in folders:
        log = Log.reopen(folder.journal)
        if log is None:
            continue
        stack.callback(log.close)
        past = Past.read(log)
        if past is None:
            raise _unreadable(folder.path, wanted)
        reason = difference(past.plan, wanted, any_method=options.method == "auto")
        if reason is not None:
            raise ResumeRefusedError(
                f"the unfinished load {past.plan.load_id} of {wanted.target!r} cannot be resumed: {reason}; "
                "without --resume a new load starts, and what was loaded is removed"
            )
        target = take_up(
            server, wanted.target, past.plan.load_id, if_exists=options.if_exists, keep_old=options.keep_old
        )
        is_done = target is None and _is_done(server, past, say)
        if target is not None or is_done or (past.plan.method == "bulk" and past.completed is None):
            return Unfinished(Accounts(folder, log, past.plan, past), target, is_done)
        say(f"of the unfinished load {past.plan.load_id} of {wanted.target!r} nothing is left on the server")
        folder.stays = False
    staged = server.patiently(lambda: find(server, staging_name(wanted.target)))
    mark = staged.mark if staged is not None else None
    for path in load_folders(state_dir) if mark else ():
        if mark and path.name.endswith(mark.load_id) and is_begun(path / JOURNAL):
            raise _unreadable(path, wanted)
    return None


def _unreadable(path: Path, wanted: Plan) -> ResumeRefusedError:
    return ResumeRefusedError(
        f"the journal of the unfinished load of {wanted.target!r} in {str(path)!r} is of another version of the "
        "importer: resume with that one; without --resume a new load starts, and what was loaded is removed"
    )


def restore(accounts: Accounts, *, ledger: Ledger, spool: Spool, series: SeriesIndex, mapper: Mapper) -> None:
    """Bring back accounts, series and types; blocks whose accounts were lost are taken out of the past.

    Raises:
        SpoolError: a file cannot be written.
    """
    past = accounts.past
    if past is None:
        return
    series.restore(past.series)
    mapper.decide(past.types)
    lost = spool.restore(past.columns, {number: entry.spooled for number, entry in past.blocks.items()})
    for number in lost:
        past.lose(number)
    ledger.restore((past.blocks[number] for number in sorted(past.blocks)), past.rejects(accounts.log))


def _is_done(server: Server, past: Past, say: Say) -> bool:
    """Whether its data are in place, after its swap, if it broke off, was seen through."""
    if past.completed is None:
        return False
    repair(server, past.plan.target, say=say)
    live = server.patiently(lambda: find(server, past.plan.target))
    return live is not None and live.id == past.bucket_id
