"""Jobs that come in: new ones, and those of earlier runs of the service.

Goes in: what is wanted, or a record as it was kept. Comes out: a record that is fit to be queued, or one that waits for
its user.
"""

from __future__ import annotations

import secrets
import time
from pathlib import Path

from importer.jobs.board import Board
from importer.jobs.job import JobError, Record, Wanted, now
from importer.jobs.loading import hints_of, load_options, mapping_of
from importer.jobs.uploads import Upload
from importer.source.open import expand

__all__ = ["MOST_DEATHS", "new_record", "taken_up"]

MOST_DEATHS = 2
"""So often may the service die while a job runs; then that job waits for its user to say that it is to go on."""


def new_record(board: Board, wanted: Wanted, source: Path, upload: Upload | None) -> Record:
    """A job that nobody knows yet.

    Args:
        board: where it will stand.
        wanted: how to load.
        source: the file.
        upload: which it is, where it was sent.

    Raises:
        ConfigurationError: an option or the mapping is wrong.
        SourceError: the file cannot be read.
    """
    mapping_of(wanted.mapping, wanted.csv)
    hints_of(wanted.hints)
    expand([source])
    # In the order of their ids jobs came in.
    job = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{time.time_ns() % 10**9:09}-{secrets.token_hex(3)}"
    return Record(
        id=job,
        state="queued",
        bucket=load_options(wanted, source, board.scratch).bucket,
        source=board.hidden_of(source).text(str(source)),
        upload=upload.upload if upload else None,
        created=now(),
        path=str(source),
        wanted=wanted,
    )


def taken_up(board: Board, record: Record) -> Record:
    """A job of an earlier run as it goes into this one: what was begun is queued again.

    But for one that the service died of, as it seems: begun again by itself, it would end the service each time.
    """
    if record.state not in {"running", "interrupted"}:
        return record
    has_died = record.state == "running"
    deaths = record.deaths + has_died
    if deaths < MOST_DEATHS or record.cancelling:
        return board.change(record.id, state="queued", ended=None, deaths=deaths)
    if has_died:
        message = (
            f"the service died {deaths} times while this import ran, for want of memory perhaps, so it is not begun "
            "again by itself; what was loaded so far is kept, and can be gone on with"
        )
        error = JobError(type="ServiceDiedError", message=message)
        board.end(record.id, "interrupted", deaths=deaths, error=error)
    return board.record(record.id)
