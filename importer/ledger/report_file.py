"""The report as a file."""

from __future__ import annotations

from pathlib import Path

from importer.errors import ConfigurationError
from importer.ledger.report import Report

__all__ = ["write_report"]


def write_report(report: Report, path: Path) -> None:
    """Write a report as JSON.

    Raises:
        ConfigurationError: the file cannot be written.
    """
    try:
        path.write_text(report.model_dump_json(indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"cannot write the report to {str(path)!r}: {error.strerror}") from error
