"""One job on its way: its load, and what is written down of its end.

Goes in: the board, and the event that tells it to stop. Comes out: a job that has ended, or was interrupted.
"""

from __future__ import annotations

import logging
import threading
import traceback
from collections.abc import Callable
from typing import Any

from importer.errors import ImporterError, LoadInterruptedError
from importer.jobs.board import Board
from importer.jobs.job import JobError, JobProgress, Record, now
from importer.jobs.loading import begun_loads, run_load, take_back
from importer.jobs.logs import told_as_events
from importer.jobs.naming import Hidden
from importer.ledger.report import Report
from importer.progress import Phase, Snapshot
from importer.server.connection import Connection
from importer.server.secret import redacted

__all__ = ["run_job"]

log = logging.getLogger(__name__)

_IS_KEPT = "; what was loaded so far is kept, and can be gone on with"
_FOR_THE_COMMAND_LINE = "; what was loaded so far is kept: --resume goes on from there"


def run_job(
    board: Board,
    job: str,
    *,
    connection: Callable[[], Connection],
    stop: threading.Event,
    alone: Callable[[], bool],
    loaded: Callable[[str], None],
) -> None:
    """Run a job, or take back what was staged of one that was cancelled.

    Args:
        board: where it stands.
        job: its id.
        connection: finds InfluxDB.
        stop: when set, it ends; for good if it was cancelled, else to be gone on with.
        alone: whether no other job runs.
        loaded: is told of the bucket that a load has written to, before the job is said to have ended.
    """
    try:
        _run(board, job, connection=connection, stop=stop, alone=alone, loaded=loaded)
    except BaseException as error:  # noqa: BLE001 - polars' panics are no Exceptions
        # Whatever it is: the next job is to have its turn.
        log.error(  # noqa: TRY400 - with the trace, but without secrets
            "the import %s broke off:\n%s", job, redacted("".join(traceback.format_exception(error)))
        )
        told = JobError(type="InternalError", message="the service failed; its log says why")
        board.end(job, "failed", error=told)


def _run(
    board: Board,
    job: str,
    *,
    connection: Callable[[], Connection],
    stop: threading.Event,
    alone: Callable[[], bool],
    loaded: Callable[[str], None],
) -> None:
    record = board.record(job)
    if record.cancelling:
        _take_back(board, record, connection)
        return
    record = board.change(
        job, state="running", started=record.started or now(), ended=None, attempts=record.attempts + 1, error=None
    )
    hidden = board.hidden(record)
    try:
        with told_as_events(board.told(job), hidden, alone=alone):
            report = run_load(
                record.wanted,
                board.file_of(record),
                board.place(job),
                resume=record.attempts > 1,
                before=record.load_id,
                connection=connection,
                progress=_Listener(board, job),
                stop=stop,
            )
    except ImporterError as error:
        loaded(record.bucket)  # one that appends has written something perhaps
        _failed(board, job, error, hidden, connection)
    else:
        loaded(record.bucket)
        board.end(job, "verified", report=_shown(report, hidden), error=None)


def _failed(board: Board, job: str, error: ImporterError, hidden: Hidden, connection: Callable[[], Connection]) -> None:
    record = board.record(job)
    what: dict[str, Any] = {"error": JobError(type=type(error).__name__, message=_said(error, hidden))}
    if error.report is not None:
        what["report"] = report = _shown(error.report, hidden)
        if record.progress is not None:  # it was last told before the block that ended it all
            last = {"rows": report.rows_read, "rejects": report.rejected + report.points_rejected}
            what["progress"] = record.progress.model_copy(update=last)
    goes_on = isinstance(error, LoadInterruptedError) or error.resumable or begun_loads(board.place(job))
    with board.lock:  # whoever cancels it does so before, or finds it ended
        record = board.record(job)
        if not record.cancelling:
            board.end(job, "interrupted" if goes_on else "failed", **what)
            return
    what["error"] = JobError(
        type=type(error).__name__, message=_said(error, hidden, ending="; what it had staged is removed")
    )
    _take_back(board, record, connection, **what)


def _take_back(board: Board, record: Record, connection: Callable[[], Connection], **what: Any) -> None:
    try:
        take_back(record.bucket, board.place(record.id), connection)
    except ImporterError as error:
        message = (
            f"what it had staged could not be removed from the server ({board.hidden(record).text(str(error))}): "
            "the next load of the bucket does it"
        )
        what["error"] = JobError(type=type(error).__name__, message=message)
    board.end(record.id, "cancelled", **what)


class _Listener:
    """Hears how far a load is."""

    def __init__(self, board: Board, job: str) -> None:
        self._board, self._job = board, job
        self._phase: Phase | None = None

    def update(self, snapshot: Snapshot) -> None:
        if snapshot.phase != self._phase:
            self._phase = snapshot.phase
            begun = begun_loads(self._board.place(self._job))
            if begun and begun[0] != self._board.record(self._job).load_id:
                self._board.change(self._job, load_id=begun[0])
        self._board.note_progress(self._job, JobProgress.of(snapshot))


def _shown(report: Report, hidden: Hidden) -> Report:
    return Report.model_validate(hidden.within(report.model_dump()))


def _said(error: ImporterError, hidden: Hidden, *, ending: str = _IS_KEPT) -> str:
    """An error in words, without what only the command line's users can do."""
    text = str(error)
    if text.endswith(_FOR_THE_COMMAND_LINE):
        text = text.removesuffix(_FOR_THE_COMMAND_LINE) + ending
    return hidden.text(text)
