"""Names of files: made harmless, confined to a folder, and shown without the folders that nobody needs to know.

Goes in: what a stranger calls a file. Comes out: a name that can be one, the path that is meant, or a text in which
only the name is left of a path.
"""

from __future__ import annotations

import re
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
        folders: that nobody needs to know of.
    """

    def __init__(self, *folders: Path) -> None:
        texts = {f"{folder}/" for folder in folders}
        texts |= {repr(text)[1:-1] for text in texts}  # as messages quote them
        # Of two folders, one in the other, the longer is looked for first.
        alternatives = sorted(map(re.escape, texts), key=len, reverse=True)
        self._longest = max((len(text.encode(errors="surrogateescape")) for text in texts), default=0)
        self._folders = re.compile("|".join(alternatives) or r"(?!)")
        self._as_bytes = re.compile(self._folders.pattern.encode(errors="surrogateescape"))

    def text(self, text: str) -> str:
        """A text without them."""
        return self._folders.sub("", text)

    def within(self, value: Any) -> Any:
        """All texts of what JSON can hold."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {key: self.within(item) for key, item in value.items()}
        return [self.within(item) for item in value] if isinstance(value, list | tuple) else value

    def pieces(self, file: BinaryIO) -> Iterator[bytes]:
        """A file's bytes, a piece at a time; what lies across two pieces is found, too."""
        kept = b""
        while piece := file.read(PIECE_BYTES):
            kept += piece
            done, certain = 0, max(0, len(kept) - self._longest + 1)
            ready = bytearray()
            for found in self._as_bytes.finditer(kept):
                if found.start() >= certain:
                    break
                ready += kept[done : found.start()]
                done = found.end()
            certain = max(done, certain)
            yield bytes(ready + kept[done:certain])
            kept = kept[certain:]
        yield self._as_bytes.sub(b"", kept)
