"""Small files that are there whole or not at all, also after a power cut.

Goes in: a text and a path. Comes out: the file.
"""

from __future__ import annotations

from pathlib import Path

from importer.jobs.refusals import NoRoomError
from importer.journal.folder import fsync_folder
from importer.new_files import whole_file

__all__ = ["own_folder", "write_whole"]


def own_folder(path: Path) -> Path:
    """A folder that its owner alone can look into.

    Raises:
        NoRoomError: it cannot be made.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise NoRoomError(f"cannot keep jobs: {error.strerror}") from error
    return path


def write_whole(path: Path, text: str) -> None:
    """Write a file in the place of the one that is there.

    Raises:
        NoRoomError: the disk refuses; what was there stays.
    """
    try:
        with whole_file(path) as file:
            file.write(text.encode())
        fsync_folder(path.parent)
    except OSError as error:
        raise NoRoomError(f"the service cannot write to its disk: {error.strerror}") from error
