"""The options of a load, with their defaults; the command line and the Python API share them."""

from __future__ import annotations

import importlib.util
import math
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import platformdirs

from importer.choices import Compression, IfExists, MethodChoice, Precision
from importer.errors import ConfigurationError
from importer.ledger.budget import RejectBudget
from importer.source.blocks import BLOCK_BYTES
from importer.source.bounds import (
    DOWNLOAD_TIMEOUT_SECONDS,
    MAX_COLUMNS,
    MAX_DOWNLOAD_BYTES,
    MAX_DOWNLOAD_SECONDS,
    MAX_EXPANSION,
    MAX_RECORD_BYTES,
    Bounds,
)

__all__ = ["LoadOptions", "default_state_dir"]


def default_state_dir() -> Path:
    """Where loads keep their accounts while they run."""
    return platformdirs.user_state_path("importer")


_CHOICES = {"if_exists": IfExists, "method": MethodChoice, "precision": Precision, "compression": Compression}


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadOptions:
    """How to load; what to load, and how to map it, stand apart.

    Attributes:
        bucket: the target's name.
        if_exists: what to do about a bucket of that name.
        method: ``write`` sends line protocol, ``bulk`` builds the server's storage files and hands them over by its
            restore API; ``auto`` takes that where it can.
        retention_seconds: 0 for ever; None carries over what the replaced bucket has.
        shard_duration_seconds: None fits it to the data.
        time_span_seconds: from the first point to the last, where it is known beforehand; None: it is looked for.
        max_series: more series than this stop the load.
        keep_old: keep the replaced bucket under another name.
        rejects: file for the rejects; None is ``BUCKET.rejects.csv`` in the current folder.
        max_rejects: how many there may be: a number, or a percentage such as ``"0.5%"``.
        allow_empty: a source that gives no point may replace a bucket that holds some.
        report: file for the report as JSON.
        dry_run: line protocol to standard output, no server.
        limit: rows to read at the most.
        max_record_bytes: a longer record of the source ends the load.
        max_columns: a header of more ends it.
        max_expansion: a source of which each stored byte gives more than so many bytes of text ends it.
        max_download_bytes: of a source that is read by URL, as stored there.
        download_timeout_seconds: how long a download may stand still before its connection is tried anew.
        max_download_seconds: how long one may be waited for in all; a load that waits for the server does not count.
        precision: finer timestamps are rejected.
        batch_rows: lines per write call at the most; None: as the server takes them best.
        block_bytes: CSV text per block.
        workers: blocks being written at once; None: as many as make it faster, up to three.
        compression: of the write calls; ``auto`` is none to this machine and gzip elsewhere.
        mapper_processes: that call a row function; more than one for a function that takes long.
        build_processes: that build storage files; of the method ``bulk``.
        cluster: address of the scheduler of a Dask cluster whose workers map the rows and build the storage files; of
            the method ``bulk``.
        state_dir: where the accounts are kept while the load runs, and the journal of one that can be gone on with.
        resume: go on with an unfinished load of the same source, mapping and bucket, if there is one.
        verify: ask the server whether all has arrived.
        wait_seconds: how long an absent server is waited for, at the start and in mid-load.

    Raises:
        ConfigurationError: a number is below its least.
    """

    bucket: str
    if_exists: IfExists = "auto"
    method: MethodChoice = "write"
    retention_seconds: int | None = None
    shard_duration_seconds: int | None = None
    time_span_seconds: float | None = None
    max_series: int = 1_000_000
    keep_old: bool = False
    allow_empty: bool = False
    rejects: Path | None = None
    max_rejects: RejectBudget | int | str = 0
    report: Path | None = None
    dry_run: bool = False
    limit: int | None = None
    max_record_bytes: int = MAX_RECORD_BYTES
    max_columns: int = MAX_COLUMNS
    max_expansion: int = MAX_EXPANSION
    max_download_bytes: int = MAX_DOWNLOAD_BYTES
    download_timeout_seconds: float = DOWNLOAD_TIMEOUT_SECONDS
    max_download_seconds: float = MAX_DOWNLOAD_SECONDS
    precision: Precision = "ns"
    batch_rows: int | None = None
    block_bytes: int = BLOCK_BYTES
    workers: int | None = None
    compression: Compression = "auto"
    mapper_processes: int = 1
    build_processes: int = 1
    cluster: str | None = None
    state_dir: Path | None = None
    resume: bool = False
    verify: bool = True
    wait_seconds: float = 100.0

    def __post_init__(self) -> None:
        numbers = ("max_series", "batch_rows", "block_bytes", "workers", "limit", "mapper_processes", "build_processes")
        for name in numbers:
            number = getattr(self, name)
            if number is not None and number < 1:
                raise ConfigurationError(f"{name} is {number}: at least 1 is needed")
        for name, words in _CHOICES.items():
            if getattr(self, name) not in get_args(words):
                known = ", ".join(map(repr, get_args(words)))
                raise ConfigurationError(f"{name} is {getattr(self, name)!r}: it is one of {known}")
        _ = self.reject_budget, self.bounds  # what is wrong is told of now, not in mid-load
        if self.resume and self.dry_run:
            raise ConfigurationError("a dry run writes nothing that could be resumed: leave out --resume or --dry-run")
        if self.build_processes > 1 and self.method == "write":
            raise ConfigurationError("line protocol has no files to build: --build-processes goes with --method bulk")
        if self.cluster is not None:
            self._check_cluster()
        if self.time_span_seconds is not None and not 0 <= self.time_span_seconds < math.inf:
            raise ConfigurationError(f"time_span_seconds is {self.time_span_seconds}: give 0 or more")
        if not self.wait_seconds >= 0:
            raise ConfigurationError(f"wait_seconds is {self.wait_seconds}: give 0 or more")

    def _check_cluster(self) -> None:
        if self.method == "write" or self.dry_run:
            raise ConfigurationError("a cluster builds storage files: --cluster goes with --method bulk or auto")
        if importlib.util.find_spec("distributed") is None:
            raise ConfigurationError("a cluster needs more than is installed: pip install 'importer[cluster]'")
        if self.resume:
            raise ConfigurationError(
                "a load by a cluster cannot be resumed, as its points are on the workers: leave out --resume or "
                "--cluster"
            )
        for name in ("mapper_processes", "build_processes"):
            if getattr(self, name) > 1:
                option = f"--{name.replace('_', '-')}"
                raise ConfigurationError(f"the workers of the cluster do that work: leave out {option} or --cluster")

    @property
    def reject_budget(self) -> RejectBudget:
        """How many rejects there may be."""
        return self.max_rejects if isinstance(self.max_rejects, RejectBudget) else RejectBudget.parse(self.max_rejects)

    @property
    def bounds(self) -> Bounds:
        """What of a source is too much."""
        return Bounds(
            self.max_record_bytes,
            self.max_columns,
            self.max_expansion,
            self.max_download_bytes,
            self.download_timeout_seconds,
            self.max_download_seconds,
        )

    @property
    def rejects_path(self) -> Path:
        """Where rejects go."""
        return self.rejects or Path(self.bucket.replace("/", "_") + ".rejects.csv")
