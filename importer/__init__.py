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
    from importer.backups.records import Backup, RestoredBucket
    from importer.backups.restoring import restore
    from importer.backups.saving import backup
    from importer.bucket.leftovers import Leftover
    from importer.charting.inspections import plot
    from importer.cleaning import clean
    from importer.generating.making import generate, load_generated
    from importer.inspecting.hints import Hints
    from importer.inspecting.inspect import inspect
    from importer.inspecting.inspection import Inspection
    from importer.ledger.budget import RejectBudget
    from importer.ledger.report import Report
    from importer.mapping.parts import CsvOptions
    from importer.mapping.spec import Mapping
    from importer.mapping_files import write_mapping
    from importer.measurements.measurement import Measurement
    from importer.measurements.writer import MeasurementWriter
    from importer.options import LoadOptions
    from importer.provisioning.applying import PlannedBucket, apply_buckets
    from importer.provisioning.details import BucketDetails, show_bucket
    from importer.provisioning.listing import BucketListing, delete_bucket, list_buckets
    from importer.reading.export import Exported, export
    from importer.reading.frames import read
    from importer.server.connection import Connection
    from importer.source.bounds import Bounds
    from importer.stress.bench import bench_api
    from importer.stress.records import BenchReport
else:
    _HOMES = {
        "Analysis": "importer.analysis.records",
        "Backup": "importer.backups.records",
        "BenchReport": "importer.stress.records",
        "Bounds": "importer.source.bounds",
        "BucketDetails": "importer.provisioning.details",
        "BucketListing": "importer.provisioning.listing",
        "Connection": "importer.server.connection",
        "CsvOptions": "importer.mapping.parts",
        "Exported": "importer.reading.export",
        "Hints": "importer.inspecting.hints",
        "Inspection": "importer.inspecting.inspection",
        "Leftover": "importer.bucket.leftovers",
        "LoadOptions": "importer.options",
        "Mapping": "importer.mapping.spec",
        "Measurement": "importer.measurements.measurement",
        "MeasurementWriter": "importer.measurements.writer",
        "PlannedBucket": "importer.provisioning.applying",
        "RejectBudget": "importer.ledger.budget",
        "Report": "importer.ledger.report",
        "RestoredBucket": "importer.backups.records",
        "analyze": "importer.analysis.analyze",
        "apply_buckets": "importer.provisioning.applying",
        "backup": "importer.backups.saving",
        "bench_api": "importer.stress.bench",
        "clean": "importer.cleaning",
        "delete_bucket": "importer.provisioning.listing",
        "export": "importer.reading.export",
        "generate": "importer.generating.making",
        "inspect": "importer.inspecting.inspect",
        "list_buckets": "importer.provisioning.listing",
        "load": "importer.api",
        "load_generated": "importer.generating.making",
        "restore": "importer.backups.restoring",
        "show_bucket": "importer.provisioning.details",
        "write_html": "importer.analysis.page",
        "read": "importer.reading.frames",
        "plot": "importer.charting.inspections",
        "write_mapping": "importer.mapping_files",
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
    "Backup",
    "BenchReport",
    "Bounds",
    "BucketDetails",
    "BucketExistsError",
    "BucketListing",
    "ConfigurationError",
    "Connection",
    "CsvOptions",
    "Exported",
    "Hints",
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
    "PlannedBucket",
    "RejectBudget",
    "RejectBudgetError",
    "Report",
    "RequestRefusedError",
    "RestoredBucket",
    "ResumeRefusedError",
    "ServerError",
    "ServerUnreachableError",
    "SourceError",
    "SpoolError",
    "TerminalServerError",
    "TransientServerError",
    "VerificationError",
    "analyze",
    "apply_buckets",
    "backup",
    "bench_api",
    "clean",
    "delete_bucket",
    "export",
    "generate",
    "inspect",
    "list_buckets",
    "load",
    "load_generated",
    "plot",
    "read",
    "restore",
    "show_bucket",
    "write_html",
    "write_mapping",
]
