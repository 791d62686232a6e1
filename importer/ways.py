"""A way to fill a bucket: what :mod:`importer.filling` needs of it, whichever it is.

By line protocol: :mod:`importer.writing`. By storage files: :mod:`importer.bulk.building`, or over the workers of a
cluster :mod:`importer.bulk.spread`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass

from importer.bucket import Target
from importer.encoding.series import SeriesIndex
from importer.ledger.duplicates import Duplicates
from importer.ledger.ledger import Ledger
from importer.ledger.report import BuildingReport, LoadPhase, WritingReport
from importer.ledger.spool import Spool
from importer.options import LoadOptions
from importer.pipeline import Bounds, Stages, WriteTogether
from importer.resuming import Accounts
from importer.running import Running
from importer.server.connection import Server
from importer.verification.compare import Comparison

__all__ = ["LoadContext", "Way"]


@dataclass(frozen=True, slots=True)
class LoadContext:
    """What a load is made with, whichever way it takes.

    Attributes:
        server: the connection.
        target: the bucket.
        options: how to load.
        accounts: of the load.
        running: tells how far it is, pauses it, and may end it.
        series: of the load.
        stack: closes at the end what is opened for the load.
    """

    server: Server
    target: Target
    options: LoadOptions
    accounts: Accounts
    running: Running
    series: SeriesIndex
    stack: ExitStack


class Way(ABC):
    """How points come into the bucket.

    Attributes:
        settling: what :meth:`settle` is to the report.
        writes_lines: whether points are to be encoded as lines.
        spool: keeps the points that were taken.
        bounds: how many blocks may be in flight.
    """

    settling: LoadPhase
    writes_lines: bool
    spool: Spool
    bounds: Bounds

    @property
    @abstractmethod
    def together(self) -> WriteTogether:
        """Takes blocks of points, on several threads."""

    def stages(self, stages: Stages) -> AbstractContextManager[Stages]:
        """What the flow is to take for the stages before the writing, while the context lasts: they may run elsewhere.

        Raises:
            ImporterError: that is not to be had.
        """
        return nullcontext(stages)

    @abstractmethod
    def settle(self, ledger: Ledger) -> Duplicates:
        """When all blocks were taken: bring what is left to do into the bucket; the expectation is put right.

        Raises:
            ImporterError: it broke off.
        """

    @abstractmethod
    def write_again(self, comparison: Comparison, ledger: Ledger) -> int:
        """Write the points of windows in which the server holds too few values once more; how many were missing.

        Raises:
            ImporterError: it broke off.
        """

    @abstractmethod
    def finish(self, ledger: Ledger, *, is_resumed: bool) -> None:
        """When the server was found to hold all: what has to come last.

        Raises:
            ImporterError: it broke off.
        """

    @abstractmethod
    def report(self) -> WritingReport | BuildingReport:
        """How it went, up to now."""
