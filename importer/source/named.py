"""What the user named: paths, globs, URLs and standard input.

Goes in: the names. Comes out: for each source a :class:`Source`; nothing is opened.
"""

from __future__ import annotations

import glob
import os
import stat
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from importer.errors import ConfigurationError, SourceError
from importer.server.secret import Secret
from importer.source.addresses import check_address, is_address, shown_address
from importer.source.unchanged import FileState

__all__ = ["STDIN", "Source", "expand"]

STDIN = "-"


@dataclass(frozen=True, slots=True)
class Source:
    """One input.

    Attributes:
        name: as the user gave it (a glob's match by its path); of a URL without what is secret in it.
        path: None for standard input and for a URL.
        size_bytes: as stored, None where it is not known.
        state: what the file was when it was named; None for what is no file on a disk.
        url: None for what is none.
    """

    name: str
    path: Path | None
    size_bytes: int | None
    state: FileState | None = None
    url: str | None = field(default=None, repr=False)


def expand(names: Sequence[str | Path]) -> list[Source]:
    """The sources that paths, globs, URLs and ``-`` stand for.

    Args:
        names: in the order of the user; a glob's matches are sorted.

    Raises:
        SourceError: a file is missing, a glob matches nothing, a folder was named.
        ConfigurationError: nothing was named, or a source twice, or a URL that is not read.
    """
    if not names:
        raise ConfigurationError("no source named: give a file, a glob, a URL or - for standard input")
    sources: list[Source] = []
    for name in map(str, names):
        if name == STDIN:
            sources.append(Source(name, None, None))
        elif is_address(name):
            sources.append(_from_address(name, {source.name for source in sources}))
        elif os.path.exists(name) or not glob.has_magic(name):  # noqa: PTH110 - Path.exists raises for a long name
            sources.append(_from_path(name))
        else:
            matches = sorted(match for match in glob.glob(name, recursive=True) if not Path(match).is_dir())  # noqa: PTH207
            if not matches:
                raise SourceError(f"no file matches {name!r}")
            sources.extend(_from_path(match) for match in matches)
    identities = [source.url or (str(source.path.resolve()) if source.path else STDIN) for source in sources]
    for position, identity in enumerate(identities):
        if identity in identities[:position]:
            raise ConfigurationError(f"{sources[position].name!r} is named twice; every row of it would be a duplicate")
    return sources


def _from_address(url: str, taken: Collection[str]) -> Source:
    check_address(url)
    name = shown = shown_address(url)
    number = 1
    while name in taken:  # what tells it from another one is secret
        number += 1
        name = f"{shown} ({number})"
    return Source(name, None, None, url=Secret(url) if shown != url else url)


def _from_path(name: str) -> Source:
    path = Path(name)
    try:
        status = path.stat()
    except FileNotFoundError:
        raise SourceError(f"no such file: {name!r} (looked in {Path.cwd()})") from None
    except OSError as error:
        raise SourceError(f"cannot read {name!r}: {error.strerror}") from error
    if stat.S_ISDIR(status.st_mode):
        raise SourceError(f"{name!r} is a folder: name its files, such as '{name.rstrip('/')}/*.csv'")
    # The kernel's own files, such as those of /proc, have no size but give text: they are read as pipes are.
    if not stat.S_ISREG(status.st_mode) or status.st_size == 0:
        return Source(name, path, None)
    return Source(name, path, status.st_size, FileState.of(status))
