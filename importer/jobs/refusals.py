"""Why a job, an upload or a path is refused; what its caller can tell apart."""

from __future__ import annotations

from importer.errors import ImporterError

__all__ = [
    "JobStateError",
    "NoRoomError",
    "NoSuchJobError",
    "NoSuchUploadError",
    "NotAllowedError",
    "QueueFullError",
    "TooLargeError",
]


class NoSuchJobError(ImporterError):
    """There is no job of that id, or it was forgotten."""


class NoSuchUploadError(ImporterError):
    """There is no upload of that id, or no file of that path."""


class NotAllowedError(ImporterError):
    """A path that does not lie in the folder that is open to imports."""


class JobStateError(ImporterError):
    """What was asked for does not fit what the job is doing."""


class QueueFullError(ImporterError):
    """As many jobs wait as may."""


class TooLargeError(ImporterError):
    """More bytes than one upload may have."""


class NoRoomError(ImporterError):
    """The disk is full, or refuses."""
