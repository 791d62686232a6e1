"""One load, from its options to its report.

:meth:`Load.run` is the whole of it: make a staging bucket ready, run the pipeline
into it, sort out the duplicates, ask the server, and only then put the bucket in its place.
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
from typing import BinaryIO
from urllib.parse import urlsplit

from importer.bucket import Target, repair
from importer.cardinality import MANY_SERIES, SeriesWatch
from importer.draining import broken_off_after_stop
from importer.encoding.line_protocol import LineEncoder
from importer.encoding.series import SeriesIndex
from importer.errors import (
    AuthorizationError,
    ConfigurationError,
    ImporterError,
    LoadError,
    LoadInterruptedError,
    RejectBudgetError,
    ResumeRefusedError,
    ServerError,
    ServerUnreachableError,
    SpoolError,
    TransientServerError,
)
from importer.first_look import FirstLook
from importer.journal import Journal, Past, Plan
from importer.ledger.closing import Closing, warn_of_duplicates
from importer.ledger.expectation import Expectation
from importer.ledger.ledger import Ledger
from importer.ledger.rejects import RejectsFile, check_rejects_path
from importer.ledger.report import Report, Status
from importer.ledger.report_file import check_report_path, write_report
from importer.ledger.spool import Spool
from importer.ledger.windows import Windows
from importer.mapping.columns import ColumnMapper
from importer.mapping.rows import RowMapper
from importer.options import LoadOptions, default_state_dir
from importer.pipeline import Write, run_pipeline
from importer.preparing import pin_types, prepare_target
from importer.progress import Phase, Progress, Silent, Snapshot
from importer.records import Block, Lines, Outcome
from importer.resuming import Accounts, begin_accounts, find_unfinished, forget_unfinished, plan_of, restore
from importer.server.connection import Connection, Patience, Server
from importer.server.retry import RetryPolicy
from importer.settling import check, merge_again, merge_duplicates, verify
from importer.sink.influx import InfluxSink
from importer.sink.stdout import StreamSink
from importer.source.open import Source
from importer.source.places import locate
from importer.source.reader import Reader

__all__ = ["Load"]

log = logging.getLogger(__name__)

PASSING = (
    AuthorizationError,
    KeyboardInterrupt,
    LoadInterruptedError,
    ResumeRefusedError,
    SpoolError,
    TransientServerError,
)
"""What ends a run, but not the load: the reason may have gone when another run goes on with it."""

DAY_SECONDS = 86_400


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
    """

    def __init__(
        self,
        reader: Reader,
        mapper: ColumnMapper | RowMapper,
        options: LoadOptions,
        connection: Connection | None,
        *,
        progress: Progress | None = None,
        stop: threading.Event | None = None,
        stdout: BinaryIO | None = None,
    ) -> None:
        load_id = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{secrets.token_hex(3)}"
        self._reader = reader
        self._mapper = mapper
        self._options = options
        self._connection = connection
        self._progress = progress or Silent()
        self._stop = stop or threading.Event()
        self._stdout = stdout or sys.stdout.buffer
        self._telling = threading.Lock()
        self._appends = False
        self._series = SeriesIndex(options.max_series)
        self._closing = Closing(load_id, options.bucket if connection else None)
        self._look = FirstLook(reader, mapper, self._stop.is_set)
        self._accounts: Accounts | None = None
        self._journal: Journal | None = None

    def run(self) -> Report:
        """Run it.

        Raises:
            ImporterError: it failed; the live bucket is as it was, and ``report`` of the error tells the rest. Where
                ``resumable`` is true, another load with the option ``resume`` goes on with this one.
        """
        _check_files(self._options, self._reader.sources)
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
                return self._dry_run(stack)
            server = stack.enter_context(Server(self._connection, pool_size=self._options.workers + 4))
            server.patience = Patience(RetryPolicy(self._options.wait_seconds), log.warning, self._pause)
            stack.enter_context(broken_off_after_stop(server, self._stop))
            try:
                return self._into_bucket(server, stack)
            except TransientServerError as error:
                if not self._stop.is_set():
                    raise
                interrupted = self._interrupted(f"while the server was asked ({error})")
                interrupted.resumable = error.resumable
                raise interrupted from error

    def _dry_run(self, stack: ExitStack) -> Report:
        ledger = self._new_ledger(stack, DAY_SECONDS, spool=None)
        self._flow(ledger, StreamSink(self._stdout), workers=1)
        return self._closing.report("dry_run", self._reader.read_sources)

    def _into_bucket(self, server: Server, stack: ExitStack) -> Report:
        version = self._wait_for(server)
        self._closing.server = (server.connection.url, version)
        options, state_dir = self._options, self._options.state_dir or default_state_dir()
        plan = plan_of(server, options, self._reader.sources, self._mapper, self._closing.load_id)
        found = find_unfinished(server, state_dir, plan, options, stack, say=log.info) if options.resume else None
        if found is None:
            if options.resume:
                log.info("there is no unfinished load of %r to resume: a new one starts", options.bucket)
            # Whatever target it was: any next load gives a bucket its name back.
            self._closing.warnings += repair(server, say=log.info)
            target = prepare_target(
                server, options, plan.load_id, look=self._look, mapper=self._mapper, progress=self._progress
            )
        elif found.target is None:
            return self._completed(found.accounts)
        else:
            target = found.target
        self._appends = target.appends
        try:
            if found is None:
                self._accounts = self._begun(server, target, plan, state_dir, stack)
            else:
                self._accounts = self._taken_up(server, target, found.accounts)
            self._fill(server, target, self._accounts, stack)
        except BaseException as error:
            if self._appends:
                self._closing.warnings.append(f"what was written into the bucket {target.target!r} before stays in it")
            if self._is_left_for_later(target, error) or not self._is_in_place(target, error):
                raise
        self._keep_accounts(stays=False)
        return self._closing.report(self._status, self._reader.read_sources)

    def _begun(self, server: Server, target: Target, plan: Plan, state_dir: Path, stack: ExitStack) -> Accounts:
        was_empty = not target.appends or not pin_types(server, target.bucket_id, self._mapper)
        forget_unfinished(state_dir, plan)
        plan = replace(plan, bucket_id=target.bucket_id, appends=target.appends, was_empty=was_empty)
        return begin_accounts(state_dir, plan, stack)

    def _taken_up(self, server: Server, target: Target, accounts: Accounts) -> Accounts:
        self._closing.go_on(accounts.plan.load_id, accounts.past.elapsed_seconds if accounts.past else 0.0)
        self._closing.warnings += repair(server, say=log.info)
        if target.bucket_id != accounts.plan.bucket_id:
            raise ResumeRefusedError(f"the bucket {target.target!r} is another one than the load was begun with")
        if target.appends:
            pin_types(server, target.bucket_id, self._mapper)
        rows = accounts.past.rows if accounts.past else 0
        log.info("going on with the load %s: %s rows are on the server already", accounts.plan.load_id, f"{rows:,}")
        return accounts

    def _completed(self, accounts: Accounts) -> Report:
        """Of a load that was put in its place, but died before it could say so."""
        log.info("the load %s was complete: all there was to do were its last steps", accounts.plan.load_id)
        accounts.folder.stays = False
        return Report.model_validate(accounts.past.completed if accounts.past else None)

    def _fill(self, server: Server, target: Target, accounts: Accounts, stack: ExitStack) -> None:
        """Fill the bucket, verify it and put it in its place."""
        spool = Spool(accounts.folder.spool)
        self._journal = Journal(
            accounts.log,
            series=self._series,
            spool=spool,
            decided=lambda: self._mapper.decided,
            elapsed=lambda: self._closing.elapsed_seconds,
            past=accounts.past,
        )
        ledger = self._new_ledger(stack, target.shard_duration_seconds, spool=spool, journal=self._journal)
        restore(accounts, ledger=ledger, spool=spool, series=self._series, mapper=self._mapper)
        sink = self._sink(server, target)
        self._flow(ledger, sink, workers=self._options.workers, target=target, past=accounts.past)
        self._merge_duplicates(ledger, spool, sink, target)
        self._check_stopped(ledger)
        self._verify(server, target, ledger, spool, by_counts=accounts.plan.was_empty)
        self._check_stopped(ledger)
        if ledger.counts.retries or accounts.past:  # a first try may have come to the server after the merge
            merge_again(ledger, spool, self._series, sink)
        self._tell("swap", ledger)
        report = self._closing.report(self._status, self._reader.read_sources)
        self._journal.complete(report.model_dump(mode="json"))
        points = ledger.counts.points_acknowledged - self._closing.duplicates.total
        self._closing.warnings += target.commit(points, ledger.expectation.values)

    @property
    def _status(self) -> Status:
        return "unverified" if self._closing.stored is None else "verified"

    def _is_left_for_later(self, target: Target, error: BaseException) -> bool:
        """Leave what was loaded where it is, if another run can go on with it once the reason has gone."""
        something = self._accounts is not None and self._journal is not None and self._journal.blocks > 0
        passes = isinstance(error, PASSING) and (something or isinstance(error, ResumeRefusedError))
        if not passes or not target.is_loading or self._accounts is None:
            return False
        self._keep_accounts(stays=True)
        try:
            target.release()
        except (ServerError, LoadError) as failure:
            log.debug("the bucket could not be let go: %s", failure)  # it shows no sign of life any more
        if isinstance(error, ImporterError) and not isinstance(error, ResumeRefusedError):
            error.resumable = True
            error.args = (f"{error}; what was loaded so far is kept: --resume goes on from there",)
        return True

    def _keep_accounts(self, *, stays: bool) -> None:
        if self._accounts is not None:
            self._accounts.folder.stays = stays

    def _is_in_place(self, target: Target, error: BaseException) -> bool:
        """End a load that broke off; True if its data are complete under the target's name all the same."""
        try:
            done = target.abort(say=log.info)
            self._keep_accounts(stays=False)
        except (ServerError, LoadInterruptedError) as failure:
            self._keep_accounts(stays=True)
            self._closing.warnings.append(f"what was staged could not be tidied up ({failure}); the next load does it")
            return False
        if not done or self._appends or not isinstance(error, ImporterError):
            return False
        self._closing.warnings.append(f"the swap broke off ({error}) and was then completed")
        return True

    def _wait_for(self, server: Server) -> str:
        try:
            return server.patiently(server.health)
        except ServerUnreachableError as error:
            raise ServerUnreachableError(
                f"{error}; it was waited for {self._options.wait_seconds:g} s (--wait). Is InfluxDB running at "
                f"{server.connection.url}, the address from {server.connection.origin}?"
            ) from error

    def _new_ledger(
        self, stack: ExitStack, shard_seconds: int, *, spool: Spool | None, journal: Journal | None = None
    ) -> Ledger:
        rejects = stack.enter_context(RejectsFile(self._options.rejects_path))
        ledger = Ledger(
            expectation=Expectation(Windows(shard_seconds * 10**9)),
            spool=spool,
            series=self._series,
            locate=locate,
            rejects=rejects,
            budget=self._options.reject_budget,
            journal=journal,
        )
        self._closing.ledger = ledger
        return ledger

    def _sink(self, server: Server, target: Target) -> InfluxSink:
        options = self._options
        local = urlsplit(server.connection.url).hostname in ("127.0.0.1", "localhost", "::1")
        return InfluxSink(
            server,
            target.bucket_id,
            shard_seconds=target.shard_duration_seconds,
            policy=RetryPolicy(options.wait_seconds),
            say=log.warning,
            pause=self._pause,
            batch_rows=options.batch_rows,
            compress=options.compression == "gzip" or (options.compression == "auto" and not local),
            most_refusals=options.reject_budget.most,
        )

    def _flow(
        self, ledger: Ledger, write: Write, *, workers: int, target: Target | None = None, past: Past | None = None
    ) -> None:
        """Run the pipeline, and decide whether its end is a good one."""
        halted = threading.Event()

        def stopped() -> bool:
            return self._stop.is_set() or halted.is_set() or bool(target and target.lost)

        def write_and_tell(lines: Lines) -> Outcome:
            outcome = write(lines)
            self._tell("load", ledger)
            return outcome

        blocks = self._look.blocks()
        run_pipeline(
            blocks if past is None else past.still_to_write(blocks, stopped),
            to_table=self._reader.table,
            to_points=self._look.to_points,
            to_lines=SeriesWatch(
                LineEncoder(self._series),
                most=self._options.max_series,
                share_of=self._share_of,
                warn=self._warn,
            ),
            write=write_and_tell,
            ledger=ledger,
            workers=workers,
            stopped=stopped,
            halt=halted.set,
        )
        if target and target.lost:
            raise LoadError(f"the bucket {target.target!r} was taken over by another load")
        self._check_stopped(ledger)
        if ledger.is_over_budget(at_end=True):
            raise RejectBudgetError(self._closing.over_budget(self._options.reject_budget, appends=self._appends))
        ledger.check()

    def _merge_duplicates(self, ledger: Ledger, spool: Spool, write: Write, target: Target) -> None:
        self._tell("duplicates", ledger)
        found = merge_duplicates(ledger, spool, self._series, write)
        self._closing.duplicates = found
        warn_of_duplicates(found, self._closing.warnings)
        if ledger.counts.empty_points:
            self._closing.warnings.append(
                f"{ledger.counts.empty_points:,} points of the mapper have no field and were left out; "
                "others of the same rows were loaded"
            )
        if not ledger.counts.points_acknowledged:
            self._without_points(ledger, target)
        if len(self._series) > MANY_SERIES:
            self._closing.warnings.append(
                f"{len(self._series):,} series: queries will be slow; a tag with so many values is better a field"
            )

    def _without_points(self, ledger: Ledger, target: Target) -> None:
        nothing = f"the {ledger.counts.rows_read:,} rows of the source gave no point"
        if target.replaces and not target.appends and not self._options.allow_empty:
            raise LoadError(f"{nothing}: the bucket was left as it was; --allow-empty replaces it with an empty one")
        self._closing.warnings.append(
            f"{nothing}: {'nothing was appended' if target.appends else 'the bucket is empty'}"
        )

    def _verify(self, server: Server, target: Target, ledger: Ledger, spool: Spool, *, by_counts: bool) -> None:
        if not self._options.verify:
            return
        self._tell("verify", ledger)

        def tell(share: float) -> None:
            self._check_stopped(ledger)
            self._tell("verify", ledger, share)

        comparison = verify(server, target.bucket_id, ledger, spool, self._series, by_counts=by_counts, progress=tell)
        self._closing.stored = comparison.stored
        check(comparison)

    def _tell(self, phase: Phase, ledger: Ledger, share: float | None = None) -> None:
        counts = ledger.counts
        total, read = self._reader.total_bytes, self._reader.stored_bytes
        if phase == "load" and total:
            share = min(1.0, read / total)
        with self._telling:
            self._progress.update(
                Snapshot(phase, share, read, total, counts.rows_read, counts.points_acknowledged, ledger.rejects_so_far)
            )

    def _share_of(self, block: Block) -> float | None:
        """A block's part of all that is loaded; where it is compressed, as the text up to its end was."""
        total, end, limit = self._reader.total_bytes, block.byte_offset + len(block.data), self._options.limit
        of_text = min(1.0, self._reader.stored_bytes / end) * len(block.data) / total if total else 0.0
        return max(of_text, block.records / limit if limit else 0.0) or None

    def _warn(self, warning: str) -> None:
        log.warning("warning: %s", warning)
        self._closing.warnings.append(warning)

    def _check_stopped(self, ledger: Ledger) -> None:
        if self._stop.is_set():
            raise self._interrupted(f"after {ledger.counts.rows_read:,} rows")

    def _what_stays(self) -> str:
        return "what was appended before stays" if self._appends else "the bucket was left as it was"

    def _pause(self, seconds: float) -> None:
        if self._stop.wait(seconds):
            raise self._interrupted("while waiting for the server")

    def _interrupted(self, when: str) -> LoadInterruptedError:
        return LoadInterruptedError(f"interrupted {when}; {self._what_stays()}")


def _check_files(options: LoadOptions, sources: Sequence[Source]) -> None:
    """Refuse to write over what is read; a rejects file of an earlier run may well be a source.

    Raises:
        ConfigurationError: the rejects file or the report is a source, or can never be written.
    """
    written = {"rejects file": options.rejects_path}
    if options.report is not None:
        if options.report.resolve() == options.rejects_path.resolve():
            raise ConfigurationError(f"rejects and report cannot both go to {str(options.report)!r}")
        written["report"] = options.report
    for what, path in written.items():
        if any(source.path is not None and source.path.resolve() == path.resolve() for source in sources):
            raise ConfigurationError(f"the {what} {str(path)!r} would overwrite a source: name another file")
    check_rejects_path(options.rejects_path)
    if options.report is not None:
        check_report_path(options.report)
