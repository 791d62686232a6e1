"""Exit codes: what a script learns from them stays the same."""

from __future__ import annotations

import signal

from importer.errors import (
    ConfigurationError,
    ImporterError,
    LoadInterruptedError,
    RejectBudgetError,
    SourceError,
)

__all__ = ["EXIT_CODES", "exit_code"]

EXIT_CODES = {
    0: "loaded and verified, or unverified or a dry run as asked; rejects within the budget included",
    1: "failed; the bucket is as it was",
    2: "wrong usage or configuration, or a bucket that exists; nothing was begun",
    3: "more rejects than allowed; the bucket is as it was",
    130: "interrupted by Ctrl-C (143: terminated); the bucket is as it was",
}


def exit_code(error: ImporterError, signal_number: int | None = None) -> int:
    """The exit code that an error ends the command with.

    Args:
        error: what was raised.
        signal_number: of the signal that interrupted the load.
    """
    if isinstance(error, LoadInterruptedError):
        return 128 + (signal_number or signal.SIGINT)
    if isinstance(error, RejectBudgetError):
        return 3
    if isinstance(error, ConfigurationError):
        return 2
    # A source that cannot even be opened is a slip of the user; one that breaks off is a failed load.
    return 2 if isinstance(error, SourceError) and error.report is None else 1
