"""A bucket, on a server or in a backup, opened to be read.

Goes in: where the rows are, and a selection. Comes out: a :class:`Reading`, as long as it is open.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from importer.api import connect
from importer.errors import ConfigurationError
from importer.reading.asking import opened
from importer.reading.columns import Columns, columns_of
from importer.reading.layout import Layout, layouts
from importer.reading.points import Part, Progress, parts
from importer.reading.selection import Selection, selection
from importer.reading.slices import end_of
from importer.reading.stored.opening import backed_up_between, check_backup, opened_backup
from importer.reading.window import TimeRange
from importer.server.connection import Connection

__all__ = ["Reading", "check_place_of_rows", "reading_of", "stored_between"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reading:
    """What is about to be read.

    Attributes:
        bucket: its name.
        columns: of what comes.
        parts: the rows, to be taken once.
        warnings: what is left out.
    """

    bucket: str
    columns: Columns
    parts: Iterator[Part]
    warnings: tuple[str, ...]


@contextmanager
def reading_of(
    bucket: str | None,
    chosen: Selection,
    *,
    from_backup: str | Path | None = None,
    state_dir: str | Path | None = None,
    limit: int | None = None,
    connection: Connection | None = None,
    progress: Progress | None = None,
    interrupt: threading.Event | None = None,
    wait_seconds: float = 10.0,
) -> Iterator[Reading]:
    """What is about to be read, as long as the server is open, or the backup's files are unpacked.

    Raises:
        ConfigurationError: the limit is below 1, or it is not said where to read.
    """
    if limit is not None and limit < 1:
        raise ConfigurationError(f"a limit of {limit} rows: at least 1 is needed")
    name = check_place_of_rows(bucket, from_backup, chosen)
    told = progress or (lambda *_: None)
    if from_backup is not None:
        if connection is not None:
            raise ConfigurationError("give either a connection or a backup: rows of a backup need no server")
        folder, place = Path(from_backup), Path(state_dir) if state_dir is not None else None
        with opened_backup(folder, name, chosen, state_dir=place, progress=told, interrupt=interrupt) as stored:
            yield _reading(stored.bucket, stored.layouts, stored.parts, stored.warnings, limit)
        return
    where = connection or connect()
    with opened(where, name, wait_seconds=wait_seconds, say=log.warning, interrupt=interrupt) as asking:
        found, warnings = layouts(asking, chosen)
        yield _reading(name, found, parts(asking, found, chosen, told), warnings, limit)


def check_place_of_rows(bucket: str | None, from_backup: str | Path | None, chosen: Selection) -> str:
    """The name of the bucket that is meant.

    Raises:
        ConfigurationError: neither a bucket nor a backup is named, or a backup does not have what is asked for.
        SourceError: the folder is no backup.
    """
    if from_backup is not None:
        return check_backup(Path(from_backup), bucket, chosen).name
    if bucket is None:
        raise ConfigurationError("name a bucket, or the folder of a backup by --from-backup")
    return bucket


def _reading(
    bucket: str, found: Sequence[Layout], rows: Iterator[Part], warnings: tuple[str, ...], limit: int | None
) -> Reading:
    return Reading(bucket, columns_of(found), rows if limit is None else _limited(rows, limit), warnings)


def stored_between(
    bucket: str | None,
    *,
    from_backup: str | Path | None = None,
    connection: Connection | None = None,
    wait_seconds: float = 10.0,
) -> TimeRange | None:
    """From the first time that a bucket holds to behind the last one; None where it holds nothing.

    Of a backup it is the span of its shard groups, in which nothing has to be unpacked.

    Raises:
        ConfigurationError: a field has several types.
        SourceError: the folder is no backup.
        ServerError: the server refuses, or did not answer in time.
    """
    everything = selection()
    name = check_place_of_rows(bucket, from_backup, everything)
    if from_backup is not None:
        return backed_up_between(Path(from_backup), name)
    with opened(connection or connect(), name, wait_seconds=wait_seconds) as asking:
        found, _ = layouts(asking, everything)
        ends = [end_of(asking, each, everything, last=last) for each in found for last in (False, True)]
    times = [each for each in ends if each is not None]
    return TimeRange(min(times), max(times) + 1) if times else None


def _limited(found: Iterator[Part], limit: int) -> Iterator[Part]:
    left = limit
    for part in found:
        kept = part.frame.head(left)
        values = sum(kept[field.column].count() for field in part.layout.fields)
        yield Part(part.layout, kept, values, part.not_utf8)
        left -= kept.height
        if left <= 0:
            return
