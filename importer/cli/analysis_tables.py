"""An analysis as tables, for people."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from importer.analysis import wording
from importer.analysis.records import Analysis, FieldFigures
from importer.printable import printable

__all__ = ["asking", "show_analysis"]

_PIPE_WIDTH = 110
MOST = 4_000  # letters of a line


@contextmanager
def asking() -> Iterator[Callable[[str, int, int], None] | None]:
    """Shows which field is asked for, on a terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    with console.status("asking the server") as status:
        yield lambda name, done, total: status.update(Text(printable(f"{done} of {total} fields: {name}", 100)))


def show_analysis(found: Analysis) -> None:
    """Print it: for each measurement what the values are, and when they are."""
    console = Console()
    if not console.is_terminal:
        console.width = _PIPE_WIDTH
    console.print(Text(printable(_summary(found), MOST)), soft_wrap=True)
    for measurement, group in groupby(found.fields, key=lambda each: each.measurement):
        fields = list(group)
        numbers = [each for each in fields if each.mean is not None]
        others = [each for each in fields if each.mean is None]
        if numbers:
            console.print(_numbers(measurement, numbers, found.by))
        if others:
            console.print(_others(measurement, others, found.by))
        console.print(_times(measurement, fields, found.by))
    factor = next((each.gaps.factor for each in found.fields if each.gaps), None)
    if factor is not None:
        legend = f"interval: the median from a value to the next of its series; gaps: longer than {factor:g} of them"
        console.print(Text(legend, style="dim"), soft_wrap=True)
    if any(each.percentiles == "estimated" for each in found.fields):
        console.print("[~] there are very many values: percentiles are estimated", markup=False)
    for warning in found.warnings:
        console.print(Text.assemble(("warning: ", "yellow"), printable(warning, MOST)), soft_wrap=True)


def _summary(found: Analysis) -> str:
    span = "".join(f" {word} {time}" for word, time in (("from", found.start), ("until", found.stop)) if time)
    only = f", only {', '.join(found.filters)}" if found.filters else ""
    if not found.fields:
        where = f"{span}{only}" if span or only else ""
        return f"the bucket {found.bucket!r} holds nothing{where}"
    wholes = sum(each.tag is None for each in found.fields)
    return f"bucket {found.bucket!r}: {found.count:,} values in {wholes} field{'s' if wholes > 1 else ''}{span}{only}"


def _numbers(measurement: str, fields: Sequence[FieldFigures], by: str | None) -> Table:
    table = _table(f"{measurement}: numbers", by)
    for name in ("values", "min", "mean", "max", "p50", "p95", "p99"):
        table.add_column(name, justify="right", no_wrap=True)
    for each in fields:
        sign = "~" if each.percentiles == "estimated" else ""
        figures = [wording.number(value) for value in (each.minimum, each.mean, each.maximum)]
        figures += [sign + wording.number(value) for value in (each.p50, each.p95, each.p99)]
        row = _name(each)
        if each.tag is None and each.type != "float":
            row.append(f" ({each.type})", style="not bold")
        table.add_row(row, f"{each.count:,}", *figures)
    return table


def _others(measurement: str, fields: Sequence[FieldFigures], by: str | None) -> Table:
    table = _table(f"{measurement}: texts and truths", by, "type")
    table.add_column("values", justify="right", no_wrap=True)
    table.add_column("different", justify="right")
    table.add_column("most frequent", overflow="fold")
    for each in fields:
        if each.true_count is not None:
            different = str(bool(each.true_count) + (each.true_count < each.count))
            frequent = f"true {each.true_count:,}, false {each.count - each.true_count:,}"
        else:
            different = wording.number(each.distinct)
            frequent = ", ".join(f"{_short(text.text)} {text.count:,}" for text in each.frequent)
        table.add_row(_name(each), _type(each), f"{each.count:,}", different, Text(frequent))
    return table


def _times(measurement: str, fields: Sequence[FieldFigures], by: str | None) -> Table:
    table = _table(f"{measurement}: times (UTC) and gaps", by)
    for name in ("first", "last", "series", "rate", "interval", "longest", "gaps"):
        table.add_column(name, justify="left" if name in {"first", "last"} else "right", no_wrap=True)
    for each in fields:
        gaps = each.gaps
        regular = (
            (wording.length(gaps.median_seconds), wording.length(gaps.longest_seconds), f"{gaps.count:,}")
            if gaps
            else ("", "", "")
        )
        times = wording.clock(each.first), wording.clock(each.last)
        table.add_row(_name(each), *times, f"{each.series:,}", wording.rate(each.per_second), *regular)
    return table


def _table(title: str, by: str | None, *more: str) -> Table:
    table = Table(
        title=Text(printable(title, 100)),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 0, 0, 1),
    )
    table.add_column(Text("field" if by is None else f"field, {printable(by)}"), overflow="fold", min_width=14)
    for name in more:
        table.add_column(name, no_wrap=True)
    return table


def _name(each: FieldFigures) -> Text:
    """The field; its parts stand below it."""
    if each.tag is None:
        return Text(printable(each.field, 60), style="bold")
    return Text(f"  {printable(each.tag.value, 60) or '(none)'}")


def _type(each: FieldFigures) -> str:
    return each.type if each.tag is None else ""


def _short(text: str, most: int = 30) -> str:
    return f"'{printable(text, most)}'"
