"""importer: CSV into InfluxDB 2, every row accounted for.

>>> import importer
>>> report = importer.load("birds.csv", mapping="birds.toml", bucket="birds")  # doctest: +SKIP
>>> report.status  # doctest: +SKIP
'verified'
"""

from importer.api import load
from importer.bucket.leftovers import Leftover
from importer.cleaning import clean
from importer.errors import (
    AuthorizationError,
    BucketExistsError,
    ConfigurationError,
    ImporterError,
    LoadError,
    LoadInProgressError,
    LoadInterruptedError,
    MappingError,
    NotFoundError,
    RejectBudgetError,
    RequestRefusedError,
    ResumeRefusedError,
    ServerError,
    ServerUnreachableError,
    SourceError,
    SpoolError,
    TerminalServerError,
    TransientServerError,
    VerificationError,
)
from importer.ledger.budget import RejectBudget
from importer.ledger.report import Report
from importer.mapping.parts import CsvOptions
from importer.mapping.spec import Mapping
from importer.options import LoadOptions
from importer.server.connection import Connection

__all__ = [
    "AuthorizationError",
    "BucketExistsError",
    "ConfigurationError",
    "Connection",
    "CsvOptions",
    "ImporterError",
    "Leftover",
    "LoadError",
    "LoadInProgressError",
    "LoadInterruptedError",
    "LoadOptions",
    "Mapping",
    "MappingError",
    "NotFoundError",
    "RejectBudget",
    "RejectBudgetError",
    "Report",
    "RequestRefusedError",
    "ResumeRefusedError",
    "ServerError",
    "ServerUnreachableError",
    "SourceError",
    "SpoolError",
    "TerminalServerError",
    "TransientServerError",
    "VerificationError",
    "clean",
    "load",
]
