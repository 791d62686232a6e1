"""Files that appear whole or not at all.

Goes in: a path. Comes out: a place beside it to write to, which takes the path's name when all is written.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from importer.errors import ConfigurationError

__all__ = ["check_place", "new_file"]


def check_place(path: Path, what: str, *, replace: bool) -> None:
    """Refuse a place where a file cannot be written, before the work and not after it.

    Args:
        path: of the file.
        what: it is, for the message, such as ``the report``.
        replace: whether a file that is there may go.

    Raises:
        ConfigurationError: it is a folder, in one that does not exist or may not be written to, or there already.
    """
    folder = path.absolute().parent
    if path.is_dir() or not folder.is_dir():
        raise ConfigurationError(f"cannot write {what} to {str(path)!r}: name a file in a folder that exists")
    if not os.access(folder, os.W_OK):
        raise ConfigurationError(f"cannot write {what} to {str(path)!r}: you may not write to that folder")
    if path.exists() and not replace:
        raise ConfigurationError(f"{str(path)!r} is there already: name another file, or say --force to replace it")


@contextmanager
def new_file(path: Path, what: str, *, replace: bool) -> Iterator[Path]:
    """Write to the path that this gives; where that ends well, it becomes `path`.

    Args:
        path: of the file.
        what: it is, for the message.
        replace: whether a file that is there may go.

    Raises:
        ConfigurationError: as :func:`check_place`, or the disk refuses.
    """
    check_place(path, what, replace=replace)
    draft = None
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=path.suffix, dir=path.absolute().parent)
        os.close(handle)
        draft = Path(name)
        yield draft
        mask = os.umask(0)
        os.umask(mask)
        draft.chmod(0o666 & ~mask)  # what one gets from open()
        draft.replace(path)
    except OSError as error:
        raise ConfigurationError(f"cannot write {what} to {str(path)!r}: {error.strerror or error}") from error
    finally:
        if draft is not None:
            draft.unlink(missing_ok=True)
