"""The report as a file."""

from __future__ import annotations

from pathlib import Path

from importer.errors import ConfigurationError
from importer.ledger.report import Report

__all__ = ["check_report_path", "write_report"]


def check_report_path(path: Path) -> None:
    """Refuse a place where a report could never be written, before the load and not after it.

    Raises:
        ConfigurationError: it is a folder, in one that does not exist, or a file that is something else.
    """
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise ConfigurationError(f"cannot write the report to {str(path)!r}: name a file in a folder that exists")
    if path.is_file() and path.stat().st_size and not _is_report(path):
        raise ConfigurationError(f"{str(path)!r} is there and is no report: name another file by --report")


def write_report(report: Report, path: Path) -> None:
    """Write a report as JSON.

    Raises:
        ConfigurationError: the file cannot be written.
    """
    try:
        path.write_text(report.model_dump_json(indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"cannot write the report to {str(path)!r}: {error.strerror}") from error


def _is_report(path: Path) -> bool:
    try:
        return '"schema_version"' in path.read_text(encoding="utf-8")[:1_000]
    except (OSError, UnicodeDecodeError):
        return False
