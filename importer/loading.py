"""One load, from its options to its report.

:meth:`Load.run` is the whole of it: make a staging bucket ready, or get hold of that of an unfinished load; have it
filled, verified and put in its place (:mod:`importer.filling`); and end well where that breaks off.
"""

from __future__ import annotations

import logging
import secrets
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from importer.bucket import Target, repair
from importer.bulk.choosing import chosen_method
from importer.draining import broken_off_after_stop
from importer.ending import is_in_place_after
from importer.errors import (
    AuthorizationError,
    ConfigurationError,
    ImporterError,
    LoadInterruptedError,
    ResumeRefusedError,
    ServerUnreachableError,
    SpoolError,
    TransientServerError,
)
from importer.filling import Filling
from importer.first_look import FirstLook, Mapper
from importer.journal import LoadFolder, Plan
from importer.ledger.closing import Closing
from importer.ledger.report import Report, Status
from importer.ledger.report_file import write_report
from importer.options import LoadOptions, default_state_dir
from importer.preparing import check_files, pin_types, prepare_target
from importer.progress import Progress, Silent
from importer.resuming import Accounts, Unfinished, begin_accounts, find_unfinished, hold_dead_loads, plan_of
from importer.running import Running
from importer.server.connection import Connection, Patience, Server
from importer.server.retry import RetryPolicy
from importer.sink.pacing import MOST_WRITERS
from importer.source.reader import Reader

__all__ = ["Load"]

log = logging.getLogger(__name__)

NOT_IN_BULK: dict[str, Any] = {"build_processes": 1, "cluster": None}


class Load:
    """A load that is set up and can be run once.

    Args:
        reader: the sources, headers checked.
        mapper: maps tables to points.
        options: how to load.
        connection: which server; None in a dry run.
        progress: listens.
        stop: when set from outside, the load ends cleanly.
        stdout: gets the lines of a dry run.
        inferred_span_seconds: of all points, where the mapping was inferred from all rows.
    """

    def __init__(
        self,
        reader: Reader,
        mapper: Mapper,
        options: LoadOptions,
        connection: Connection | None,
        *,
        progress: Progress | None = None,
        stop: threading.Event | None = None,
        stdout: BinaryIO | None = None,
        inferred_span_seconds: float | None = None,
    ) -> None:
        load_id = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{secrets.token_hex(3)}"
        self._reader = reader
        self._mapper = mapper
        self._options = options
        self._connection = connection
        self._inferred_span_seconds = inferred_span_seconds
        self._progress = progress or Silent()
        self._stop = stop or threading.Event()
        self._stdout = stdout or sys.stdout.buffer
        self._closing = Closing(load_id, options.bucket if connection else None)
        self._look = FirstLook(reader, mapper, self._stop.is_set)
        self._running = Running(reader, self._closing, self._progress, self._stop)
        self._filling = Filling(reader, mapper, options, look=self._look, closing=self._closing, running=self._running)

    def run(self) -> Report:
        """Run it.

        Raises:
            ImporterError: it failed; the live bucket is as it was, and ``report`` of the error tells the rest. Where
                ``resumable`` is true, another load with the option ``resume`` goes on with this one.
        """
        check_files(self._options, self._reader.sources)
        try:
            report = self._loaded()
        except ImporterError as error:
            if isinstance(error, AuthorizationError) and self._connection is not None:
                error.args = (f"{error}; the token is from {self._connection.origin}",)
            status: Status = "interrupted" if isinstance(error, LoadInterruptedError) else "failed"
            error.report = self._closing.report(status, self._reader.read_sources, error=str(error))
            self._write_report(error.report)
            raise
        self._write_report(report)
        return report

    def _write_report(self, report: Report) -> None:
        if self._options.report is None:
            return
        try:
            write_report(report, self._options.report)
        except ConfigurationError as error:
            log.error("%s; the load itself: %s", error, report.status)  # noqa: TRY400 - what became of the load counts

    def _loaded(self) -> Report:
        with ExitStack() as stack:
            if self._connection is None:
                self._filling.dry_run(stack, self._stdout)
                return self._closing.report("dry_run", self._reader.read_sources)
            writers = self._options.workers or MOST_WRITERS
            server = stack.enter_context(Server(self._connection, pool_size=writers + 4))
            server.patience = Patience(RetryPolicy(self._options.wait_seconds), log.warning, self._running.pause)
            self._running.broken_off.append(server.break_off)
            stack.enter_context(broken_off_after_stop(self._stop, self._running.break_off))
            try:
                return self._into_bucket(server, stack)
            except (TransientServerError, SpoolError) as error:
                if not self._running.is_stopped():
                    raise
                interrupted = self._running.interrupted(f"while it waited for an answer ({error})")
                interrupted.resumable = error.resumable
                raise interrupted from error

    def _into_bucket(self, server: Server, stack: ExitStack) -> Report:
        version = self._wait_for(server)
        self._closing.server = (server.connection.url, version)
        reasons: list[str] = []
        method = chosen_method(server, self._options, version, say=reasons.append, warn=self._running.warn)
        options = replace(self._options, method=method, **({} if method == "bulk" else NOT_IN_BULK))
        state_dir = options.state_dir or default_state_dir()
        plan = plan_of(server, options, self._reader.sources, self._mapper, self._closing.load_id)
        dead = hold_dead_loads(server, state_dir, plan, stack)
        found = self._unfinished(server, state_dir, dead, plan, stack) if options.resume else None
        if found is not None and found.is_done:
            return self._completed(found.accounts)
        self._say_why_not_in_bulk(reasons, found)
        target = found.target if found else None
        if target is None:
            # Whatever target it was: any next load gives a bucket its name back.
            self._closing.warnings += repair(server, say=log.info)
            known = found.accounts.plan if found else None
            if known is not None:  # its runs are cut at these shard groups
                options = replace(options, shard_duration_seconds=known.shard_group_seconds)
            target = prepare_target(
                server,
                options,
                (known or plan).load_id,
                look=self._look,
                mapper=self._mapper,
                closing=self._closing,
                progress=self._progress,
                inferred_span_seconds=self._inferred_span_seconds,
                dead={folder.load_id for folder in dead},
            )
        self._running.appends = target.appends
        accounts = found.accounts if found else None
        try:
            if accounts is None:
                for folder in dead:
                    folder.stays = False  # what it accounts for has just been removed
                accounts = self._begun(server, target, plan, state_dir, stack)
            else:
                self._take_up(server, target, accounts)
            self._filling.fill(server, target, accounts, stack, method=accounts.plan.method)
            accounts.folder.stays = False
        except BaseException as error:
            if not is_in_place_after(error, target, accounts, self._closing):
                raise
        return self._closing.report(self._closing.status, self._reader.read_sources)

    def _unfinished(
        self, server: Server, state_dir: Path, dead: Sequence[LoadFolder], plan: Plan, stack: ExitStack
    ) -> Unfinished | None:
        found = find_unfinished(server, state_dir, dead, plan, options=self._options, stack=stack, say=log.info)
        if found is None:
            log.info("there is no unfinished load of %r to resume: a new one starts", self._options.bucket)
        return found

    def _say_why_not_in_bulk(self, reasons: Sequence[str], found: Unfinished | None) -> None:
        """Where it was left to the load; one that is gone on with goes on in its own way."""
        if found is not None and self._options.method == "auto":
            reasons = ["the unfinished load writes lines"] if found.accounts.plan.method == "write" else []
        if not reasons:
            return
        (reason,) = reasons
        self._closing.not_in_bulk = reason
        given = {"--build-processes": self._options.build_processes > 1, "--cluster": self._options.cluster is not None}
        unused = "".join(f"; {name} is of no use then" for name, is_given in given.items() if is_given)
        log.info("the points are written as line protocol, and not in bulk: %s%s", reason, unused)

    def _begun(self, server: Server, target: Target, plan: Plan, state_dir: Path, stack: ExitStack) -> Accounts:
        was_empty = not target.appends or not pin_types(server, target.bucket_id, self._mapper)
        plan = replace(
            plan,
            bucket_id=target.bucket_id,
            appends=target.appends,
            was_empty=was_empty,
            shard_group_seconds=target.shard_duration_seconds,
        )
        return begin_accounts(state_dir, plan, stack)

    def _take_up(self, server: Server, target: Target, accounts: Accounts) -> None:
        self._closing.go_on(accounts.plan.load_id, accounts.past.elapsed_seconds if accounts.past else 0.0)
        self._closing.warnings += repair(server, say=log.info)
        self._closing.shard_group = target.shard_duration_seconds, "as the unfinished load has them"
        # In bulk, a bucket that is not known yet, as the run broke off when it had just been made, is made anew.
        written = accounts.past.bucket_id if accounts.past else accounts.plan.bucket_id
        if target.bucket_id != written and accounts.plan.method == "write":
            raise ResumeRefusedError(f"the bucket {target.target!r} is another one than the load was begun with")
        if target.appends:
            pin_types(server, target.bucket_id, self._mapper)
        rows = accounts.past.rows if accounts.past else 0
        where = "on the server" if accounts.plan.method == "write" else "in sorted runs"
        log.info("going on with the load %s: %s rows are %s already", accounts.plan.load_id, f"{rows:,}", where)

    def _completed(self, accounts: Accounts) -> Report:
        """Of a load that was put in its place, but died before it could say so."""
        log.info("the load %s was complete: all there was to do were its last steps", accounts.plan.load_id)
        accounts.folder.stays = False
        return Report.model_validate(accounts.past.completed if accounts.past else None)

    def _wait_for(self, server: Server) -> str:
        try:
            return server.patiently(server.health)
        except ServerUnreachableError as error:
            raise ServerUnreachableError(
                f"{error}; it was waited for {self._options.wait_seconds:g} s (--wait). Is InfluxDB running at "
                f"{server.connection.url}, the address from {server.connection.origin}?"
            ) from error
