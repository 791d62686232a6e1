"""The figures as tables: for the terminal, and as Markdown for the page.

Goes in: results. Comes out: :class:`Table` records, and what is made of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import rich.table
from rich import box

from benchmarks.aims import Aim, aims
from benchmarks.contenders import CONTENDERS
from benchmarks.datasets import DATASETS
from benchmarks.figures import Spread, Way, growth, parts, starts, ways
from benchmarks.results import Results
from importer.bucket import format_duration

__all__ = ["Table", "all_tables", "for_terminal", "machine_line", "markdown"]


COSTS: Final = ("seconds", "rows/s", "client CPU", "server CPU", "client memory", "server memory")
PHASES: Final = ("look", "load", "duplicates", "build", "verify", "swap")
OWN: Final = ("importer", "bulk")


@dataclass(frozen=True, slots=True)
class Table:
    """A table of text; the first column is words, the others are numbers."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def all_tables(results: Results) -> list[Table]:
    """A table per shape, growth, phases, start-up, what was set out for; those without a row are left out."""
    names = dict.fromkeys(run.dataset for run in results.runs)
    tables = [_comparison(results, name) for name in names]
    tables += [_growth(results, way) for way in OWN]
    tables += [_parts(results, way) for way in OWN]
    tables += [_sizes(results), _starts(results), _aims(results)]
    return [table for table in tables if table.rows]


def machine_line(results: Results) -> str:
    """What it was measured on, in a line."""
    facts = results.machine
    versions = ", ".join(f"{name} {facts[name]}" for name in ("influxdb-client", "polars") if name in facts)
    return (
        f"{facts['cpus']} processors ({facts['cpu_model']}), {int(facts['memory_mb']) / 1024:.0f} GiB of memory; "
        f"InfluxDB {facts['influxdb']}, Python {facts['python']}, {versions}; seed {results.seed}"
    )


def markdown(results: Results) -> str:
    """All tables as Markdown, with the line on the machine before them and what went wrong behind."""
    parts = [f"Measured on {machine_line(results)}."]
    for table in all_tables(results):
        head = [f"### {table.title}", "", _row(table.columns), _row(("---", *("--:" for _ in table.columns[1:])))]
        parts.append("\n".join([*head, *map(_row, table.rows)]))
    if results.troubles:
        parts.append(
            "Went wrong, and is left out above:\n\n" + "\n".join(f"- {_cell(each)}" for each in results.troubles)
        )
    return "\n\n".join(parts) + "\n"


def for_terminal(table: Table) -> rich.table.Table:
    """A table to print."""
    shown = rich.table.Table(title=table.title, title_justify="left", box=box.SIMPLE_HEAD)
    for number, name in enumerate(table.columns):
        shown.add_column(name.replace("`", ""), justify="right" if number else "left", no_wrap=not number)
    for row in table.rows:
        shown.add_row(*(cell.replace("`", "") for cell in row))
    return shown


def _comparison(results: Results, dataset: str) -> Table:
    found = ways(results, dataset)
    columns = ("way", *COSTS, "shard groups", "to row by row", "of the ceiling")
    rows = tuple(
        (
            _title(way),
            *_costs(way),
            ", ".join(map(format_duration, way.shard_group_seconds)),
            _times(way.to_baseline),
            _times(way.to_ceiling, digits=2),
        )
        for way in found
    )
    size = f"{found[0].rows:,} rows" if found else ""
    return Table(f"{DATASETS[dataset].spec.title}; {size}", columns, rows)


def _growth(results: Results, contender: str) -> Table:
    rows = tuple((f"{way.rows:,}", *_costs(way)) for way in growth(results, contender))
    return Table(f"Growth: {_own_title(contender)}, Movebank", ("rows", *COSTS), rows)


def _sizes(results: Results) -> Table:
    good = [size for size in results.sizes if not size.trouble]
    rows = tuple((CONTENDERS[size.contender].title, f"{size.bytes / 1e6:,.1f}", f"{size.files:,}") for size in good)
    title = f"On the server's disk once it has compacted all: Movebank, {good[0].rows:,} rows" if good else ""
    return Table(title, ("way", "MB", "storage files"), rows)


def _own_title(contender: str) -> str:
    return f"the {CONTENDERS[contender].title}"


def _parts(results: Results, contender: str) -> Table:
    rows = []
    for each in parts(results, contender):
        known = [each.shares.get(phase) for phase in PHASES]
        shares = ("" if share is None else f"{share.median:.1%}" for share in known)
        rows.append((each.dataset, f"{each.rows:,}", _with_range(each.seconds, 2), *shares))
    title = f"{_own_title(contender).capitalize()}: phases of its load"
    return Table(title, ("shape", "rows", "seconds of the load", *PHASES), tuple(rows))


def _starts(results: Results) -> Table:
    rows = tuple(
        (
            each.what,
            _with_range(each.seconds, 2),
            _with_range(each.cpu_seconds, 2),
            _with_range(each.peak_mb, 0),
        )
        for each in starts(results)
    )
    return Table("The importer: start-up", ("what", "seconds", "CPU seconds", "memory"), rows)


def _aims(results: Results) -> Table:
    rows = tuple((aim.what, _amount(aim.value, aim.unit), _wanted(aim), _verdict(aim)) for aim in aims(results))
    return Table("What was set out for (loads: Movebank)", ("what", "measured", "wanted", ""), rows)


def _verdict(aim: Aim) -> str:
    return {None: "", True: "reached", False: "missed"}[aim.is_reached]


def _costs(way: Way) -> tuple[str, ...]:
    return (
        _with_range(way.seconds, 2),
        f"{way.rows_per_second.median:,.0f}",
        f"{way.cpu_seconds.median:.1f}",
        f"{way.server_cpu_seconds.median:.1f}",
        f"{way.peak_mb.median:,.0f}",
        f"{way.server_peak_mb.median:,.0f}",
    )


def _title(way: Way) -> str:
    title = CONTENDERS[way.contender].title
    return f"`{title}`" if way.contender == "influx-write" else title


def _with_range(value: Spread, digits: int) -> str:
    if value.low == value.high:
        return f"{value.median:,.{digits}f}"
    return f"{value.median:,.{digits}f} ({value.low:,.{digits}f}–{value.high:,.{digits}f})"  # noqa: RUF001 - a range


def _times(value: Spread | None, digits: int = 1) -> str:
    return "" if value is None else _with_range(value, digits)


def _amount(value: Spread | None, unit: str) -> str:
    if value is None:
        return "not measured"
    return _with_range(value, 0 if unit == " MB" else 2) + unit


def _wanted(aim: Aim) -> str:
    return f"at least {aim.least:g}{aim.unit}" if aim.least is not None else f"at most {aim.most:g}{aim.unit}"


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(map(_cell, cells)) + " |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
