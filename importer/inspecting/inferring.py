"""The mapping of a load that was given none.

Goes in: sources, and what the user says. Comes out: the sources as they can be read, and the mapping; none for
annotated CSV, which says itself how it is mapped.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from importer.annotated.annotations import KNOWN, has_types
from importer.errors import MappingError
from importer.inspecting.asking import decisions, shown_questions
from importer.inspecting.hints import Hints
from importer.inspecting.inspect import annotated_among, look
from importer.inspecting.rereading import rereadable
from importer.mapping.spec import Mapping
from importer.source.bounds import Bounds
from importer.source.kept import read_as_file
from importer.source.open import Source

__all__ = ["Inferred", "inferred"]

log = logging.getLogger(__name__)

FIRST_BYTES = 1 << 16
_ANNOTATION = re.compile(rb"\s*#(%s)\b" % "|".join(KNOWN).encode())


@dataclass(frozen=True, slots=True)
class Inferred:
    """What a load goes on with.

    Attributes:
        sources: those that could be read but once are files now.
        mapping: None of annotated CSV.
        stdin: where standard input is read from.
        span_seconds: from the first of all times to the last; None: it was not looked for.
    """

    sources: list[Source]
    mapping: Mapping | None
    stdin: BinaryIO
    span_seconds: float | None = None


@contextmanager
def inferred(
    sources: Sequence[Source],
    hints: Hints,
    *,
    stdin: BinaryIO,
    folder: Path,
    limit: int | None = None,
    bounds: Bounds = Bounds(),  # noqa: B008 - frozen
    stop: threading.Event | None = None,
    progress: Callable[[str, int], None] | None = None,
) -> Iterator[Inferred]:
    """Look at all rows, and say what they are mapped by.

    Standard input and pipes are kept in a file meanwhile, because they must be read more than once; annotated CSV that
    comes by standard input is not.

    Args:
        sources: as they were named.
        hints: what the user says.
        stdin: where ``-`` reads from.
        folder: for copies.
        limit: rows that are loaded at the most.
        bounds: what is too much.
        stop: when set, it ends.
        progress: told what is being done.

    Raises:
        MappingError: the data leaves questions open; it names the options that answer them.
        SourceError: a source cannot be read.
        LoadInterruptedError: it was told to stop.
    """
    if any(source.path is None and source.url is None for source in sources):
        is_annotated, stdin = _begin(stdin, hints)
        if is_annotated:
            yield Inferred(list(sources), None, stdin)
            return
    with rereadable(sources, stdin, folder, bounds=bounds, stop=stop) as readable:
        if annotated_among(readable, hints, bounds=bounds, scratch=folder, stop=stop):
            yield Inferred(readable, None, stdin)
            return
        log.info("no mapping is given: the data is looked at for one")
        found = look(readable, hints, limit=limit, bounds=bounds, scratch=folder, progress=progress, stop=stop)
        if found.mapping is None:
            raise MappingError(shown_questions(found))
        for line in decisions(found):
            log.info("  %s", line)
        for warning in found.warnings:
            log.warning("%s", warning)
        yield Inferred(readable, found.mapping, stdin, found.time.span_seconds if found.time else None)


def _begin(stdin: BinaryIO, hints: Hints) -> tuple[bool, BinaryIO]:
    """Whether standard input begins as annotated CSV does; and all of it, the beginning included."""
    first = b""
    while b"\n" not in first.strip() and len(first) < FIRST_BYTES and (more := stdin.read(FIRST_BYTES)):
        first += more
    given = "\n".join(hints.csv.get("header") or ()).encode()
    lines = [line for line in (given + b"\n" + first).splitlines() if line.strip()]
    is_annotated = any(_ANNOTATION.match(line) for line in lines[:1] or ()) or (
        bool(lines) and has_types(lines[0].decode(errors="replace").split(","))
    )
    return is_annotated, read_as_file(first, lambda: stdin.read(1 << 20))
