"""The row path over several processes gives what one process gives, and leaves nothing behind."""

from __future__ import annotations

import ast
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import importer
from importer import children
from importer.errors import ConfigurationError, LoadError, MappingError, SourceError
from importer.mapping.processes import ProcessRowMapper, importable_name
from importer.mapping.rows import RowMapper
from importer.records import Block, PointBatch, Table
from importer.settings import _ClientNamed, _Named
from tests.loading import ROOT, SAMPLE, Trial, birds_csv
from tests.mapping.mapped import faults, points, table
from tests.mapping.row_functions import by_kind, of_birds

NAME = "tests.mapping.row_functions:by_kind"


def tables(blocks: list[str]) -> dict[int, Table]:
    mapper = RowMapper(by_kind)
    return {
        number: table(
            "t,v\n" + "".join(f"{place},{text}\n" for place, text in enumerate(block.split())), mapper, number
        )
        for number, block in enumerate(blocks)
    }


def by_processes(blocks: list[str], count: int = 2, looked_at: int = 0) -> Iterator[PointBatch]:
    of_number = tables(blocks)
    mapper = ProcessRowMapper(by_kind, NAME, processes=count)
    known = [mapper(of_number[number]) for number in range(looked_at)]
    read = [of_number[number].block for number in range(len(blocks))]
    with mapper.ahead(read, lambda block: of_number[block.number]) as (in_order, to_table):
        for block in in_order:
            yield known[block.number] if block.number < looked_at else mapper(to_table(block))


def content(batch: PointBatch) -> Any:
    found = [{key: value for key, value in point.items() if key != "process"} for point in points(batch)]
    return (
        batch.block.number,
        len(batch.block.data),
        found,
        batch.fields,
        faults(batch),
        batch.skipped,
        batch.rows_mapped,
    )


@pytest.mark.parametrize(("count", "looked_at"), [(2, 0), (2, 1), (1, 1)])
@pytest.mark.parametrize("blocks", [["1.5 2.5", "3 4", "5 x 1.5", "7 8", "y", "9.5 z", "1 2"], ["1.5", "two 2.5", "3"]])
def test_blocks_come_in_order_and_are_what_one_process_makes_of_them(
    blocks: list[str], count: int, looked_at: int
) -> None:
    # A type that an earlier block decides meanwhile makes whole numbers floats, or another value of a row a fault.
    alone = RowMapper(by_kind)
    expected = [content(alone(table_)) for table_ in tables(blocks).values()]
    found = list(by_processes(blocks, count, looked_at))
    assert [content(batch) for batch in found] == expected
    assert {point["process"] for batch in found for point in points(batch)} - {str(os.getpid())}


def test_a_mapper_that_gives_something_else_ends_the_load_with_the_reason() -> None:
    with pytest.raises(MappingError, match="the mapper gave str: it must return"):
        list(by_processes(["1", "2", "nothing", "3"]))


@pytest.mark.promise(
    fault="A process that maps rows (`--mapper-processes`) is killed",
    promise="The load fails at once; the bucket is as it was.",
    seen="a process that maps rows has ended in mid-load, by SIGKILL: was it killed, or out of memory? Exit code 1.",
)
def test_a_process_that_is_killed_ends_the_load_and_says_so(trial: Trial) -> None:
    source = trial.csv("t,v\n" + "".join(f"{number},1.5\n" for number in range(20_000)) + "9,die\n")
    options = trial.options(mapper_processes=2, block_bytes=16_384)
    with pytest.raises(LoadError, match="ended in mid-load, by SIGKILL"):
        importer.load(source, mapper=NAME, options=options, connection=trial.connection)
    assert trial.buckets == set()


@pytest.mark.parametrize(("fails", "whole"), [("reading", 4), ("cutting", 4), ("reading", 0)])
def test_an_error_of_the_source_comes_after_the_blocks_before_it(fails: str, whole: int) -> None:
    of_number = tables(["1.5", "2", "3", "4", "5"])
    ended = SourceError("cut short")

    def read() -> Iterator[Block]:
        for number in range(whole):
            yield of_number[number].block
        if fails == "reading":
            raise ended
        yield of_number[whole].block

    def to_table(block: Block) -> Table:
        if block.number == whole:
            raise ended
        return of_number[block.number]

    alone, mapper = RowMapper(by_kind), ProcessRowMapper(by_kind, NAME, processes=2)
    found = []
    with pytest.raises(SourceError, match="cut short"), mapper.ahead(read(), to_table) as (in_order, table_of):
        found.extend(content(mapper(table_of(block))) for block in in_order)
    assert found == [content(alone(of_number[number])) for number in range(whole)]


def test_their_environment_lacks_the_loads_token_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    own = {str(names.model_fields["token"].validation_alias) for names in (_Named, _ClientNamed)}
    for name in (*own, "SERVICE_TOKEN", "INFLUX_TOKEN_KIND"):
        monkeypatch.setenv(name, "secret")
    (batch,) = by_processes(["token"], count=1)
    assert set(ast.literal_eval(points(batch)[0]["found"])) == {name for name in os.environ if "TOKEN" in name} - own


def test_they_import_from_where_the_load_does(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("from tests.mapping.row_functions import by_kind", encoding="utf-8")
    paths: list[Any] = [*sys.path, tmp_path]  # a Path has no business there, but harms nobody else
    monkeypatch.setattr(sys, "path", paths)
    source = tables(["1"])[0]
    mapper = ProcessRowMapper(by_kind, "mine:by_kind", processes=1)
    with mapper.ahead([source.block], lambda _: source) as (in_order, to_table):
        (batch,) = [mapper(to_table(block)) for block in in_order]
    assert [point["v"] for point in points(batch)] == [1]


@pytest.mark.parametrize(
    "function", [lambda _row: None, Path.exists, json.JSONEncoder().encode], ids=["lambda", "method", "bound"]
)
def test_a_function_that_cannot_be_imported_is_refused(function: Callable[..., Any]) -> None:
    with pytest.raises(ConfigurationError, match="cannot be imported by other processes"):
        importer.load(SAMPLE, mapper=function, options=importer.LoadOptions(bucket="b", mapper_processes=2))


def test_processes_go_with_a_mapper_only() -> None:
    assert importable_name(by_kind) == NAME
    with pytest.raises(ConfigurationError, match="mapper_processes goes with a mapper"):
        importer.load(SAMPLE, mapping={}, options=importer.LoadOptions(bucket="b", mapper_processes=2))


STARTING = """
import signal, sys
from importer.mapping.processes import ProcessRowMapper
from tests.mapping.mapped import table
from tests.mapping.row_functions import slow
signal.signal(signal.SIGINT, signal.default_int_handler)  # polars' own lets what waits go on waiting
mapper = ProcessRowMapper(slow, "tests.mapping.row_functions:slow", processes=2)
tables = [table(f"t,v\\n1,{sys.argv[1]}/{n}\\n", mapper, n) for n in range(2)]
with mapper.ahead([t.block for t in tables], lambda block: tables[block.number]) as (blocks, to_table):
    mapper(to_table(next(iter(blocks))))
"""


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGINT])
def test_nothing_stays_behind_however_the_load_ends(sent: signal.Signals, tmp_path: Path) -> None:
    load = subprocess.Popen([sys.executable, "-c", STARTING, str(tmp_path)], cwd=ROOT, stderr=subprocess.DEVNULL)
    said = [tmp_path / "0", tmp_path / "1"]
    deadline = time.monotonic() + 60
    while not all(path.exists() and path.read_text() for path in said) and time.monotonic() < deadline:
        time.sleep(0.05)
    pids = [int(path.read_text()) for path in said]
    load.send_signal(sent)
    load.wait(timeout=30)
    while any(is_running(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [pid for pid in pids if is_running(pid)] == []


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_load_by_two_processes_is_verified_and_holds_what_one_process_loads(trial: Trial) -> None:
    source = trial.csv(birds_csv(3_000))
    digests = []
    for count in (1, 2):
        report = trial.load(source, mapper=of_birds, mapper_processes=count, block_bytes=16_384)
        assert (report.status, report.rows_mapped) == ("verified", 3_000)
        digests.append(trial.digest())
    assert digests[0] == digests[1]


def test_a_process_that_does_not_end_by_itself_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "END_SECONDS", 0.2)
    monkeypatch.setattr(children, "CHILD", "import time; time.sleep(600)")
    process = children.Child("importer.mapping.row_process:mapped", does="maps rows")
    process.end()
    assert process._process.returncode == -signal.SIGKILL
