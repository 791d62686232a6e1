"""An inspection as tables, for people."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from importer.cli.inspection_lines import notes, proposal
from importer.inspecting.inspection import Inspection
from importer.inspecting.next_steps import NextStep, shell_line
from importer.inspecting.records import ColumnProfile, TimeCandidate
from importer.printable import printable

__all__ = ["looking", "show_inspection", "show_next_steps"]

_PIPE_WIDTH = 110
_VALUES_WIDTH = 44
_KINDS = {"csv": "text", "json": "JSON Lines", "parquet": "Parquet", "arrow": "Arrow", "arrow stream": "Arrow stream"}


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
    for number in range(max(1, len(found.tables))):
        own = [column for column in found.columns if column.table in {None, number}]
        console.print(_columns(own, _table_title(found, number)))
    if found.times:
        console.print(_times(found, "the time" if found.is_annotated else "what may be the time"))
    if found.mapping is not None or found.is_annotated:
        for line in proposal(found):
            indent = len(line) - len(line.lstrip())
            console.print(Padding(_text(line.strip(), None), (0, 0, 0, indent)))
    for line in notes(found):
        _say(console, line)
    for warning in found.warnings:
        _say(console, warning, "warning")
    for question in found.questions:
        answer = "" if question.option in question.text else f" ({question.option})"
        _say(console, f"{question.text}{answer}", "question")
        for choice in question.choices:
            _say(console, f"  {shell_line([question.option, choice.value])}   {choice.meaning}")


def show_next_steps(steps: Sequence[NextStep], written: Path | None) -> None:
    """Print the commands that come next, and the mapping file, if one was written."""
    console = _console()
    if written is not None:
        _say(console, f"mapping: {written}")
    for step in steps:
        _say(console, f"{step.purpose}: {step.command}")


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
    parts = [_encoding(found), how.compression or ""]
    if how.kind == "csv":
        delimiter = {"\t": "tab"}.get(how.delimiter or "", f"'{how.delimiter}'")
        newline = {"\n": "LF", "\r\n": "CR LF"}.get(how.newline or "", "mixed")
        parts = [
            f"delimiter {delimiter}",
            f"quote {how.quote}" if how.quote else "no quotes",
            f"decimal {'point' if how.decimal == '.' else 'comma'}",
            _encoding(found),
            f"lines end in {newline}",
            "" if how.header else "no header",
            how.compression or "",
        ]
    called = "annotated CSV" if found.is_annotated else _KINDS[how.kind]
    return ", ".join(
        [called if how.kind != "csv" or found.is_annotated else f"{called}: {parts.pop(0)}", *filter(None, parts)]
    )


def _encoding(found: Inspection) -> str:
    how = found.dialect
    if how.encoding is None:
        return ""
    encoding = how.encoding + (" with a BOM" if how.byte_order_mark else "")
    return encoding if how.encoding_is_certain else f"{encoding} (guessed from the letters)"


def _table_title(found: Inspection, number: int) -> str:
    if len(found.tables) <= 1:
        return "columns"
    return f"table {number + 1} of {len(found.tables) + found.tables_left_out:,}: {found.tables[number].rows:,} rows"


def _columns(columns: Sequence[ColumnProfile], title: str) -> Table:
    is_annotated = any(each.table is not None for each in columns)
    table = _table(title)
    table.add_column("column", overflow="fold", min_width=14)
    for name in ("annotated", "type", "becomes") if is_annotated else ("type", "becomes"):
        table.add_column(name, no_wrap=True)
    for name in ("empty", "different"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("from … to, examples", overflow="fold", ratio=1)
    for each in columns:
        key = f" {each.key}" if each.role != "left out" and each.key not in {None, each.name} else ""
        distinct = ("" if each.distinct_is_exact else "~") + f"{each.distinct:,}"
        table.add_row(
            _text(each.name or '""', 60),
            *([_text(each.annotation or "")] if is_annotated else []),
            each.type,
            _text(f"{each.role}{key}", 32, "dim" if each.role == "left out" else "bold"),
            f"{each.nulls:,}",
            distinct,
            _text(_values(each), 200),
        )
    return table


def _values(column: ColumnProfile) -> str:
    """The range of what has an order that says something, and examples of the rest."""
    if column.type not in {"integer", "unsigned", "float", "time"} or column.minimum is None:
        return "; ".join(printable(example, 30) for example in column.examples[:3])
    ends = f"{printable(column.minimum, 30)} … {printable(column.maximum or '', 30)}"
    with_examples = "; ".join([ends, *(printable(each, 20) for each in column.examples[:2])])
    return ends if column.type == "time" or len(with_examples) > _VALUES_WIDTH else with_examples


def _times(found: Inspection, title: str) -> Table:
    table = _table(title)
    for name in ("column", "format", "zone"):
        table.add_column(name, overflow="fold", max_width=26)
    table.add_column("first, last", no_wrap=True)
    table.add_column("why", overflow="fold", ratio=1)
    for each in found.times:
        table.add_row(
            _text(" + ".join(each.columns), 60, "bold" if each.chosen else ""),
            _text(each.format or "?", 80),
            _text(_zone(each)),
            Text(f"{_clock(each.first)}\n{_clock(each.last)}".strip()),
            _text(("taken: " if each.chosen else "") + each.why, 400),
        )
    return table


def _zone(time: TimeCandidate) -> str:
    if (time.format or "").startswith("unix_"):
        return "none: since 1970"
    return "in the text" if time.has_offset else time.timezone


def _clock(time: str | None) -> str:
    return "" if time is None else time[:19].replace("T", " ")


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 0, 0, 1))


def _console() -> Console:
    console = Console()
    if not console.is_terminal:
        console.width = _PIPE_WIDTH
    return console


def _text(content: str, most: int | None = 40, style: str = "") -> Text:
    """Text of the user's files, without signs that a terminal obeys; never markup."""
    return Text(printable(content, most), style=style)


def _say(console: Console, line: str, kind: str = "") -> None:
    style = {"warning": "yellow", "question": "bold"}.get(kind, "")
    console.print(Text.assemble((f"{kind}: " if kind else "", style), _text(line, None)), soft_wrap=True)
