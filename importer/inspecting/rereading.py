"""Sources that are read more than once, kept in a file where they can be read but once.

Goes in: sources. Comes out: the same, of which those that were standard input, a pipe or a URL are files. What a URL
gives may be another thing each time; here it is one and the same for the inspection and the load.
"""

from __future__ import annotations

import hashlib
import io
import stat
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from importer.errors import LoadInterruptedError, SourceError
from importer.source.bounds import Bounds
from importer.source.kept import check_kept_size
from importer.source.open import Source
from importer.source.stored import open_stored
from importer.source.unchanged import FileState

__all__ = ["rereadable"]


READ_BYTES = 1 << 20


@contextmanager
def rereadable(
    sources: Sequence[Source],
    stdin: BinaryIO | None = None,
    folder: Path | None = None,
    *,
    bounds: Bounds = Bounds(),  # noqa: B008 - frozen
    stop: threading.Event | None = None,
) -> Iterator[list[Source]]:
    """Keep what can be read but once; the copies are removed at the end.

    Args:
        sources: as they were named.
        stdin: where standard input is read from.
        folder: for the copies; None: the system's own.
        bounds: how much may be kept of each.
        stop: when set, the copying ends.

    Raises:
        SourceError: one cannot be read, is too large to be kept, or the disk is full.
        LoadInterruptedError: it was told to stop.
    """
    if not any(map(_is_read_once, sources)):
        yield list(sources)
        return
    try:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        made = tempfile.TemporaryDirectory(prefix="importer-input-", dir=folder)
    except OSError as error:
        where = str(folder or tempfile.gettempdir())
        raise SourceError(f"cannot keep the input in {where!r}: {error.strerror}") from error
    with made as kept:
        yield [
            _copy(source, stdin, Path(kept) / str(number), bounds, stop or threading.Event())
            if _is_read_once(source)
            else source
            for number, source in enumerate(sources)
        ]


def _is_read_once(source: Source) -> bool:
    return source.path is None or not stat.S_ISREG(source.path.stat().st_mode)


def _copy(source: Source, stdin: BinaryIO | None, target: Path, bounds: Bounds, stop: threading.Event) -> Source:
    digest, size = hashlib.sha256(), 0
    if stdin is None and source.path is None and source.url is None:
        stdin = io.BytesIO() if sys.stdin is None else sys.stdin.buffer  # a program may be started without
    try:
        file, _ = open_stored(source, stdin=stdin, bounds=bounds, stop=stop, so_far=digest.hexdigest)
        try:
            with target.open("wb") as kept:
                while piece := file.read(READ_BYTES):
                    size += len(piece)
                    digest.update(piece)
                    check_kept_size(source.name, size, bounds)
                    kept.write(piece)
                    if stop.is_set():
                        raise LoadInterruptedError("interrupted while the input was read: nothing was written")
        finally:
            if file is not stdin:
                file.close()
        status = target.stat()
    except OSError as error:
        raise SourceError(f"cannot keep {source.name!r} in a file: {error.strerror}") from error
    if not status.st_size:
        return Source(source.name, target, None)
    return Source(source.name, target, status.st_size, FileState.of(status))
