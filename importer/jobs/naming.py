"""Names of files: made harmless, confined to a folder, and shown without the folders that nobody needs to know.

Goes in: what a stranger calls a file. Comes out: a name that can be one, the path that is meant, or a text in which
only the name is left of a path.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from importer.jobs.refusals import NoSuchUploadError, NotAllowedError

__all__ = ["Hidden", "allowed_file", "stored_name"]

MOST_BYTES = 120
PIECE_BYTES = 1 << 16
# A glob's signs name other files, quotes and commas would have to be escaped in CSV and in messages.
_AWKWARD = frozenset("*?[]{}\"'`,;|<>:%$&")


def stored_name(given: str) -> str:
    """The name under which an upload is stored: the last part of what it was called, without awkward signs."""
    last = given.replace("\\", "/").rpartition("/")[2]
    signs = ["_" if sign in _AWKWARD or not sign.isprintable() else sign for sign in last]
    name = "".join(signs).strip().lstrip(".-").strip()
    while len(name.encode(errors="replace")) > MOST_BYTES:  # the end tells what kind of file it is
        name = name[1:]
    return name.encode(errors="replace").decode() or "upload.csv"


def allowed_file(folder: Path | None, given: str) -> Path:
    """The file that a path means, links followed.

    Args:
        folder: files below it may be read; None: none may.
        given: relative to it, or absolute.

    Raises:
        NotAllowedError: it lies elsewhere, whether it exists or not.
        NoSuchUploadError: it lies there, and is no file.
    """
    if folder is None:
        raise NotAllowedError("no folder is open to imports by path: upload the file, or start with --allow-folder")
    outside = NotAllowedError("this path does not lie in the folder that is open to imports")
    if "\x00" in given:
        raise outside
    root = folder.resolve()
    try:
        path = (root / given).resolve()
        if not path.is_relative_to(root):
            raise outside
        if stat.S_ISREG(path.stat().st_mode):
            return path
    except (OSError, RuntimeError):  # RuntimeError: links in a circle
        pass
    raise NoSuchUploadError(f"there is no file {given!r} in the folder that is open to imports")


class Hidden:
    """Takes folders out of texts, so that only the names of files are left.

    Args:
        shown: what is put in the place of each folder.
    """

    def __init__(self, shown: dict[Path, str]) -> None:
        pairs = {f"{folder}/": text for folder, text in shown.items()}
        pairs |= {repr(folder)[1:-1]: text for folder, text in pairs.items()}  # as messages quote them
        # Of two folders, one in the other, the longer goes first.
        self._pairs = sorted(pairs.items(), key=lambda pair: -len(pair[0]))

    def text(self, text: str) -> str:
        """A text without them."""
        for folder, shown in self._pairs:
            text = text.replace(folder, shown)
        return text

    def within(self, value: Any) -> Any:
        """All texts of what JSON can hold."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {key: self.within(item) for key, item in value.items()}
        return [self.within(item) for item in value] if isinstance(value, list | tuple) else value

    def pieces(self, file: BinaryIO) -> Iterator[bytes]:
        """A file's bytes, a piece at a time; what lies across two pieces is found, too."""
        pairs = [(folder.encode(errors="surrogateescape"), shown.encode()) for folder, shown in self._pairs]
        longest = max((len(folder) for folder, _ in pairs), default=0)
        kept = b""
        while piece := file.read(PIECE_BYTES):
            kept += piece
            for folder, shown in pairs:
                kept = kept.replace(folder, shown)
            ready = max(0, len(kept) - longest)
            yield kept[:ready]
            kept = kept[ready:]
        yield kept
