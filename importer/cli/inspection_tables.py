"""An inspection as tables, for people."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from importer.inspecting.records import ColumnProfile, Inspection
from importer.printable import printable
from importer.source.addresses import shown_address

__all__ = ["looking", "next_steps", "show_inspection"]

_PIPE_WIDTH = 110
_MOST_NOTES = 10
_VALUES_WIDTH = 44
_OPTIONS = {"tags": "--tag", "fields": "--field", "time": "--time", "null": "--null", "header": "--header"}


@contextmanager
def looking() -> Iterator[Callable[[str, int], None] | None]:
    """Shows how far it is, on a terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    with console.status("looking") as status:
        yield lambda what, rows: status.update(Text(f"{what}: {rows:,} rows"))


def show_inspection(found: Inspection) -> None:
    """Print it: what the file is, its columns, its time, the proposal, what is odd and what is asked."""
    console = _console()
    _say(console, _summary(found))
    _say(console, _dialect(found))
    for reason in found.dialect.reasons:
        _say(console, f"  {reason}")
    console.print(_columns(found.columns))
    if found.times:
        console.print(_times(found))
    if found.mapping is not None:
        for line in _proposal(found):
            console.print(Padding(Text(line.strip()), (0, 0, 0, len(line) - len(line.lstrip()))))
    for line in _notes(found):
        _say(console, line)
    for warning in found.warnings:
        _say(console, warning, "warning")
    for question in found.questions:
        _say(console, f"{question.text} ({question.option})", "question")
        for choice in question.choices:
            _say(console, f"  {question.option} {shlex.quote(choice.value)}   {choice.meaning}")


def next_steps(found: Inspection, sources: Sequence[str], given: Mapping[str, Any], written: Path | None) -> None:
    """Print the commands that come next.

    Args:
        found: what was found.
        sources: as they were named.
        given: options that were given, and so are needed again.
        written: the mapping file, if one was.
    """
    console = _console()
    options, sources = _options(given), [shown_address(source) for source in sources]
    if found.questions:
        choices = (choice for question in found.questions for choice in question.choices)
        answer = found.questions[0].option
        value = next((choice.value for choice in choices), "…")
        _say(console, f"to go on, answer: {_command('inspect', sources, [*options, answer, value])}")
    elif written is not None:
        _say(console, f"mapping: {written}")
        bucket = Path(sources[0]).name.split(".")[0] if sources[0] != "-" else "BUCKET"
        _say(console, f"to load it: {_command('load', sources, ['--mapping', str(written), '--bucket', bucket])}")
    elif found.mapping is not None:
        named = ["--bucket", "BUCKET"] if len(sources) > 1 or sources[0] == "-" else []
        _say(console, f"to load it like this: {_command('load', sources, [*options, *named])}")
        _say(console, f"to change it first: {_command('inspect', sources, [*options, '--write', 'mapping.toml'])}")


def _summary(found: Inspection) -> str:
    names = ", ".join(printable(name, 80) for name in found.sources[:5]) + (", …" if len(found.sources) > 5 else "")  # noqa: PLR2004
    size = "" if found.bytes is None else f", {_bytes(found.bytes)}"
    read = "all read" if found.is_whole else f"a sample: {found.sampled or 'not all of them were read'}"
    return f"{names}: {found.rows:,} rows ({read}), {len(found.columns)} columns{size}"


def _bytes(count: int) -> str:
    size, unit = float(count), "bytes"
    for each in ("kB", "MB", "GB", "TB"):
        if size < 1000:  # noqa: PLR2004
            break
        size, unit = size / 1000, each
    return f"{size:,.0f} {unit}" if unit == "bytes" else f"{size:,.1f} {unit}"


def _dialect(found: Inspection) -> str:
    how = found.dialect
    delimiter = {"\t": "tab"}.get(how.delimiter, f"'{printable(how.delimiter)}'")
    newline = {"\n": "LF", "\r\n": "CR LF"}.get(how.newline, how.newline)
    encoding = how.encoding + (" with a BOM" if how.byte_order_mark else "")
    parts = [
        f"delimiter {delimiter}",
        f"quote {how.quote}" if how.quote else "no quotes",
        f"decimal {'point' if how.decimal == '.' else 'comma'}",
        encoding if how.encoding_is_certain else f"{encoding} (guessed from the letters)",
        f"lines end in {newline}",
        "" if how.header else "no header",
        how.compression or "",
    ]
    return "text: " + ", ".join(part for part in parts if part)


def _columns(columns: Sequence[ColumnProfile]) -> Table:
    table = _table("columns")
    table.add_column("column", overflow="fold", min_width=14)
    for name in ("type", "becomes"):
        table.add_column(name, no_wrap=True)
    for name in ("empty", "different"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("from … to, examples", overflow="fold", ratio=1)
    for each in columns:
        key = f" {printable(each.key, 24)}" if each.role != "left out" and each.key not in {None, each.name} else ""
        role = Text(f"{each.role}{key}", style="dim" if each.role == "left out" else "bold")
        distinct = ("" if each.distinct_is_exact else "~") + f"{each.distinct:,}"
        table.add_row(
            Text(printable(each.name, 60) or '""'), each.type, role, f"{each.nulls:,}", distinct, Text(_values(each))
        )
    return table


def _values(column: ColumnProfile) -> str:
    """The range of what has an order that says something, and examples of the rest."""
    if column.type not in {"integer", "unsigned", "float", "time"} or column.minimum is None:
        return "; ".join(printable(example, 30) for example in column.examples[:3])
    ends = f"{printable(column.minimum, 30)} … {printable(column.maximum or '', 30)}"
    with_examples = "; ".join([ends, *(printable(each, 20) for each in column.examples[:2])])
    return ends if column.type == "time" or len(with_examples) > _VALUES_WIDTH else with_examples


def _times(found: Inspection) -> Table:
    table = _table("what may be the time")
    for name in ("column", "format", "zone"):
        table.add_column(name, overflow="fold", max_width=26)
    table.add_column("first, last", no_wrap=True)
    table.add_column("why", overflow="fold", ratio=1)
    for each in found.times:
        table.add_row(
            Text(printable(" + ".join(each.columns), 60), style="bold" if each.chosen else ""),
            Text(each.format or "?"),
            Text("in the text" if each.has_offset else each.timezone),
            Text(f"{_clock(each.first)}\n{_clock(each.last)}".strip()),
            Text(("taken: " if each.chosen else "") + each.why),
        )
    return table


def _proposal(found: Inspection) -> Iterator[str]:
    by_role: dict[str, list[ColumnProfile]] = {}
    for column in found.columns:
        by_role.setdefault(column.role, []).append(column)
    measurement = found.mapping.measurement if found.mapping is not None else None
    yield "proposed mapping"
    if measurement is not None:
        yield f"  measurement: {measurement.value or f'by the column {measurement.column}'}"
    for role, name in (("tag", "tags"), ("field", "fields")):
        shown = ", ".join(printable(each.key or each.name, 60) for each in by_role.get(role, ()))
        yield f"  {name}: {shown or 'none'}"
    for each in by_role.get("left out", ()):
        yield f"  left out: {printable(each.name, 60)}: {each.why}"
    if found.series is not None:
        yield f"  series: {found.series:,}"
    if found.shard_groups is not None:
        groups = found.shard_groups
        yield f"  shard groups: {groups.groups:,} of {groups.duration}"
    clash = found.collisions
    if clash is not None:
        yield f"  rows with the key of an earlier row: {clash.total:,}" + (
            f" (identical {clash.identical:,}, merged {clash.merged:,}, overwriting {clash.overwritten:,})"
            if clash.total
            else ""
        )
        for example in clash.examples[:3]:
            yield (
                f"    {printable(example.series, 60)} at {example.time}: {printable(example.field)} would be "
                f"{printable(example.kept)}, and {printable(example.lost)} lost"
            )
        if clash.tag_hint:
            yield f"    as a tag, {clash.tag_hint!r} would keep them apart"


def _notes(found: Inspection) -> Iterator[str]:
    for count, what, examples in (
        (found.broken, "records that cannot be rows", found.broken_examples),
        (found.rejects, "rows would be rejected", found.reject_examples),
    ):
        if count:
            yield f"{count:,} {what}: " + "; ".join(printable(each, 120) for each in examples[:3])
    notes = [
        f"{printable(each.name)} is no number because of {printable(refused.example)!r} in line {refused.line:,}"
        for each in found.columns
        for refused in each.refused
        if each.type == "string" and refused.type == "float" and refused.line and _begins_like_numbers(each)
    ]
    notes += [
        f"{printable(each.name)} may be empty where it says "
        + ", ".join(f"{printable(null.value)!r} ({null.rows:,} rows)" for null in each.null_like)
        for each in found.columns
        if each.null_like
    ]
    yield from notes[:_MOST_NOTES]
    if len(notes) > _MOST_NOTES:
        yield f"… and {len(notes) - _MOST_NOTES:,} such notes more, all of them in --json"


def _begins_like_numbers(column: ColumnProfile) -> bool:
    """Then what is none further down may be a slip, or mean an empty cell; else it is a text anyway."""
    try:
        float(column.examples[0])
    except (IndexError, ValueError):
        return False
    return True


def _options(given: Mapping[str, Any]) -> list[str]:
    """Options as they stand in a command."""
    words: list[str] = []
    for name, value in given.items():
        option = _OPTIONS.get(name, f"--{name.replace('_', '-')}")
        for each in value if isinstance(value, list | tuple) else (value,):
            words += [option, str(each)]
    return words


def _command(name: str, sources: Sequence[str], words: Sequence[str]) -> str:
    return shlex.join(["importer", name, *sources, *words])


def _clock(time: str | None) -> str:
    return "" if time is None else time[:19].replace("T", " ")


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 0, 0, 1))


def _console() -> Console:
    console = Console()
    if not console.is_terminal:
        console.width = _PIPE_WIDTH
    return console


def _say(console: Console, line: str, kind: str = "") -> None:
    style = {"warning": "yellow", "question": "bold"}.get(kind, "")
    console.print(Text.assemble((f"{kind}: " if kind else "", style), line), soft_wrap=True)
