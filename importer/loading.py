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
from typing import BinaryIO
from urllib.parse import urlsplit

from importer.bucket import Target, repair
from importer.encoding.line_protocol import LineEncoder
from importer.encoding.series import SeriesIndex
from importer.errors import (
    AuthorizationError,
    ConfigurationError,
    ImporterError,
    LoadError,
    LoadInterruptedError,
    RejectBudgetError,
    ServerError,
    ServerUnreachableError,
)
from importer.first_look import FirstLook
from importer.ledger.closing import Closing, warn_of_duplicates
from importer.ledger.expectation import Expectation
from importer.ledger.ledger import Ledger
from importer.ledger.rejects import RejectsFile
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
from importer.records import Lines, Outcome
from importer.server.connection import Connection, Patience, Server
from importer.server.retry import RetryPolicy
from importer.settling import check, merge_duplicates, verify
from importer.sink.influx import InfluxSink
from importer.sink.stdout import StreamSink
from importer.source.open import Source
from importer.source.places import locate
from importer.source.reader import Reader

__all__ = ["Load"]

log = logging.getLogger(__name__)

DAY_SECONDS = 86_400
MANY_SERIES = 100_000


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
        self.load_id = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{secrets.token_hex(3)}"
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
        self._closing = Closing(self.load_id, options.bucket if connection else None)
        self._look = FirstLook(reader, mapper, self._stop.is_set)

    def run(self) -> Report:
        """Run it.

        Raises:
            ImporterError: it failed; the live bucket is as it was, and ``report`` of the error tells the rest.
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
            return self._into_bucket(server, stack)

    def _dry_run(self, stack: ExitStack) -> Report:
        ledger = self._new_ledger(stack, DAY_SECONDS, spool=None)
        self._flow(ledger, StreamSink(self._stdout), workers=1)
        return self._closing.report("dry_run", self._reader.read_sources)

    def _into_bucket(self, server: Server, stack: ExitStack) -> Report:
        version = self._wait_for(server)
        self._closing.server = (server.connection.url, version)
        # Whatever target it was: any next load gives a bucket its name back.
        self._closing.warnings += repair(server, say=log.info)
        target = prepare_target(
            server, self._options, self.load_id, look=self._look, mapper=self._mapper, progress=self._progress
        )
        self._appends = target.appends
        try:
            spool = stack.enter_context(Spool(self._options.state_dir or default_state_dir()))
            ledger = self._new_ledger(stack, target.shard_duration_seconds, spool=spool)
            sink = self._sink(server, target)
            was_empty = not target.appends or not pin_types(server, target.bucket_id, self._mapper)
            self._flow(ledger, sink, workers=self._options.workers, target=target)
            self._merge_duplicates(ledger, spool, sink, target)
            self._check_stopped(ledger)
            status = self._verify(server, target, ledger, spool, by_counts=was_empty)
            self._check_stopped(ledger)
            self._tell("swap", ledger)
            points = ledger.counts.points_acknowledged - self._closing.duplicates.total
            self._closing.warnings += target.commit(points, ledger.expectation.values)
        except BaseException as error:
            if not self._is_in_place(target, error):
                raise
            status = "verified" if self._closing.stored is not None else "unverified"
        return self._closing.report(status, self._reader.read_sources)

    def _is_in_place(self, target: Target, error: BaseException) -> bool:
        """End a load that broke off; True if its data are complete under the target's name all the same."""
        if self._appends:
            self._closing.warnings.append(f"what was written into the bucket {target.target!r} before stays in it")
        try:
            done = target.abort(say=log.info)
        except (ServerError, LoadInterruptedError) as failure:
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

    def _new_ledger(self, stack: ExitStack, shard_seconds: int, *, spool: Spool | None) -> Ledger:
        rejects = stack.enter_context(RejectsFile(self._options.rejects_path))
        ledger = Ledger(
            expectation=Expectation(Windows(shard_seconds * 10**9)),
            spool=spool,
            series=self._series,
            locate=locate,
            rejects=rejects,
            budget=self._options.reject_budget,
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

    def _flow(self, ledger: Ledger, write: Write, *, workers: int, target: Target | None = None) -> None:
        """Run the pipeline, and decide whether its end is a good one."""
        halted = threading.Event()

        def stopped() -> bool:
            return self._stop.is_set() or halted.is_set() or bool(target and target.lost)

        def write_and_tell(lines: Lines) -> Outcome:
            outcome = write(lines)
            self._tell("load", ledger)
            return outcome

        run_pipeline(
            self._look.blocks(),
            to_table=self._reader.table,
            to_points=self._look.to_points,
            to_lines=LineEncoder(self._series),
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

    def _verify(self, server: Server, target: Target, ledger: Ledger, spool: Spool, *, by_counts: bool) -> Status:
        if not self._options.verify:
            return "unverified"
        self._tell("verify", ledger)

        def tell(share: float) -> None:
            self._check_stopped(ledger)
            self._tell("verify", ledger, share)

        comparison = verify(server, target.bucket_id, ledger, spool, self._series, by_counts=by_counts, progress=tell)
        self._closing.stored = comparison.stored
        check(comparison)
        return "verified"

    def _tell(self, phase: Phase, ledger: Ledger, share: float | None = None) -> None:
        counts = ledger.counts
        total, read = self._reader.total_bytes, self._reader.stored_bytes
        if phase == "load" and total:
            share = min(1.0, read / total)
        with self._telling:
            self._progress.update(
                Snapshot(phase, share, read, total, counts.rows_read, counts.points_acknowledged, ledger.rejects_so_far)
            )

    def _check_stopped(self, ledger: Ledger) -> None:
        if self._stop.is_set():
            raise LoadInterruptedError(f"interrupted after {ledger.counts.rows_read:,} rows; {self._what_stays()}")

    def _what_stays(self) -> str:
        return "what was appended before stays" if self._appends else "the bucket was left as it was"

    def _pause(self, seconds: float) -> None:
        if self._stop.wait(seconds):
            raise LoadInterruptedError(f"interrupted while waiting for the server; {self._what_stays()}")


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
    if options.report is not None:
        check_report_path(options.report)
