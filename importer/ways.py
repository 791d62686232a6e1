"""A way to fill a bucket: what :mod:`importer.filling` needs of it, whichever it is.

There are two: line protocol (:mod:`importer.writing`), and storage files (:mod:`importer.bulk.building`).
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

from importer.ledger.duplicates import Duplicates
from importer.ledger.ledger import Ledger
from importer.ledger.report import BuildingReport, LoadPhase, WritingReport
from importer.ledger.spool import Spool
from importer.pipeline import Bounds, Stages, WriteTogether
from importer.verification.compare import Comparison

__all__ = ["Way"]


class Way(Protocol):
    """How points come into the bucket."""

    settling: LoadPhase
    """What :meth:`settle` is to the report."""

    writes_lines: bool
    """Whether points are to be encoded as lines."""

    @property
    def spool(self) -> Spool:
        """Keeps the points that were taken."""

    @property
    def bounds(self) -> Bounds:
        """How many blocks may be in flight."""

    @property
    def together(self) -> WriteTogether:
        """Takes blocks of points, on several threads."""

    def stages(self, stages: Stages) -> AbstractContextManager[Stages]:
        """What the flow is to take for the stages before the writing, while the context lasts: they may run elsewhere.

        Raises:
            ImporterError: that is not to be had.
        """

    def settle(self, ledger: Ledger) -> Duplicates:
        """When all blocks were taken: bring what is left to do into the bucket; the expectation is put right.

        Raises:
            ImporterError: it broke off.
        """

    def write_again(self, comparison: Comparison, ledger: Ledger) -> int:
        """Write the points of windows in which the server holds too few values once more; how many were missing.

        Raises:
            ImporterError: it broke off.
        """

    def finish(self, ledger: Ledger, *, is_resumed: bool) -> None:
        """When the server was found to hold all: what has to come last.

        Raises:
            ImporterError: it broke off.
        """

    def report(self) -> WritingReport | BuildingReport:
        """How it went, up to now."""
