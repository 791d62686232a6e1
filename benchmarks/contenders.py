"""The ways of loading that are compared: what each is told, and how it says that all went well.

Goes in: a :class:`Job`. Comes out: the command to measure, and after it what the way itself says of its parts.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.bodies import Bodies
from benchmarks.cached import Data
from benchmarks.measure import Cost

__all__ = ["BUCKET", "CONTENDERS", "Contender", "Job"]

BUCKET: Final = "benchmark"


@dataclass(frozen=True, slots=True)
class Job:
    """One load to measure.

    Attributes:
        data: what is loaded.
        bodies: the same as ready-made requests; None where they are not wanted.
        influx: the influx program; None where there is none.
        folder: for files of the run.
    """

    data: Data
    bodies: Bodies | None
    influx: Path | None
    folder: Path

    @property
    def report(self) -> Path:
        """Where the importer's report goes."""
        return self.folder / "report.json"


@dataclass(frozen=True, slots=True)
class Contender:
    """A way of loading.

    Attributes:
        name: in options and results.
        title: in tables.
        words: the command.
        takes: whether it can do the job.
        shard_group_seconds: of the bucket that is made for it; 0 is the server's default, None: it makes its own.
        phases: seconds of its parts, as it says itself.
        wrong: what went wrong though it ended well; empty if nothing did.
    """

    name: str
    title: str
    words: Callable[[Job], list[str]]
    takes: Callable[[Job], bool] = lambda _: True
    shard_group_seconds: Callable[[Job], int | None] = lambda _: 0
    phases: Callable[[Job, Cost], dict[str, float]] = lambda _job, _cost: {}
    wrong: Callable[[Job], str] = lambda _: ""


def _row_by_row(job: Job) -> list[str]:
    spec = job.data.dataset.spec
    return _module("row_by_row", job.data.csv, spec.row_function, BUCKET, spec.batch_rows)


def _influx_write(job: Job) -> list[str]:
    spec = job.data.dataset.spec
    headers = [word for text in (*spec.annotations, spec.header) for word in ("--header", text)]
    files = ["--skipHeader", "1", "--file", str(job.data.for_influx_write)]
    return [str(job.influx), "write", "--bucket", BUCKET, "--format", "csv", *headers, *files]


def _ready_lines(job: Job) -> list[str]:
    return _module("ready_lines", _bodies(job).path, BUCKET)


def _importer(job: Job) -> list[str]:
    mapping = job.folder / "mapping.toml"
    mapping.write_text(job.data.dataset.spec.mapping, encoding="utf-8")
    return [*_load(job), "--mapping", str(mapping)]


def _importer_with_mapper(job: Job) -> list[str]:
    return [*_load(job), "--mapper", f"benchmarks.row_functions:{job.data.dataset.spec.row_function}"]


def _load(job: Job) -> list[str]:
    files = ["--report", str(job.report), "--state-dir", str(job.folder / "state")]
    # The command as it is installed beside this Python.
    command = Path(sys.executable).with_name("importer")
    return [str(command), "load", str(job.data.csv), "--bucket", BUCKET, *files]


def _module(name: str, *arguments: object) -> list[str]:
    return [sys.executable, "-m", f"benchmarks.{name}", *map(str, arguments)]


def _bodies(job: Job) -> Bodies:
    if job.bodies is None:
        raise ValueError(f"{job.data.dataset.name}: there are no ready-made requests")
    return job.bodies


def _reported(job: Job) -> dict[str, Any]:
    report = json.loads(job.report.read_text(encoding="utf-8"))
    return report if isinstance(report, dict) else {}


def _reported_phases(job: Job, _: Cost) -> dict[str, float]:
    phases = _reported(job).get("phases") or {}
    return {name: float(seconds) for name, seconds in phases.items() if isinstance(seconds, int | float)}


def _not_verified(job: Job) -> str:
    status = _reported(job).get("status")
    return "" if status == "verified" else f"the report says {status}"


CONTENDERS: Final = {
    each.name: each
    for each in (
        Contender("baseline", "row by row (client library)", _row_by_row),
        Contender("influx-write", "influx write", _influx_write, takes=lambda job: job.influx is not None),
        Contender(
            "lines",
            "ready-made lines (the ceiling)",
            _ready_lines,
            shard_group_seconds=lambda job: _bodies(job).shard_group_seconds,
            phases=lambda _, cost: json.loads(cost.out),
        ),
        Contender(
            "importer",
            "importer",
            _importer,
            shard_group_seconds=lambda _: None,
            phases=_reported_phases,
            wrong=_not_verified,
        ),
        Contender(
            "mapper",
            "importer with a row function",
            _importer_with_mapper,
            takes=lambda job: job.data.dataset.name == "movebank",
            shard_group_seconds=lambda _: None,
            phases=_reported_phases,
            wrong=_not_verified,
        ),
    )
}
