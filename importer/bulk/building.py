"""The way by storage files, from the first block to the last shard.

Goes in: blocks of points. Comes out: a bucket with its shard groups, and the storage files of each in it. What was
taken is a sorted run on disk, what was sent stands in the journal: a load that broke off goes on from either.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path

from importer.bulk.keys import SeriesKeys
from importer.bulk.processes import BuildProcesses
from importer.bulk.runs import Runs, values_of
from importer.bulk.sending import ShardedBucket, packed, send_shard
from importer.bulk.shard import BuiltShard, ShardWork, build
from importer.bulk.sink import RunBounds, RunSink
from importer.errors import MalformedLinesError, SpoolError, TransientServerError
from importer.ledger.duplicates import Duplicates, KeyAccounts, tag_hint
from importer.ledger.ledger import Ledger
from importer.ledger.report import BuildingReport, LoadPhase
from importer.ledger.windows import Windows
from importer.pipeline import WriteTogether
from importer.records import FieldColumn
from importer.server.wire import Wire
from importer.sink.compression import encoding_for
from importer.verification.compare import Comparison
from importer.ways import LoadContext, Way

__all__ = ["Bulk"]

Build = Callable[[ShardWork], BuiltShard]


MOST_SHARDS = 16
"""Shard groups that are built or sent at once, unless more are asked for."""


CLOSED_AFTER = 3
"""Times 500 for a shard: where a connection broke while the server opened its files, it never takes any again."""


class ShardClosedError(Exception):
    """The server has closed a shard, and opens it only when it is started again."""


class Bulk(Way):
    """Builds storage files.

    Args:
        load: what it is made with.

    Raises:
        SpoolError: it cannot be written.
    """

    settling: LoadPhase = "build"
    writes_lines = False
    spool: Runs

    def __init__(self, load: LoadContext) -> None:
        options = load.options
        self._server, self._target, self._accounts = load.server, load.target, load.accounts
        self._running, self._series = load.running, load.series
        self._windows = Windows(load.target.shard_duration_seconds * 10**9)
        self.spool = Runs(load.accounts.folder.spool, self._windows)
        self.bounds = RunBounds()
        self._sink = RunSink(load.target.retention_seconds, self._windows)
        self._halt = threading.Event()
        self._wire = load.stack.enter_context(
            Wire(load.server.connection, self._halt, connections=options.workers or MOST_SHARDS)
        )
        load.running.broken_off += [self._halt.set, self._wire.break_off]
        self._encoding = encoding_for(options.compression, is_local=load.server.connection.is_to_this_machine)
        processes = options.build_processes
        self._workers = options.workers or min(MOST_SHARDS, processes + 1)  # one is on its way while others are built
        self._build: Build = build if processes == 1 else BuildProcesses(processes, load.stack)
        self._made: dict[int, int] | None = None
        self._is_anew = False
        self._sizes: dict[int, tuple[int, int]] = {}
        self._report = BuildingReport(workers=self._workers, compression="gzip" if self._encoding == "gzip" else "none")

    @property
    def together(self) -> WriteTogether:
        """Takes blocks."""
        return self._sink.together

    def settle(self, ledger: Ledger) -> Duplicates:
        """Make the shard groups, build the files of each, and send them."""
        self._running.tell("build", ledger)
        groups = self.spool.shard_groups
        if not groups:
            return Duplicates()
        keys = SeriesKeys.of(self._series.keys, self._series.measurements)
        with self._told():
            keys.write(self._series_file)
        found: dict[int, BuiltShard] = {}
        for built in self._in_place(groups, ledger):
            found[built.group] = built  # of one that is built twice, both say the same
            self._running.tell("build", ledger, len(found) / len(groups))
        accounts = KeyAccounts()
        for built in found.values():
            accounts.merge(built.accounts)
            ledger.expectation.add_counts({built.group: built.fallen})
        SeriesKeys.read.cache_clear()
        accounts.found.tag_hint = tag_hint(self.spool.fields, accounts.differing, self.spool.rows, self._distinct)
        return accounts.found

    def write_again(self, comparison: Comparison, ledger: Ledger) -> int:
        """Build and send the shards anew in which the server holds too few values; how many were missing."""
        groups = {self._windows.number_of(each.start_ns) for each in comparison.too_few} & {*self.spool.shard_groups}
        if not groups:
            return comparison.missing
        for _ in self._in_place(sorted(groups), ledger):
            self._running.check_stopped(ledger)
        self._report = self._report.model_copy(update={"sent_again": self._report.sent_again + len(groups)})
        return comparison.missing

    def finish(self, ledger: Ledger, *, is_resumed: bool) -> None:
        """Nothing comes late: a shard's files are sent again under the same names, with the same bytes."""

    def report(self) -> BuildingReport:
        """How it went, up to now."""
        return self._report

    @property
    def _series_file(self) -> Path:
        return self.spool.folder / "series.keys"

    def _in_place(self, groups: Iterable[int], ledger: Ledger) -> Iterator[BuiltShard]:
        """Shard groups, as they are built and sent; all of the load's, where the server has closed a shard for good."""
        shards, sent = self._bucket()
        try:
            yield from self._built(groups, shards, sent, ledger)
        except ShardClosedError:
            self._running.warn(
                "the server takes no more files for a shard: the bucket is made anew, and all is sent again"
            )
            self._is_anew = True
            yield from self._built(self.spool.shard_groups, self._remade(), set(), ledger)

    def _bucket(self) -> tuple[dict[int, int], set[int]]:
        """The server's shards of these groups, and the groups that are there already."""
        past = self._accounts.past
        if self._made is not None:
            return self._made, set()
        known = past.made if past is not None else None
        if (
            past is not None
            and known is not None
            and known.bucket_id == self._target.bucket_id
            and ({*self.spool.shard_groups} <= known.shards.keys())
        ):
            self._made = known.shards
            return self._made, past.sent
        return self._remade(), set()

    def _remade(self) -> dict[int, int]:
        """The shards of the bucket, made with the load's shard groups; whatever was in it goes."""
        make = ShardedBucket(self._wire, self.spool.shard_groups, self._windows)
        self._target.remake(make)
        self._made = make.shards
        if self._accounts.journal is not None:
            self._accounts.journal.made(self._target.bucket_id, make.shards)
        return self._made

    def _built(
        self, groups: Iterable[int], shards: dict[int, int], sent: set[int], ledger: Ledger
    ) -> Iterator[BuiltShard]:
        """Each shard group, as it is done; several are under way at once."""

        def build_and_send(group: int) -> BuiltShard:
            self._running.check_stopped(ledger)
            work = self._work(group, is_sent=group in sent)
            try:
                with self._told():
                    built = self._build(work)
                    if built.archive is not None:
                        self._send(built.archive, shards[group])
            finally:
                if work.archive is not None:  # also what is half built, where the disk is full
                    work.archive.unlink(missing_ok=True)
            return built

        pool = ThreadPoolExecutor(self._workers, "build")
        try:
            for future in as_completed([pool.submit(build_and_send, group) for group in groups]):
                built = future.result()
                if built.archive is not None and self._accounts.journal is not None:
                    self._accounts.journal.sent(built.group)
                self._note(built)
                yield built
        finally:
            pool.shutdown(cancel_futures=True)

    def _work(self, group: int, *, is_sent: bool) -> ShardWork:
        return ShardWork(
            group,
            self._windows,
            tuple(self.spool.parts(group)),
            self.spool.fields,
            self._series_file,
            None if is_sent else self.spool.folder / f"shard-{group}.tar",
        )

    def _send(self, archive: Path, shard: int) -> None:
        refused = 0

        def send() -> None:
            nonlocal refused
            try:
                send_shard(self._wire, shard, file)
            except MalformedLinesError as error:  # no gzip has come, though it was sent
                raise TransientServerError(str(error), status=error.status) from error
            except TransientServerError as error:
                refused = refused + 1 if error.status == HTTPStatus.INTERNAL_SERVER_ERROR else 0
                if refused == CLOSED_AFTER and not self._is_anew:
                    raise ShardClosedError from error
                raise

        with packed(archive, self._encoding) as file:
            self._server.patiently(send)

    def _note(self, built: BuiltShard) -> None:
        self._sizes[built.group] = built.files, built.size  # of one that is built again, once
        files, sizes = zip(*self._sizes.values(), strict=True)
        update = {"shards": len(files), "files": sum(files), "file_bytes": sum(sizes)}
        self._report = self._report.model_copy(update=update)

    def _distinct(self, field: FieldColumn, most: int) -> int:
        """How many values a field has, counted up to one more than the most."""
        found: set[object] = set()
        for path in self.spool.paths():
            values = values_of(path, field.column)
            found.update(values)
            if len(found) > most:
                break
        return len(found)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise SpoolError(
                f"cannot keep the storage files in {str(self.spool.folder)!r}: {error.strerror or error}; "
                "make room, or name another folder by --state-dir"
            ) from error
