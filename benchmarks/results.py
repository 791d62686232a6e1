"""What was measured, as it stands in the JSON file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

__all__ = ["HELP", "Results", "Run", "Size", "Start", "read_results", "write_results"]

SCHEMA_VERSION: Final = 1
HELP: Final = "importer --help"


@dataclass(frozen=True, slots=True)
class Run:
    """One load.

    Attributes:
        dataset: its shape.
        contender: the way of loading.
        round: the runs of a round follow each other; ratios are taken within one.
        rows: of the file.
        stored: rows of which the server holds each value, as it says afterwards.
        trouble: what went wrong; empty if nothing did.
        wall_seconds: the whole process.
        cpu_seconds: of the process and its children.
        peak_bytes: of resident memory.
        server_cpu_seconds: of the server meanwhile.
        server_peak_bytes: of the server.
        shard_group_seconds: of the bucket.
        phases: seconds of its parts, as it says itself.
        elapsed_seconds: of the load without the start of the process, as it says itself; None where it does not.
    """

    dataset: str
    contender: str
    round: int
    rows: int
    stored: int
    trouble: str
    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int
    server_cpu_seconds: float
    server_peak_bytes: int
    shard_group_seconds: int | None
    phases: dict[str, float] = field(default_factory=dict)
    elapsed_seconds: float | None = None

    @property
    def rows_per_second(self) -> float:
        """Over the whole process."""
        return self.rows / self.wall_seconds


@dataclass(frozen=True, slots=True)
class Start:
    """A run of the importer that has next to nothing to do.

    Attributes:
        what: it was told to do, in words.
        round: the how-manieth time.
        trouble: what went wrong; empty if nothing did.
        wall_seconds: the whole process.
        cpu_seconds: user and system.
        peak_bytes: of resident memory.
    """

    what: str
    round: int
    trouble: str
    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int


@dataclass(frozen=True, slots=True)
class Size:
    """What the server keeps of a load once it has compacted all.

    Attributes:
        contender: the way of loading.
        rows: of the file.
        trouble: what went wrong; empty if nothing did.
        files: storage files.
        bytes: of all of them.
    """

    contender: str
    rows: int
    trouble: str
    files: int
    bytes: int


@dataclass(slots=True)
class Results:
    """A session.

    Attributes:
        machine: what it was measured on.
        seed: of the data.
        runs: of the comparison.
        growth: of the importer alone, at several sizes of one shape.
        sizes: what of one shape the server keeps.
        start: of the importer, with next to nothing to do.
    """

    machine: dict[str, str | int]
    seed: int
    runs: list[Run] = field(default_factory=list)
    growth: list[Run] = field(default_factory=list)
    start: list[Start] = field(default_factory=list)
    sizes: list[Size] = field(default_factory=list)

    def of(self, dataset: str, contender: str) -> dict[int, Run]:
        """The runs of a way of loading, by round; those that went wrong are left out."""
        picked = [run for run in self.runs if (run.dataset, run.contender) == (dataset, contender)]
        return {run.round: run for run in picked if not run.trouble}

    def keep(self, earlier: Results, measured: Sequence[str], grown: Sequence[str]) -> None:
        """Keep what an earlier session measured besides, on the same machine and with the same server.

        Args:
            earlier: what it measured.
            measured: the shapes that are measured now; if none, start and sizes are kept, too.
            grown: the ways that are measured now at several sizes.

        Raises:
            ValueError: it was another machine or server.
        """
        own = ("importer", "influxdb-client", "polars")
        facts, facts_then = (
            {name: fact for name, fact in each.machine.items() if name not in own} for each in (self, earlier)
        )
        if facts != facts_then:
            raise ValueError(f"it was measured on another machine: {facts_then}, and this is {facts}")
        self.runs += [run for run in earlier.runs if run.dataset not in measured]
        self.growth += [run for run in earlier.growth if run.contender not in grown]
        if not measured:
            self.start, self.sizes = earlier.start, earlier.sizes

    @property
    def troubles(self) -> list[str]:
        """What went wrong, in words."""
        found = [
            f"{run.dataset}, {run.contender}, {run.rows:,} rows: {run.trouble}"
            for run in (*self.runs, *self.growth)
            if run.trouble
        ]
        found += [f"{size.contender}, weighed: {size.trouble}" for size in self.sizes if size.trouble]
        found += [f"{start.what}: {start.trouble}" for start in self.start if start.trouble]
        for name in dict.fromkeys(run.dataset for run in self.runs):
            sizes = [{run.shard_group_seconds for run in self.of(name, way).values()} for way in ("lines", "importer")]
            if all(sizes) and sizes[0] != sizes[1]:
                found.append(f"{name}: the ceiling's bucket and the importer's differ in their shard groups")
        return found


def write_results(results: Results, path: Path) -> None:
    """Write a session as JSON, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.new")
    whole = {"schema_version": SCHEMA_VERSION, **asdict(results)}
    draft.write_text(json.dumps(_rounded(whole), indent=1) + "\n", encoding="utf-8")
    draft.replace(path)


def read_results(path: Path) -> Results:
    """Read what :func:`write_results` wrote.

    Raises:
        ValueError: it is of another structure.
    """
    raw = json.loads(path.read_text(encoding="utf-8"))
    if raw.pop("schema_version", None) != SCHEMA_VERSION:
        raise ValueError(f"{path.name} is not of schema version {SCHEMA_VERSION}: measure anew")
    runs, growth = ([Run(**run) for run in raw.pop(name)] for name in ("runs", "growth"))
    start = [Start(**each) for each in raw.pop("start", ())]
    sizes = [Size(**each) for each in raw.pop("sizes", ())]
    return Results(**raw, runs=runs, growth=growth, start=start, sizes=sizes)


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    return [_rounded(each) for each in value] if isinstance(value, list) else value
