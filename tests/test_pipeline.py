from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from importer.encoding.series import SeriesIndex
from importer.errors import LoadError, SourceError, TransientServerError
from importer.ledger.budget import RejectBudget
from importer.ledger.expectation import Expectation
from importer.ledger.ledger import Ledger
from importer.ledger.rejects import RejectsFile
from importer.ledger.windows import Windows
from importer.pipeline import Stages, one_by_one, run_pipeline
from importer.records import Block, Fault, FieldColumn, Lines, Outcome, PointBatch, Reject, Table
from importer.sink.pacing import Pace
from importer.source.places import locate

FIELDS = (FieldColumn("n", "integer", "n", "n"),)


def block(number: int) -> Block:
    return Block("birds.csv", number, 10 * number, 2 + number, b"x\n", 1, "none", ("n",))


def to_table(one: Block) -> Table:
    return Table(one, pl.DataFrame({"n": [str(one.number)]}), (), 0)


def to_points(table: Table) -> PointBatch:
    frame = pl.DataFrame({"n": [table.block.number]})
    return PointBatch(table.block, frame, (), FIELDS, (), {}, 1, 0)


def to_lines(batch: PointBatch) -> Lines:
    number = batch.block.number
    frame = pl.DataFrame(
        {"series": [0], "time": [number], "record": [0], "line": [f"m n={number}i {number}"], "n": [number]},
        schema_overrides={"series": pl.UInt32, "record": pl.UInt32},
    )
    return Lines(batch.block, frame, FIELDS, (), 1)


def to_faulty_points(table: Table) -> PointBatch:
    fault = Fault(0, "n", "integer", "not a number")
    return PointBatch(table.block, pl.DataFrame({"n": []}), (), FIELDS, (fault,), {}, 0, 1)


def no_lines(batch: PointBatch) -> Lines:
    schema = {"series": pl.UInt32, "time": pl.Int64, "record": pl.UInt32, "line": pl.String, "n": pl.Int64}
    return Lines(batch.block, pl.DataFrame(schema=schema), FIELDS, (), 0)


class Flow:
    """The pipeline over fakes of its stages.

    Attributes:
        begun: blocks whose reading has begun.
        ended: blocks whose writing has ended.
        most_in_flight: between the two, at the most.
        written: numbers of the blocks, in the order in which they were written.
    """

    def __init__(self, folder: Path, blocks: int, budget: RejectBudget | None = None) -> None:
        self.blocks = blocks
        self.begun = self.ended = self.most_in_flight = 0
        self.written: list[int] = []
        self.halted = threading.Event()
        self._lock = threading.Lock()
        series = SeriesIndex(10)
        series.number(pl.Series(["m"]), pl.Series(["m"]))
        self.ledger = Ledger(
            expectation=Expectation(Windows(10**9)),
            spool=None,
            series=series,
            locate=locate,
            rejects=RejectsFile(folder / "rejects.csv"),
            budget=budget or RejectBudget(),
        )

    def source(self) -> Iterator[Block]:
        for number in range(self.blocks):
            with self._lock:
                self.begun += 1
                self.most_in_flight = max(self.most_in_flight, self.begun - self.ended)
            yield block(number)

    def write(self, lines: Lines) -> Outcome:
        with self._lock:
            self.written.append(lines.block.number)
            self.ended += 1
        return Outcome(lines, (), 0)

    def run(self, *, workers: int = 2, batch_rows: int = 1, **stages: Any) -> None:
        stages["write"] = stages.pop("together", None) or one_by_one(stages.get("write", self.write))
        usual: dict[str, Any] = {"to_table": to_table, "to_points": to_points, "to_lines": to_lines}
        before = {name: stages.pop(name, stage) for name, stage in usual.items()}
        run_pipeline(
            Stages(stages.pop("blocks", None) or self.source(), **before),
            ledger=self.ledger,
            bounds=Pace(writers=workers, batch_rows=batch_rows),
            stopped=self.halted.is_set,
            halt=self.halted.set,
            **stages,
        )


@pytest.fixture(autouse=True)
def no_thread_is_left_behind() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert [thread for thread in threading.enumerate() if thread not in before and thread.is_alive()] == []


def test_every_one_of_many_small_blocks_is_written_and_accounted_for_once(tmp_path: Path) -> None:
    flow = Flow(tmp_path, 2_000)
    flow.run(workers=8)
    assert sorted(flow.written) == list(range(2_000))
    counts = flow.ledger.counts
    assert (counts.rows_read, counts.rows_mapped, counts.points_emitted) == (2_000, 2_000, 2_000)
    assert counts.points_acknowledged == 2_000
    assert flow.ledger.expectation.total(("m", "n")) == 2_000


def test_an_empty_source_ends_at_once(tmp_path: Path) -> None:
    flow = Flow(tmp_path, 0)
    flow.run()
    assert flow.ledger.counts.rows_read == 0


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_no_more_blocks_are_in_flight_than_writers_and_one(tmp_path: Path, workers: int) -> None:
    flow = Flow(tmp_path, 40)

    def slow_write(lines: Lines) -> Outcome:
        time.sleep(0.005)
        return flow.write(lines)

    flow.run(workers=workers, write=slow_write)
    # The source hears of a slot that is free again only after the block is counted as ended.
    assert workers <= flow.most_in_flight <= workers + 1


def test_as_many_blocks_are_written_at_once_as_there_are_workers(tmp_path: Path) -> None:
    meeting = threading.Barrier(3)
    flow = Flow(tmp_path, 9)

    def write_together(lines: Lines) -> Outcome:
        meeting.wait(timeout=10)
        return flow.write(lines)

    flow.run(workers=3, write=write_together)
    assert len(flow.written) == 9


def test_blocks_are_mapped_in_the_order_of_the_input(tmp_path: Path) -> None:
    mapped = []

    def noting(table: Table) -> PointBatch:
        mapped.append(table.block.number)
        return to_points(table)

    Flow(tmp_path, 200).run(workers=8, to_points=noting)
    assert mapped == list(range(200))


def test_first_error_of_a_writer_ends_the_run_and_what_is_under_way_is_finished(tmp_path: Path) -> None:
    flow = Flow(tmp_path, 500)

    def failing(lines: Lines) -> Outcome:
        if lines.block.number == 20:
            raise TransientServerError("the disk of the server is full")
        time.sleep(0.002)
        return flow.write(lines)

    with pytest.raises(TransientServerError, match="disk of the server"):
        flow.run(workers=4, write=failing)
    assert flow.begun < 40
    assert len(flow.written) == flow.ledger.counts.points_acknowledged
    assert flow.halted.is_set()


@pytest.mark.parametrize("stage", ["to_table", "to_points", "to_lines"])
def test_an_error_of_any_stage_is_raised_to_the_caller(tmp_path: Path, stage: str) -> None:
    def failing(_: Any) -> Any:
        raise SourceError("broken")

    with pytest.raises(SourceError, match="broken"):
        Flow(tmp_path, 50).run(**{stage: failing})


def test_a_source_that_breaks_off_ends_the_run_after_its_good_blocks(tmp_path: Path) -> None:
    flow = Flow(tmp_path, 0)

    def blocks() -> Iterator[Block]:
        yield from map(block, range(5))
        raise SourceError("it ends in the middle of the compressed data")

    with pytest.raises(SourceError, match="in the middle"):
        flow.run(blocks=blocks())
    assert flow.ledger.counts.rows_read == 5


@pytest.mark.timeout(20)
@pytest.mark.parametrize("stage", ["to_points", "write"])
def test_an_exit_in_a_stage_ends_the_run_and_does_not_hang_it(tmp_path: Path, stage: str) -> None:
    def leaving(_: Any) -> Any:
        raise SystemExit(0)

    with pytest.raises(LoadError, match="SystemExit"):
        Flow(tmp_path, 50).run(**{stage: leaving})


@pytest.mark.timeout(20)
def test_a_panic_while_reading_ends_the_run_and_does_not_hang_it(tmp_path: Path) -> None:
    class PanicError(BaseException):
        """As polars raises: no Exception."""

    def blocks() -> Iterator[Block]:
        yield block(0)
        raise PanicError("index out of bounds")

    with pytest.raises(LoadError, match="index out of bounds"):
        Flow(tmp_path, 50).run(blocks=blocks())


def test_being_stopped_reads_no_further_and_finishes_what_is_under_way(tmp_path: Path) -> None:
    flow = Flow(tmp_path, 500)

    def stopping(lines: Lines) -> Outcome:
        if lines.block.number == 10:
            flow.halted.set()
        return flow.write(lines)

    flow.run(workers=2, write=stopping)
    assert 11 <= flow.begun <= 14
    assert len(flow.written) == flow.begun == flow.ledger.counts.points_acknowledged


def test_over_budget_nothing_is_written_any_more_but_rows_are_read_on(tmp_path: Path) -> None:
    flow = Flow(tmp_path, 60)

    def one_bad(table: Table) -> PointBatch:
        return to_faulty_points(table) if table.block.number == 20 else to_points(table)

    def lines_of(batch: PointBatch) -> Lines:
        return to_lines(batch) if batch.rows_mapped else no_lines(batch)

    flow.run(workers=1, to_points=one_bad, to_lines=lines_of)
    assert flow.ledger.counts.rows_read == 60
    assert len(flow.written) <= 22
    with pytest.raises(LoadError, match="do not add up"):
        flow.ledger.check()


def test_over_budget_reading_ends_once_a_thousand_rejects_are_recorded(tmp_path: Path) -> None:
    flow = Flow(tmp_path, 3_000)
    flow.run(to_points=to_faulty_points, to_lines=no_lines)
    assert 1_000 <= flow.ledger.counts.rejected < 1_010
    first = flow.ledger.first_reject
    assert first == Reject("birds.csv", 2, 0, "n", "integer", "not a number", "x")


def test_an_exceeded_percentage_stays_exceeded_however_many_good_rows_follow(tmp_path: Path) -> None:
    flow = Flow(tmp_path, 0, RejectBudget.parse("10%"))
    flow.ledger.counts.rejected, flow.ledger.counts.rows_read = 2_000, 10_000
    assert flow.ledger.is_over_budget()
    flow.ledger.counts.rows_read = 1_000_000
    assert flow.ledger.is_over_budget(at_end=True)


def test_rejects_that_are_allowed_do_not_end_the_run(tmp_path: Path) -> None:
    flow = Flow(tmp_path, 30, RejectBudget(30))
    flow.run(to_points=to_faulty_points, to_lines=no_lines)
    assert flow.ledger.counts.rejected == 30
    assert not flow.ledger.is_over_budget(at_end=True)
    flow.ledger.check()


def test_blocks_are_written_together_in_their_order_and_each_has_its_own_outcome(tmp_path: Path) -> None:
    flow = Flow(tmp_path, 100)
    batches: list[list[int]] = []

    def together(batch: Sequence[Lines]) -> list[Outcome]:
        batches.append([lines.block.number for lines in batch])
        return [flow.write(lines) for lines in batch]

    flow.run(workers=1, batch_rows=2, together=together)
    assert batches == [[n, n + 1] for n in range(0, 100, 2)]
    assert flow.ledger.counts.points_acknowledged == 100


@pytest.mark.parametrize("blocks", [1, 2, 3, 4, 5, 6, 7])
@pytest.mark.parametrize("workers", [1, 2])
def test_the_last_blocks_are_written_although_they_do_not_fill_a_request(
    tmp_path: Path, blocks: int, workers: int
) -> None:
    flow = Flow(tmp_path, blocks)
    flow.run(workers=workers, batch_rows=50_000)
    assert sorted(flow.written) == list(range(blocks))


def test_blocks_that_are_held_back_are_not_written_once_the_load_has_stopped(tmp_path: Path) -> None:
    flow = Flow(tmp_path, 2)

    def source() -> Iterator[Block]:
        yield block(0)
        raise SourceError("it breaks off")

    with pytest.raises(SourceError):
        flow.run(workers=1, batch_rows=50_000, blocks=source())
    assert flow.written == []
