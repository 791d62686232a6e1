"""Files that were sent, on the disk until the import that reads them has ended.

Goes in: bytes, a piece at a time. Comes out: an :class:`Upload`, whole and forced to the disk, or nothing at all.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from importer.jobs.folders import own_folder, write_whole
from importer.jobs.naming import stored_name
from importer.jobs.refusals import NoRoomError, NoSuchUploadError, TooLargeError
from importer.journal.folder import fsync_folder

__all__ = ["Draft", "Upload", "Uploads"]

KEPT_SECONDS = 24 * 3600.0
"""An upload that no import wants is kept so long."""

SPARE_BYTES = 64 << 20
"""Of the disk, for the accounts of loads that run."""

_ID = re.compile(r"[0-9a-f]{16}")
_PART, _ABOUT, _FILE = ".part", "upload.json", "file"


class Upload(BaseModel):
    """A file that was sent."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra={
            "examples": [{"upload": "5f2b8c0e4d1a7b93", "name": "birds.csv", "bytes": 48_211, "sha256": "9f86d0…"}]
        },
    )

    upload: str = Field(description="Its id.")
    name: str = Field(description="Its name, without folders and awkward signs.")
    bytes: int
    sha256: str = Field(description="Of its bytes, hex.")


class Uploads:
    """The folder of uploads.

    Args:
        folder: where they are kept.
        most_bytes: that one may have.
    """

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self.folder = folder
        self.most_bytes = most_bytes

    def open(self) -> None:
        """Make the folder ready, and remove what a service that died was just taking in.

        Raises:
            NoRoomError: it cannot be made.
        """
        own_folder(self.folder)
        for path in self.folder.glob(f"*{_PART}"):
            shutil.rmtree(path, ignore_errors=True)

    def begin(self, name: str, expected_bytes: int | None = None) -> Draft:
        """A new one, to be written to.

        Args:
            name: what its sender calls it.
            expected_bytes: how long it will be, where that is known.

        Raises:
            TooLargeError: it will be too long.
            NoRoomError: the disk has no room for it.
        """
        self.check_room(expected_bytes or 0)
        return Draft(self, stored_name(name))

    def find(self, upload: str) -> Upload:
        """What is known of one.

        Raises:
            NoSuchUploadError: there is none of that id.
        """
        with suppress(OSError, ValidationError):
            if _ID.fullmatch(upload):
                return Upload.model_validate_json((self.folder / upload / _ABOUT).read_text(encoding="utf-8"))
        raise NoSuchUploadError(
            f"there is no upload {upload[:40]!r}: it was removed, or its import has ended; upload the file again"
        )

    def place(self, upload: Upload) -> Path:
        """Where its bytes are."""
        return self.folder / upload.upload / _FILE / upload.name

    def remove(self, upload: str) -> None:
        """Remove one, if it is there."""
        if _ID.fullmatch(upload):
            with suppress(OSError):
                # Renamed first: it is there whole or not at all.
                gone = self.folder / f"{upload}{_PART}"
                (self.folder / upload).rename(gone)
                shutil.rmtree(gone, ignore_errors=True)

    def old(self, *, kept_seconds: float = KEPT_SECONDS) -> list[str]:
        """The ids of those that have been here too long for nobody to have wanted them."""
        before, found = time.time() - kept_seconds, []
        for path in self.folder.iterdir():
            with suppress(OSError):
                if _ID.fullmatch(path.name) and path.stat().st_mtime < before:
                    found.append(path.name)
        return found

    def check_room(self, more_bytes: int, so_far: int = 0) -> None:
        """Refuse bytes that an upload may not have, or the disk has no room for.

        Raises:
            TooLargeError: there would be too many.
            NoRoomError: the disk would be full, or nearly so.
        """
        if more_bytes + so_far > self.most_bytes:
            raise TooLargeError(f"an upload may have {self.most_bytes:,} bytes at the most")
        with suppress(OSError):
            if more_bytes + SPARE_BYTES > shutil.disk_usage(self.folder).free:
                raise NoRoomError("the service's disk has no room for this upload")


class Draft:
    """An upload on its way in; gone at the end, unless it was finished.

    Args:
        uploads: the folder.
        name: as it is stored.

    Raises:
        NoRoomError: the disk refuses.
    """

    def __init__(self, uploads: Uploads, name: str) -> None:
        self.name = name
        self.size = 0
        self._uploads = uploads
        self._hash = hashlib.sha256()
        self._id = secrets.token_hex(8)
        self._folder = uploads.folder / f"{self._id}{_PART}"
        try:
            (self._folder / _FILE).mkdir(mode=0o700, parents=True)
            self._file = (self._folder / _FILE / name).open("xb", buffering=0)
        except OSError as error:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise NoRoomError(f"the service cannot take in files: {error.strerror}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()

    def write(self, data: bytes) -> None:
        """Add bytes.

        Raises:
            TooLargeError: there are too many by now.
            NoRoomError: the disk is full.
        """
        self._uploads.check_room(len(data), self.size)
        self._hash.update(data)
        self.size += len(data)
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self._file.write(rest) or 0 :]
        except OSError as error:
            raise NoRoomError(f"the service cannot store the upload: {error.strerror}") from error

    def finish(self) -> Upload:
        """It is whole.

        Raises:
            NoRoomError: the disk is full.
        """
        upload = Upload(upload=self._id, name=self.name, bytes=self.size, sha256=self._hash.hexdigest())
        try:
            os.fsync(self._file.fileno())
            self._file.close()
            fsync_folder(self._folder / _FILE)
            write_whole(self._folder / _ABOUT, upload.model_dump_json())
            self._folder.rename(self._uploads.folder / self._id)
            fsync_folder(self._uploads.folder)
        except OSError as error:
            raise NoRoomError(f"the service cannot store the upload: {error.strerror}") from error
        return upload

    def discard(self) -> None:
        """Remove it; a finished one stays."""
        self._file.close()
        shutil.rmtree(self._folder, ignore_errors=True)
