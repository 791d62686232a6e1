"""importer: CSV into InfluxDB 2, every row accounted for.

>>> import importer
>>> report = importer.load("birds.csv", mapping="birds.toml", bucket="birds")  # doctest: +SKIP
>>> report.status  # doctest: +SKIP
'verified'

What loads stands on libraries that take most of a second to import, and the command line, whose help needs none of
them, begins here, too: a name but an error's is therefore imported when it is first asked for.
"""

import importlib
from typing import TYPE_CHECKING

from importer.errors import (
    AuthorizationError,
    BucketExistsError,
    ConfigurationError,
    ImporterError,
    LoadError,
    LoadInProgressError,
    LoadInterruptedError,
    MappingError,
    MeasurementError,
    NotAcknowledgedError,
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

if TYPE_CHECKING:
    from importer.analysis.analyze import analyze
    from importer.analysis.page import write_html
    from importer.analysis.records import Analysis
    from importer.api import load
    from importer.bucket.leftovers import Leftover
    from importer.cleaning import clean
    from importer.generating.making import generate, load_generated
    from importer.inspecting.inspect import inspect
    from importer.inspecting.records import Inspection
    from importer.ledger.budget import RejectBudget
    from importer.ledger.report import Report
    from importer.mapping.parts import CsvOptions
    from importer.mapping.spec import Mapping
    from importer.measurements.measurement import Measurement
    from importer.measurements.writer import MeasurementWriter
    from importer.options import LoadOptions
    from importer.reading.export import Exported, export
    from importer.reading.frames import read
    from importer.server.connection import Connection
else:
    _HOMES = {
        "Analysis": "importer.analysis.records",
        "Connection": "importer.server.connection",
        "CsvOptions": "importer.mapping.parts",
        "Exported": "importer.reading.export",
        "Inspection": "importer.inspecting.records",
        "Leftover": "importer.bucket.leftovers",
        "LoadOptions": "importer.options",
        "Mapping": "importer.mapping.spec",
        "Measurement": "importer.measurements.measurement",
        "MeasurementWriter": "importer.measurements.writer",
        "RejectBudget": "importer.ledger.budget",
        "Report": "importer.ledger.report",
        "analyze": "importer.analysis.analyze",
        "clean": "importer.cleaning",
        "export": "importer.reading.export",
        "generate": "importer.generating.making",
        "inspect": "importer.inspecting.inspect",
        "load": "importer.api",
        "load_generated": "importer.generating.making",
        "write_html": "importer.analysis.page",
        "read": "importer.reading.frames",
    }

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = found = getattr(importlib.import_module(_HOMES[name]), name)
        return found

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})


__all__ = [
    "Analysis",
    "AuthorizationError",
    "BucketExistsError",
    "ConfigurationError",
    "Connection",
    "CsvOptions",
    "Exported",
    "ImporterError",
    "Inspection",
    "Leftover",
    "LoadError",
    "LoadInProgressError",
    "LoadInterruptedError",
    "LoadOptions",
    "Mapping",
    "MappingError",
    "Measurement",
    "MeasurementError",
    "MeasurementWriter",
    "NotAcknowledgedError",
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
    "analyze",
    "clean",
    "export",
    "generate",
    "inspect",
    "load",
    "load_generated",
    "read",
    "write_html",
]
