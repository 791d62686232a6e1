"""Measure, print, and write down: ``python -m benchmarks``, or ``make bench``."""

from __future__ import annotations

import argparse
import compileall
import os
import signal
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.console import Console

from benchmarks.cached import default_folder
from benchmarks.chart import chart
from benchmarks.contenders import CONTENDERS
from benchmarks.datasets import DATASETS
from benchmarks.machine import machine_facts
from benchmarks.results import Results, read_results, write_results
from benchmarks.session import GROWING, Session
from benchmarks.tables import all_tables, for_terminal, machine_line, markdown
from benchmarks.write_docs import ROOT, write_docs
from importer.server.influxd import find_or_build

__all__ = ["main"]

INFLUX_SETTING = "BENCH_INFLUX"
OUTPUT = ROOT / "build" / "benchmarks" / "results.json"
WIDTH = 150
"""Of the tables where they go to a file; on a terminal it is the terminal's."""


def main(words: Sequence[str] | None = None) -> int:
    """Run a session.

    Args:
        words: the options; None takes those of the command line.

    Returns:
        1 if a load went wrong, 0 otherwise.
    """
    options = _options(words)
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    binary = find_or_build(options.influxd, say=console.print)
    compileall.compile_dir(ROOT / "importer", quiet=1)  # as pip does with what it installs
    results = Results(machine_facts(binary), options.seed)
    session = Session(
        influxd=binary,
        influx=options.influx,
        data=options.data,
        seed=options.seed,
        rounds=options.runs,
        say=lambda text: console.print(text, highlight=False, markup=False),
        done=lambda: write_results(results, options.output),
    )
    console.print(f"measuring on {machine_line(results)}", highlight=False)
    if options.influx is None and "influx-write" in options.contenders:
        console.print(f"without influx write: name the program by --influx or {INFLUX_SETTING}")
    grown = {"importer": options.growth, "bulk": options.bulk_growth}
    if options.keep:
        results.keep(read_results(options.keep), options.datasets, [way for way, sizes in grown.items() if sizes])
    if options.start:
        session.start(results)
    session.compare(results, options.datasets, options.contenders, options.rows)
    for way, sizes in grown.items():
        session.grow(results, way, [max(10, int(size * options.rows)) for size in sizes])
    if options.weigh:
        session.weigh(results, ("importer", "bulk"), options.rows)
    _show(results, console, options.output)
    if options.write_docs and not results.troubles:
        write_docs(read_results(options.output))  # as kept, rounded: the page has to be what comes of the file
    return 1 if results.troubles else 0


def _show(results: Results, console: Console, output: Path) -> None:
    write_results(results, output)
    output.with_suffix(".svg").write_text(chart(results), encoding="utf-8")
    output.with_suffix(".md").write_text(markdown(results), encoding="utf-8")
    for table in all_tables(results):
        console.print(for_terminal(table))
    console.print(
        "seconds: median (least to most) of whole processes; CPU in seconds for a million rows; memory in MB, peaks of "
        "resident memory; ratios of rows/s, round by round"
    )
    for trouble in results.troubles:
        console.print(f"went wrong: {trouble}", markup=False, style="bold red")
    console.print(f"written: {output}, and beside it the same as .svg and .md", highlight=False, soft_wrap=True)


def _options(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure the importer beside other ways of loading the same data, each against a fresh server.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    influx = os.environ.get(INFLUX_SETTING) or None
    parser.add_argument("--rows", type=_positive, default=1_000_000, help="rows of Movebank; other shapes have a share")
    parser.add_argument("--runs", type=_positive, default=3, help="rounds, of which the median counts")
    parser.add_argument("--datasets", type=_names(DATASETS), default=list(DATASETS), help="shapes, by commas, or none")
    usual = [name for name, each in CONTENDERS.items() if each.is_usual]
    parser.add_argument("--contenders", type=_names(CONTENDERS), default=usual, help="ways, by commas")
    parser.add_argument(
        "--growth", type=_factors, default=[0.1, 1.0, 5.0],
        help=f"sizes of {GROWING} that the importer loads, in times of --rows, by commas; 0 for none",
    )  # fmt: skip
    parser.add_argument(
        "--bulk-growth", type=_factors, default=[1.0, 10.0], help="sizes of it that the importer loads in bulk"
    )
    parser.add_argument(
        "--weigh", action=argparse.BooleanOptionalAction, default=True, help="measure the bytes on disk, too"
    )
    parser.add_argument(
        "--start", action=argparse.BooleanOptionalAction, default=True, help="measure what starting takes, too"
    )
    parser.add_argument("--seed", type=int, default=20_260_101, help="other data")
    parser.add_argument("--influx", type=Path, default=influx, help=f"the influx program ({INFLUX_SETTING})")
    parser.add_argument("--influxd", type=Path, default=None, help="the server; found or built otherwise")
    parser.add_argument("--data", type=Path, default=default_folder(), help="folder of generated files")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="the results as JSON")
    parser.add_argument(
        "--keep", type=Path, metavar="FILE", help="results of an earlier session, for what is not measured now"
    )
    parser.add_argument("--write-docs", action="store_true", help="put the figures into docs/performance.md")
    options = parser.parse_args(words)
    options.data, options.output = options.data.absolute(), options.output.absolute()
    if options.influx is not None:
        options.influx = options.influx.absolute()
        if not os.access(options.influx, os.X_OK):
            parser.error(f"there is no program {str(options.influx)!r}")
    return options


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of 1 or more")
    return int(text)


def _factors(text: str) -> list[float]:
    factors = [float(part) for part in text.split(",")]
    return [] if factors == [0.0] else factors


class _names:  # noqa: N801 - stands for a function
    """Reads names by commas, in the order of what is known."""

    def __init__(self, known: Iterable[str]) -> None:
        self._known = list(known)

    def __call__(self, text: str) -> list[str]:
        asked = [] if text == "none" else text.split(",")
        unknown = [name for name in asked if name not in self._known]
        if unknown:
            raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(self._known)}")
        return [name for name in self._known if name in asked]


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the server that runs is ended then, too
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("interrupted; the rounds that were ended are written")
