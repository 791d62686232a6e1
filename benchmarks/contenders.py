"""The ways of loading that are compared: what each is told, and how it says that all went well.

Goes in: a :class:`Job`. Comes out: the command to measure, and after it what the way itself says of its parts.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from benchmarks.bodies import Bodies
from benchmarks.cached import Data
from benchmarks.measure import Cost

__all__ = ["BUCKET", "COMMAND", "CONTENDERS", "Contender", "Job"]

BUCKET: Final = "benchmark"
COMMAND: Final = Path(sys.executable).with_name("importer")
"""As it is installed beside this Python."""


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
        is_usual: whether it is measured without being named.
        shard_group_seconds: of the bucket that is made for it; 0 is the server's default, None: it makes its own.
        phases: seconds of its parts, as it says itself.
        elapsed_seconds: of the load, as it says itself; None where it does not.
        wrong: what went wrong though it ended well; empty if nothing did.
    """

    name: str
    title: str
    words: Callable[[Job], list[str]]
    takes: Callable[[Job], bool] = lambda _: True
    is_usual: bool = True
    shard_group_seconds: Callable[[Job], int | None] = lambda _: 0
    phases: Callable[[Job, Cost], dict[str, float]] = lambda _job, _cost: {}
    elapsed_seconds: Callable[[Job], float | None] = lambda _: None
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


def _importer(job: Job, *more: str) -> list[str]:
    mapping = job.folder / "mapping.toml"
    mapping.write_text(job.data.dataset.spec.mapping, encoding="utf-8")
    return [*_load(job), "--mapping", str(mapping), *more]


def _in_bulk(job: Job, *, processes: int = 1) -> list[str]:
    return _importer(job, "--method", "bulk", "--build-processes", str(processes))


def _importer_with_mapper(job: Job, *, processes: int = 1) -> list[str]:
    function = f"benchmarks.row_functions:{job.data.dataset.spec.row_function}"
    return [*_load(job), "--mapper", function, "--mapper-processes", str(processes)]


def _load(job: Job) -> list[str]:
    files = ["--report", str(job.report), "--state-dir", str(job.folder / "state")]
    return [str(COMMAND), "load", str(job.data.csv), "--bucket", BUCKET, *files]


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


def _reported_elapsed(job: Job) -> float | None:
    seconds = _reported(job).get("elapsed_seconds")
    return float(seconds) if isinstance(seconds, int | float) else None


def _not_verified(job: Job) -> str:
    status = _reported(job).get("status")
    return "" if status == "verified" else f"the report says {status}"


def _is_movebank(job: Job) -> bool:
    return job.data.dataset.name == "movebank"


_own = partial(
    Contender,
    shard_group_seconds=lambda _: None,
    phases=_reported_phases,
    elapsed_seconds=_reported_elapsed,
    wrong=_not_verified,
)

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
        _own("importer", "importer", _importer),
        _own("bulk", "importer, in bulk", _in_bulk),
        _own(
            "bulk-2",
            "importer, in bulk, 2 processes that build",
            partial(_in_bulk, processes=2),
            takes=_is_movebank,
            is_usual=False,
        ),
        _own("mapper", "importer with a row function", _importer_with_mapper, takes=_is_movebank),
        _own(
            "mapper-2",
            "importer with a row function, 2 processes",
            partial(_importer_with_mapper, processes=2),
            takes=_is_movebank,
        ),
    )
}
