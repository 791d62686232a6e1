"""The errors that the importer raises.

::

    ImporterError
    ├── ConfigurationError      wrong options, mapping, settings: nothing was touched
    │   ├── MappingError        the mapping file or the mapper; names the key
    │   ├── BucketExistsError   a bucket that may not be replaced unasked
    │   ├── LoadInProgressError another load holds the target bucket
    │   └── ResumeRefusedError  the unfinished load was begun with other data or another mapping
    ├── SourceError             the input cannot be opened, decoded or split
    ├── LoadError               the load failed; the live bucket is as it was
    │   ├── RejectBudgetError   more rejects than were allowed
    │   ├── LoadInterruptedError    it was told to stop
    │   ├── VerificationError   the server does not hold what was sent
    │   ├── BuildBrokenOffError a process that built storage files has ended
    │   └── SpoolError          a local file that the accounting needs cannot be written
    ├── MeasurementError        a program's own measurement that cannot be written as it is
    ├── NotAcknowledgedError    measurements that the server did not take
    └── ServerError             the server's answers, translated in one place
        ├── TransientServerError    worth another try
        │   └── ServerUnreachableError  no answer at all
        └── TerminalServerError     trying again cannot help
            ├── AuthorizationError  401, 403
            ├── NotFoundError       404: no such organisation or bucket
            └── RequestRefusedError any other 4xx, a redirect, a certificate that is not accepted
                ├── MalformedLinesError 400 of a write: nothing of the batch is stored
                ├── PartialWriteError   422 of a write: some points are not stored
                └── PayloadTooLargeError 413

Transient and terminal are types, so that a retry never has to read a message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importer.ledger.report import Report
    from importer.measurements.measurement import Measurement
    from importer.measurements.refused import RefusedMeasurement

__all__ = [
    "AuthorizationError",
    "BucketExistsError",
    "BuildBrokenOffError",
    "ConfigurationError",
    "ImporterError",
    "LoadError",
    "LoadInProgressError",
    "LoadInterruptedError",
    "MalformedLinesError",
    "MappingError",
    "MeasurementError",
    "NotAcknowledgedError",
    "NotFoundError",
    "PartialWriteError",
    "PayloadTooLargeError",
    "RejectBudgetError",
    "RequestRefusedError",
    "ResumeRefusedError",
    "ServerError",
    "ServerUnreachableError",
    "SourceError",
    "SpoolError",
    "TerminalServerError",
    "TransientServerError",
    "VerificationError",
]


class ImporterError(Exception):
    """Base of everything that the importer raises on purpose.

    Attributes:
        report: what became of the load that it ended; None where none had begun.
        resumable: whether another run can go on with that load.
    """

    report: Report | None = None
    resumable: bool = False


class ConfigurationError(ImporterError):
    """Wrong options, settings or names; found before anything was written."""


class MappingError(ConfigurationError):
    """The mapping does not fit its own rules or the source's header."""


class BucketExistsError(ConfigurationError):
    """The target bucket exists and may not be replaced without being asked for."""


class LoadInProgressError(ConfigurationError):
    """Another load holds the target bucket."""


class ResumeRefusedError(ConfigurationError):
    """The unfinished load was begun with other sources, another mapping or other options; it can still be resumed."""


class SourceError(ImporterError):
    """The input cannot be opened, decoded or split into records."""


class LoadError(ImporterError):
    """The load failed after it had begun; the live bucket is untouched."""


class RejectBudgetError(LoadError):
    """More rows or points were rejected than the budget allows."""


class LoadInterruptedError(LoadError):
    """The load was told to stop."""


class VerificationError(LoadError):
    """The server does not hold what the ledger says it should."""


class BuildBrokenOffError(LoadError):
    """A process that built storage files has ended before its time."""


class SpoolError(LoadError):
    """A local file that the accounting needs (rejects, spool) cannot be written."""


class MeasurementError(ImporterError):
    """A program's own measurement that cannot be written as it is; nothing of it was taken."""


class NotAcknowledgedError(ImporterError):
    """Measurements that the server has not acknowledged.

    Attributes:
        unsent: those that the writer still holds, in order; its next try is about them.
        refused: those that the server will never take, with its reasons.
    """

    def __init__(
        self,
        message: str,
        *,
        unsent: tuple[Measurement, ...] = (),
        refused: tuple[RefusedMeasurement, ...] = (),
    ) -> None:
        super().__init__(message)
        self.unsent = unsent
        self.refused = refused


class ServerError(ImporterError):
    """An answer of the server, or its absence.

    Attributes:
        status: the HTTP status code, None where there was no answer.
    """

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class TransientServerError(ServerError):
    """Worth another try.

    Attributes:
        retry_after_seconds: what the server's ``Retry-After`` asked for, if it could be read.
    """

    def __init__(self, message: str, *, status: int | None = None, retry_after_seconds: float | None = None) -> None:
        super().__init__(message, status=status)
        self.retry_after_seconds = retry_after_seconds


class ServerUnreachableError(TransientServerError):
    """Nobody answered: connection refused, reset or timed out."""


class TerminalServerError(ServerError):
    """Trying again cannot help."""


class AuthorizationError(TerminalServerError):
    """401 or 403: the token is wrong or may not do this."""


class NoOperatorError(AuthorizationError):
    """The token is known, but is no operator's, which backup and restore need."""


class NotFoundError(TerminalServerError):
    """404: the organisation or the bucket does not exist."""


class RequestRefusedError(TerminalServerError):
    """Any other 4xx answer, a redirect, or a certificate that is not accepted."""


class MalformedLinesError(RequestRefusedError):
    """400 of a write: a line cannot be parsed and nothing of the batch is stored."""


class PartialWriteError(RequestRefusedError):
    """422 of a write: some points of the batch are not stored."""


class PayloadTooLargeError(RequestRefusedError):
    """413: the batch must be halved."""
