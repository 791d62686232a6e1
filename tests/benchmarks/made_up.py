"""Results of a session that never was."""

from __future__ import annotations

from typing import Any

from benchmarks.results import HELP, Results, Run, Start

MACHINE: dict[str, str | int] = {"cpus": 2, "cpu_model": "<fast> & small", "memory_mb": 8192}
MACHINE |= {"influxdb": "2.7.12", "python": "3.11.7", "polars": "2.1.0"}


def run(contender: str, seconds: float, *, round: int = 0, **more: Any) -> Run:  # noqa: A002 - the record's own name
    usual: dict[str, Any] = {"dataset": "movebank", "rows": 1_000_000, "trouble": "", "shard_group_seconds": 7_776_000}
    usual |= {
        "cpu_seconds": 2.0,
        "peak_bytes": 250_000_000,
        "server_cpu_seconds": 12.0,
        "server_peak_bytes": 500_000_000,
    }
    whole = usual | more
    stored = whole.pop("stored", whole["rows"])
    return Run(contender=contender, round=round, wall_seconds=seconds, stored=stored, **whole)


def session(*runs: Run, growth: tuple[Run, ...] = ()) -> Results:
    return Results(MACHINE, 1, list(runs), list(growth))


def three_rounds() -> Results:
    """The machine is half as fast in the second round as in the others."""
    seconds = {"baseline": 60.0, "lines": 6.0, "importer": 8.0, "mapper": 30.0}
    phases = {"lines": {"load": 5.7}, "importer": {"load": 6.0, "verify": 0.6, "look": 0.3}}
    made = session(
        *(
            run(
                name,
                each * slower,
                round=number,
                phases={phase: value * slower for phase, value in phases.get(name, {}).items()},
                elapsed_seconds=7.5 * slower if name == "importer" else None,
            )
            for number, slower in enumerate((1.0, 2.0, 1.0))
            for name, each in seconds.items()
        ),
        growth=(
            run("importer", 1.1, rows=100_000),
            run("importer", 8.0, peak_bytes=260_000_000),
            run("importer", 42.0, rows=5_000_000, peak_bytes=280_000_000),
        ),
    )
    made.start += [Start(HELP, number, "", 2 * cpu, cpu, 40_000_000) for number, cpu in enumerate((0.5, 0.31, 0.3))]
    return made
