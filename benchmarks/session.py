"""The measuring itself: each load against a fresh server, the ways of loading in turn.

Goes in: which shapes, ways and sizes. Comes out: :class:`~benchmarks.results.Results`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.bodies import Bodies, write_bodies
from benchmarks.cached import Data, prepare
from benchmarks.contenders import BUCKET, COMMAND, CONTENDERS, Contender, Job
from benchmarks.datasets import DATASETS
from benchmarks.measure import Cost, FreshServer, fresh_server, measured
from benchmarks.results import HELP, Results, Run, Size, Start
from benchmarks.weighing import Stored, compacted
from importer.bucket import catalogue
from importer.limits import MAX_TIME_NS, MIN_TIME_NS
from importer.server.connection import Server
from importer.verification.counting import count_distinct, count_values

__all__ = ["GROWING", "Session"]

GROWING: Final = "movebank"
"""What is loaded at several sizes."""

FEW_ROWS: Final = 10

SAID_CHARS: Final = 300
READ_BYTES: Final = 1 << 22
QUESTION_SECONDS: Final = 600.0


@dataclass(frozen=True, slots=True)
class Session:
    """What to measure, and with what.

    Attributes:
        influxd: the server's binary.
        influx: the influx program; None leaves ``influx write`` out.
        data: folder of generated files.
        seed: of the data.
        rounds: how often each load is measured.
        say: gets a line per load.
        done: gets each round's end, so that a session that is broken off leaves what it has.
    """

    influxd: Path
    influx: Path | None
    data: Path
    seed: int
    rounds: int
    say: Callable[[str], None]
    done: Callable[[], None] = lambda: None

    def compare(self, results: Results, names: Sequence[str], ways: Sequence[str], rows: int) -> None:
        """Load each shape in each way, one way after the other, as many rounds as asked for.

        Args:
            results: gets the runs.
            names: of the shapes.
            ways: of loading, in this order.
            rows: of a shape whose share is whole.
        """
        for name in names:
            data = self._prepare(name, DATASETS[name].rows(rows))
            made = self.data / f"bodies-{os.getpid()}"
            try:
                bodies = write_bodies(data, made) if "lines" in ways else None
                for number in range(self.rounds):
                    results.runs += self._round(data, bodies, ways, number)
                    self.done()
            finally:
                for path in made.parent.glob(f"{made.name}*"):
                    path.unlink()

    def grow(self, results: Results, way: str, sizes: Sequence[int]) -> None:
        """Load one shape at several sizes, one after the other, as many rounds as asked for."""
        files = [self._prepare(GROWING, rows) for rows in sizes]
        for number in range(self.rounds):
            for data in files:
                results.growth += self._round(data, None, (way,), number)
            self.done()

    def weigh(self, results: Results, ways: Sequence[str], rows: int) -> None:
        """Load one shape in several ways, and see what the server's disk holds of it once it has compacted all."""
        data = self._prepare(GROWING, rows)
        for way in ways:
            with fresh_server(self.influxd, self.data, compacts_at_once=True) as server:
                run = self._run(server, data, None, CONTENDERS[way], 0)
                stored = compacted(server) if not run.trouble else Stored()
            results.sizes.append(Size(way, rows, run.trouble, stored.files, stored.bytes))
            self.say(f"  {way}: {run.trouble or f'{stored.bytes / 1e6:,.1f} MB in {stored.files} files'}")
        self.done()

    def start(self, results: Results) -> None:
        """Have the importer do next to nothing, as many rounds as asked for: what is left is its start-up."""
        way = "importer"
        data = self._prepare(GROWING, FEW_ROWS)
        for number in range(self.rounds):
            with fresh_server(self.influxd, self.data) as server:
                _level_the_field(data, None)
                cost = measured([str(COMMAND), "--help"], server)
                trouble = _without_paths(_trouble(cost, 0, 0), server, self.data)
                run = self._run(server, data, None, CONTENDERS[way], number)
            results.start += [
                Start(HELP, number, trouble, cost.wall_seconds, cost.cpu_seconds, cost.peak_bytes),
                Start(
                    f"a load of {FEW_ROWS} rows", number, run.trouble, run.wall_seconds, run.cpu_seconds, run.peak_bytes
                ),
            ]
            for each in results.start[-2:]:
                self.say(f"  {number + 1}. {each.what}: {each.trouble or f'{each.cpu_seconds:.2f} s of CPU'}")
            self.done()

    def _prepare(self, name: str, rows: int) -> Data:
        self.say(f"{name}: {rows:,} rows")
        return prepare(DATASETS[name], rows, self.seed, self.data)

    def _round(self, data: Data, bodies: Bodies | None, ways: Sequence[str], number: int) -> list[Run]:
        runs = []
        for way in ways:
            contender = CONTENDERS[way]
            if contender.takes(Job(data, bodies, self.influx, self.data)):
                with fresh_server(self.influxd, self.data) as server:
                    runs.append(self._run(server, data, bodies, contender, number))
                self.say(_line(runs[-1]))
        return runs

    def _run(self, server: FreshServer, data: Data, bodies: Bodies | None, contender: Contender, number: int) -> Run:
        job = Job(data, bodies, self.influx, server.folder)
        with Server(server.connection, timeout_seconds=QUESTION_SECONDS) as questions:
            _make_bucket(questions, contender.shard_group_seconds(job))
            words = contender.words(job)
            _level_the_field(data, bodies)
            cost = measured(words, server)
            stored, shard_seconds = _stored(questions, data)
        trouble = _trouble(cost, stored, data.rows)
        phases: dict[str, float] = {}
        elapsed: float | None = None
        if not trouble:
            trouble, elapsed = contender.wrong(job), contender.elapsed_seconds(job)
            phases = contender.phases(job, cost)
        return Run(
            dataset=data.dataset.name,
            contender=contender.name,
            round=number,
            rows=data.rows,
            stored=stored,
            trouble=_without_paths(trouble, server, self.data),
            wall_seconds=cost.wall_seconds,
            cpu_seconds=cost.cpu_seconds,
            peak_bytes=cost.peak_bytes,
            server_cpu_seconds=cost.server_cpu_seconds,
            server_peak_bytes=cost.server_peak_bytes,
            shard_group_seconds=shard_seconds,
            phases=phases,
            elapsed_seconds=elapsed,
        )


def _make_bucket(server: Server, shard_group_seconds: int | None) -> None:
    """For the ways that make none themselves; 0 leaves the size of its shard groups to the server."""
    if shard_group_seconds is None:
        return
    rule = {"type": "expire", "everySeconds": 0}
    if shard_group_seconds:
        rule["shardGroupDurationSeconds"] = shard_group_seconds
    server.call("POST", "/api/v2/buckets", body={"orgID": server.org_id, "name": BUCKET, "retentionRules": [rule]})


def _level_the_field(data: Data, bodies: Bodies | None) -> None:
    """Nothing of the run before is still to be written to the disk, and nobody has to wait for it to be read."""
    os.sync()
    for path in (data.csv, data.for_influx_write, *([bodies.path] if bodies else [])):
        with path.open("rb") as file:
            while file.read(READ_BYTES):
                pass


def _stored(server: Server, data: Data) -> tuple[int, int | None]:
    """Rows of which the server holds each value, and the size of the shard groups that they are in."""
    bucket = catalogue.find(server, BUCKET)
    if bucket is None:
        return 0, None
    counts = count_values(server, bucket.id, MIN_TIME_NS, MAX_TIME_NS + 1)
    for name, count in counts.items():
        if count > data.rows:  # this server may count some points twice
            counts[name] = count_distinct(server, bucket.id, name, MIN_TIME_NS, MAX_TIME_NS + 1)
    stored = min(counts.values()) if len(counts) == data.dataset.spec.values else 0
    return stored, bucket.settings.shard_duration_seconds


def _trouble(cost: Cost, stored: int, rows: int) -> str:
    if cost.code:
        return f"ended with {cost.code}: {cost.err.strip()[-SAID_CHARS:]}"
    return f"lost {rows - stored:,} of {rows:,} rows" if stored != rows else ""


def _without_paths(text: str, server: FreshServer, folder: Path) -> str:
    """Results are made public, and a folder's name may say who has measured."""
    for path in (server.folder, folder, Path.home()):
        text = text.replace(str(path), "…")
    return text


def _line(run: Run) -> str:
    said = run.trouble or f"{run.rows_per_second:,.0f} rows/s"
    return f"  {run.round + 1}. {run.contender}: {run.wall_seconds:.2f} s, {said}"
