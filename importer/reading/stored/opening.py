"""A bucket of a backup, opened to be read.

Goes in: a backup's folder, a bucket's name and a selection. Comes out: :class:`Stored`, as long as its files are
unpacked.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from importer.backups.choosing import bucket_named
from importer.backups.layout import BucketRecord, ManifestBucket, Sidecar, read_sidecar
from importer.backups.shards import window_of
from importer.errors import ConfigurationError, LoadInterruptedError
from importer.options import default_state_dir
from importer.reading.layout import Layout, layouts_of
from importer.reading.points import Part, Progress
from importer.reading.selection import Selection
from importer.reading.stored.contents import Contents, look_through
from importer.reading.stored.points import stored_parts
from importer.reading.stored.scratch import scratch_folder
from importer.reading.stored.unit import Unit, units_of
from importer.reading.window import TimeRange

__all__ = ["Stored", "backed_up_between", "check_backup", "opened_backup"]


@dataclass(frozen=True, slots=True)
class Stored:
    """What is about to be read.

    Attributes:
        bucket: the name that it had.
        layouts: of what comes.
        parts: the rows, to be taken once.
        warnings: what is left out.
    """

    bucket: str
    layouts: tuple[Layout, ...]
    parts: Iterator[Part]
    warnings: tuple[str, ...]


def check_backup(folder: Path, bucket: str | None, chosen: Selection) -> ManifestBucket:
    """The bucket that is meant; what is wrong with the question is told before anything is unpacked.

    Raises:
        SourceError: the folder is no backup.
        ConfigurationError: there is no such bucket in it, or windows are asked for.
    """
    found = bucket_named(folder, bucket)
    if chosen.aggregate is not None:
        raise ConfigurationError(
            "only a server works windows out: leave --aggregate out when reading from a backup, or restore it "
            "(importer restore) and read the bucket"
        )
    return found


@contextmanager
def opened_backup(
    folder: Path,
    bucket: str | None,
    chosen: Selection,
    *,
    state_dir: Path | None = None,
    progress: Progress = lambda *_: None,
    interrupt: threading.Event | None = None,
) -> Iterator[Stored]:
    """Unpack what may hold something of the range, and look through it; at the end all is removed.

    Args:
        folder: the backup's.
        bucket: its name; None: the only one.
        chosen: what is to be read.
        state_dir: where the files are unpacked; None: where loads keep their accounts.
        progress: told how many values were read, of about how many, and the rows that were given out.
        interrupt: set from elsewhere, it breaks off whatever is under way.

    Raises:
        SourceError: the folder is no backup, or a file of it is missing or damaged.
        ConfigurationError: an option names what is not there.
        SpoolError: there is no room.
        LoadInterruptedError: it was interrupted.
    """
    stopping = interrupt or threading.Event()

    def check_stopped() -> None:
        if stopping.is_set():
            raise LoadInterruptedError("interrupted while reading")

    found = check_backup(folder, bucket, chosen)
    sidecar = read_sidecar(folder)
    with scratch_folder(state_dir or default_state_dir()) as scratch:
        units = units_of(found, chosen.range, folder, scratch)
        for unit in units:
            unit.unpack(sidecar, stopping)
        contents = look_through(units, chosen, check_stopped)
        has_all = sum(len(unit.shards) for unit in units) == sum(len(group.shards) for group in found.groups)
        left, layouts, warnings = _layouts(contents, chosen, has_all=has_all)
        expected = _expected(units, left, _record(sidecar, found))
        parts = stored_parts(units, layouts, left, expected, progress, check_stopped)
        yield Stored(found.name, layouts, parts, warnings)


def _layouts(
    contents: Contents, chosen: Selection, *, has_all: bool
) -> tuple[Selection, tuple[Layout, ...], tuple[str, ...]]:
    """What of that which is asked for can be there, its layouts, and warnings of what is not.

    Raises:
        ConfigurationError: a name is not there, although all of the bucket was looked through.
    """
    left, unknown = (chosen, []) if has_all else contents.narrowed(chosen)
    unknown = [*contents.warnings(chosen), *unknown]
    if left is None:
        return chosen, (), tuple(unknown)
    found, warnings = layouts_of(contents.fields, contents.tags, left)
    return left, found, (*unknown, *warnings)


def backed_up_between(folder: Path, bucket: str | None) -> TimeRange | None:
    """The span of the shard groups of a bucket; None where it has none.

    Raises:
        SourceError: the folder is no backup.
        ConfigurationError: there is no such bucket in it.
    """
    spans = [window_of(group.start, group.stop) for group in bucket_named(folder, bucket).groups]
    return TimeRange(min(start for start, _ in spans), max(stop for _, stop in spans)) if spans else None


def _record(sidecar: Sidecar | None, bucket: ManifestBucket) -> BucketRecord | None:
    return next((each for each in sidecar.buckets if each.id == bucket.id), None) if sidecar else None


def _expected(units: list[Unit], chosen: Selection, record: BucketRecord | None) -> dict[int, int]:
    """How many values those units held that are read as a whole, and whose files are known to hold what was counted."""
    if record is None or chosen.measurements or chosen.tags or chosen.fields:
        return {}
    found = {}
    for number, unit in enumerate(units):
        shards = [record.shards.get(shard.id) for shard in unit.shards]
        is_whole = chosen.range.start_ns <= unit.span.start_ns and unit.span.stop_ns <= chosen.range.stop_ns
        # Where points were deleted, the files and what was counted are not of the same moment.
        if is_whole and all(shard is not None and shard.digest and not shard.lines for shard in shards):
            found[number] = sum(shard.values for shard in shards if shard is not None)
    return found
