"""Sources that can be read but once, kept in a file while they are needed more often.

Goes in: sources. Comes out: the same, of which those that were standard input or a pipe are files.
"""

from __future__ import annotations

import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from importer.errors import SourceError
from importer.source.open import Source
from importer.source.unchanged import FileState

__all__ = ["rereadable"]


@contextmanager
def rereadable(
    sources: Sequence[Source], stdin: BinaryIO | None = None, folder: Path | None = None
) -> Iterator[list[Source]]:
    """Keep what can be read but once; the copies are removed at the end.

    Args:
        sources: as they were named.
        stdin: where standard input is read from.
        folder: for the copies; None: the system's own.

    Raises:
        SourceError: one cannot be read, or the disk is full.
    """
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="importer-input-", dir=folder) as kept:
        yield [
            _copy(source, stdin, Path(kept) / str(number)) if _is_read_once(source) else source
            for number, source in enumerate(sources)
        ]


def _is_read_once(source: Source) -> bool:
    if source.url is not None:
        return False  # it is asked for again
    return source.path is None or not stat.S_ISREG(source.path.stat().st_mode)


def _copy(source: Source, stdin: BinaryIO | None, target: Path) -> Source:
    try:
        with target.open("wb") as file:
            if source.path is None:
                shutil.copyfileobj(stdin or sys.stdin.buffer, file)
            else:
                with source.path.open("rb") as pipe:
                    shutil.copyfileobj(pipe, file)
        status = target.stat()
    except OSError as error:
        raise SourceError(f"cannot keep {source.name!r} in a file: {error.strerror}") from error
    if not status.st_size:
        return Source(source.name, target, None)
    return Source(source.name, target, status.st_size, FileState.of(status))
