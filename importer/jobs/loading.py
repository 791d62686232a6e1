"""One load of a job: the same as on the command line.

Goes in: what is wanted, the file, the job's folder. Comes out: the load's report, or its error; and what a load that
was told to end for good had left, removed.
"""

from __future__ import annotations

import logging
import shutil
import threading
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from importer.api import load
from importer.bucket import repair
from importer.bucket.catalogue import find
from importer.bucket.leftovers import find_leftovers, remove_leftover
from importer.bucket.names import check_target
from importer.bucket.policy import check_replaceable
from importer.bucket.shards import parse_duration
from importer.choices import IfExists
from importer.errors import MappingError
from importer.inspecting.hints import Hints
from importer.inspecting.naming import bucket_after
from importer.jobs.job import Wanted, WantedHints
from importer.journal import load_folders
from importer.ledger.report import Report
from importer.mapping.parts import CsvOptions
from importer.mapping.spec import Mapping
from importer.options import LoadOptions
from importer.progress import Progress
from importer.server.connection import Connection, Patience, Server
from importer.server.retry import RetryPolicy

__all__ = [
    "ACCOUNTS",
    "REJECTS",
    "begun_loads",
    "check_bucket",
    "hints_of",
    "load_options",
    "mapping_of",
    "run_load",
    "take_back",
]

log = logging.getLogger(__name__)

ACCOUNTS, REJECTS = "accounts", "rejects.csv"
"""In the job's folder: the load's own accounts, and its rejects."""

TIDY_SECONDS = 10.0


def mapping_of(given: dict[str, Any] | str | None, csv: dict[str, Any]) -> dict[str, Any]:
    """The arguments of :func:`importer.load` that say how to map.

    Args:
        given: JSON, or the text of a mapping file; None: it is inferred.
        csv: how to read the text; goes before what the mapping says.

    Raises:
        MappingError: one of them is wrong.
    """
    if given is None:
        return {"csv": CsvOptions.from_dict(csv)}
    if isinstance(given, str):
        try:
            given = tomllib.loads(given)
        except tomllib.TOMLDecodeError as error:
            raise MappingError(f"the mapping is no TOML: {error}") from None
    mapping = Mapping.from_dict(given)
    return {"mapping": mapping.reading(csv) if csv else mapping}


def hints_of(wanted: WantedHints | None, csv: dict[str, Any] | None = None) -> Hints:
    """What is known better, as an inspection takes it.

    Raises:
        MappingError: a part of it is wrong.
    """
    given = (wanted or WantedHints()).model_dump()
    return Hints.of(**{name: value for name, value in given.items() if value is not None}, csv=csv)


def load_options(wanted: Wanted, source: Path, folder: Path, *, resume: bool = False) -> LoadOptions:
    """The load's options.

    Args:
        wanted: what its user says.
        source: the file, after which the bucket is named where nobody names it.
        folder: of the job.
        resume: go on with what an earlier run of the job left.

    Raises:
        ConfigurationError: one of them is wrong, or the bucket must be named.
    """
    bucket = wanted.bucket
    if bucket is None:
        bucket = bucket_after([source])
    check_target(bucket)
    return LoadOptions(
        bucket=bucket,
        if_exists=wanted.if_exists,
        max_rejects=wanted.max_rejects,
        retention_seconds=None if wanted.retention is None else parse_duration(wanted.retention),
        keep_old=wanted.keep_old,
        allow_empty=wanted.allow_empty,
        limit=wanted.limit,
        precision=wanted.precision,
        rejects=folder / REJECTS,
        state_dir=folder / ACCOUNTS,
        resume=resume,
    )


def run_load(
    wanted: Wanted,
    source: Path,
    folder: Path,
    *,
    resume: bool,
    before: str | None = None,
    connection: Callable[[], Connection],
    progress: Progress,
    stop: threading.Event,
) -> Report:
    """Load.

    Args:
        wanted: how.
        source: the file.
        folder: of the job.
        resume: go on with what an earlier run of the job left.
        before: the load of that run, where it is known.
        connection: finds the server.
        progress: listens.
        stop: when set, it ends.

    Raises:
        ImporterError: as :func:`importer.load`.
    """
    mapped_by = mapping_of(wanted.mapping, wanted.csv)
    if wanted.hints is not None and wanted.mapping is None:
        mapped_by["hints"] = hints_of(wanted.hints)
    options = load_options(wanted, source, folder, resume=resume)
    if before is not None and wanted.if_exists == "fail" and before not in begun_loads(folder):
        with Server(connection()) as server:
            live = find(server, options.bucket)
        # Killed when all was in place, before anybody could be told: the bucket that is there is its own.
        if live is not None and live.mark is not None and live.mark.load_id == before:
            options = replace(options, if_exists="replace")
    return load(
        source,
        options=options,
        connection=connection,
        progress=progress,
        stop=stop,
        **mapped_by,
    )


def check_bucket(server: Server, bucket: str, if_exists: IfExists) -> None:
    """Refuse at once what the load would refuse after a while: a bucket that may not be replaced.

    Whether one that a load made was written to since is left to the load: that takes long.

    Raises:
        BucketExistsError: it may not.
        ServerError: the server refuses, or does not answer.
    """
    live = find(server, bucket)
    mark = live.mark if live else None
    if if_exists == "fail" or mark is None or mark.role != "live":
        check_replaceable(server, live, if_exists)


def take_back(bucket: str, folder: Path, connection: Callable[[], Connection]) -> None:
    """Remove what the loads of a job left to be gone on with: on the server, and on this machine.

    Args:
        bucket: the target, which stays as it is.
        folder: of the job.
        connection: finds the server.

    Raises:
        ImporterError: the server cannot be asked; the accounts stay.
    """
    loads = begun_loads(folder)
    if loads:
        with Server(connection()) as server:
            server.patience = Patience(RetryPolicy(TIDY_SECONDS), log.warning)
            repair(server, bucket, say=log.info)
            for left in find_leftovers(server, bucket, resumable=lambda _: False):
                # What a swap set aside is not the load's own.
                if left.load_id in loads and left.kind in {"staging", "lock"}:
                    remove_leftover(server, left, named=True)
    shutil.rmtree(folder / ACCOUNTS, ignore_errors=True)


def begun_loads(folder: Path) -> list[str]:
    """The ids of the loads whose accounts are in a job's folder, the youngest first."""
    return [path.name.removeprefix("load-") for path in load_folders(folder / ACCOUNTS)]
