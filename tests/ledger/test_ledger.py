from __future__ import annotations

import csv
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from importer.encoding.line_protocol import LineEncoder
from importer.encoding.series import SeriesIndex
from importer.errors import ConfigurationError, SpoolError
from importer.ledger.budget import RejectBudget
from importer.ledger.closing import Closing, rfc3339, warn_of_duplicates
from importer.ledger.duplicates import DuplicateExample, Duplicates
from importer.ledger.expectation import Expectation
from importer.ledger.ledger import Ledger
from importer.ledger.rejects import COLUMNS, RejectsFile
from importer.ledger.spool import Spool
from importer.ledger.windows import Windows
from importer.records import Block, Fault, Lines, Outcome, PointBatch, Refusal, Reject
from tests.points import P, batch

FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="no device here is always full")


def located(block: Block, faults: tuple[Fault, ...]) -> list[Reject]:
    return [
        Reject(
            block.source,
            block.first_line + fault.record,
            10 * fault.record,
            fault.column,
            fault.error_type,
            fault.message,
            f"raw {fault.record}",
        )
        for fault in sorted(faults, key=lambda fault: fault.record)
    ]


Make = Callable[..., Ledger]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def make(*, budget: str = "0", rejects: Path = tmp_path / "rejects.csv", spool: Spool | None = None) -> Ledger:
        return Ledger(
            expectation=Expectation(Windows(86_400 * 10**9)),
            spool=spool,
            series=SeriesIndex(100),
            locate=located,
            rejects=RejectsFile(rejects),
            budget=RejectBudget.parse(budget),
        )

    return make


def mapped(ledger: Ledger, points: list[P], *, faults: tuple[Fault, ...] = (), read: int | None = None) -> Lines:
    """A block goes through mapping and encoding, and the ledger hears of it."""
    found = batch(points)
    block = replace(found.block, records=read or len(points) + len(faults), data=b"x" * 10)
    found = replace(found, block=block, faults=faults, rows_faulty=len({fault.record for fault in faults}))
    lines = LineEncoder(ledger.series)(found)
    ledger.note_mapped(found, lines)
    return lines


def fault(record: int) -> Fault:
    return Fault(record, "lat", "float", "'north': not a finite number")


def test_every_row_and_every_point_is_accounted_for(make: Make, tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    ledger = make(spool=spool)
    points = [P(1, {"a": 1.0}, record=0), P(2, {"a": 1.0}, record=0), P(3, {"a": 1.0}, {"k": "bad\n"}, record=1)]
    lines = mapped(ledger, points, faults=(fault(2), fault(2), fault(3)), read=5)
    ledger.skipped["filtered"] += 1
    ledger.note_outcome(Outcome(lines, (Refusal(1, "a", "type conflict"),), 4))
    counts = ledger.counts
    assert (counts.rows_read, counts.rows_mapped, counts.rejected, ledger.skipped.total()) == (5, 1, 3, 1)
    assert (counts.points_emitted, counts.points_acknowledged, counts.points_rejected) == (2, 1, 1)
    assert (counts.retries, ledger.rejects_so_far, spool.rows) == (4, 4, 1)
    assert ledger.expectation.values == 1


def test_what_was_not_written_is_neither_acknowledged_nor_expected(make: Make) -> None:
    ledger = make()
    lines = mapped(ledger, [P(1, {"a": 1.0})])
    ledger.note_outcome(Outcome(lines, (), 0, written=False))
    assert (ledger.counts.points_emitted, ledger.counts.points_acknowledged) == (1, 0)
    assert ledger.expectation.values == 0


def test_the_rejects_file_tells_the_place_the_reason_and_the_text_of_each(make: Make, tmp_path: Path) -> None:
    ledger = make()
    lines = mapped(ledger, [P(1, {"a": 1.0}), P(2, {"a": 1.0}, {"k": "bad\\"})], faults=(fault(7),))
    ledger.note_outcome(Outcome(lines, (Refusal(0, "a", 'it says "no",\nbecause'),), 0))
    rows = list(csv.reader((tmp_path / "rejects.csv").open(newline="", encoding="utf-8")))
    assert tuple(rows[0]) == COLUMNS
    assert COLUMNS == ("source", "line", "byte_offset", "column", "error_type", "error_message", "raw")
    assert rows[1][:5] == ["test.csv", "3", "10", "column of k", "tag"]
    assert rows[2:] == [
        ["test.csv", "9", "70", "lat", "float", "'north': not a finite number", "raw 7"],
        ["test.csv", "2", "0", "a", "server", 'it says "no",\nbecause', "raw 0"],
    ]


def test_there_is_no_rejects_file_without_a_reject_and_an_old_one_is_removed(make: Make, tmp_path: Path) -> None:
    path = tmp_path / "rejects.csv"
    path.write_text(",".join(COLUMNS) + "\nof the last run\n")
    mapped(make(rejects=path), [P(1, {"a": 1.0})])
    assert not path.exists()


def test_a_file_that_is_no_rejects_file_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "mapping.toml"
    path.write_text('measurement = "m"\n')
    with pytest.raises(ConfigurationError, match="is no rejects file: name another one by --rejects"):
        RejectsFile(path)
    assert path.read_text() == 'measurement = "m"\n'


def test_the_message_of_too_many_rejects_names_the_first_one_and_the_way_out(make: Make) -> None:
    ledger = make()
    mapped(ledger, [P(1, {"a": 1.0})], faults=(fault(4_999), fault(6_000)))
    closing = Closing("load-1", "birds")
    closing.ledger = ledger
    message = closing.over_budget(ledger.budget, appends=False)
    assert re.search(r"2 rejected where 0 are allowed; the first: test.csv, line 5,001, column 'lat'", message)
    assert "not a finite number" in message
    assert "rejects.csv" in message
    assert "--max-rejects" in message


@pytest.mark.parametrize(
    ("budget", "rejects", "rows", "exceeded", "exceeded_at_end"),
    [
        ("0", 0, 5, False, False),
        ("0", 1, 5, True, True),
        ("3", 3, 3, False, False),
        ("3", 4, 9_999_999, True, True),
        ("10%", 5, 5, False, True),
        ("10%", 1_000, 9_999, False, True),
        ("10%", 1_000, 10_000, False, False),
        ("10%", 1_001, 10_000, True, True),
        ("0%", 1, 10_000, True, True),
        ("100%", 10_000, 10_000, False, False),
    ],
)
def test_a_budget_is_a_number_or_a_share_that_is_judged_once_enough_rows_are_read(
    budget: str, rejects: int, rows: int, *, exceeded: bool, exceeded_at_end: bool
) -> None:
    parsed = RejectBudget.parse(budget)
    assert parsed.is_exceeded(rejects, rows, at_end=False) is exceeded
    assert parsed.is_exceeded(rejects, rows, at_end=True) is exceeded_at_end


@pytest.mark.parametrize("text", ["", "-1", "ten", "1.5", "101%", "-1%", "%", "nan%", "1 0"])
def test_a_budget_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"give a number .* or a percentage"):
        RejectBudget.parse(text)


def test_over_budget_reading_goes_on_until_a_thousand_rejects_are_shown(make: Make) -> None:
    ledger = make()
    mapped(ledger, [P(1, {"a": 1.0})], faults=tuple(fault(n) for n in range(999)))
    assert ledger.is_over_budget()
    assert not ledger.has_shown_enough()
    mapped(ledger, [P(1, {"a": 1.0})], faults=(fault(1),))
    assert ledger.has_shown_enough()


def test_within_the_budget_reading_never_ends_early(make: Make) -> None:
    ledger = make(budget="5000")
    mapped(ledger, [P(1, {"a": 1.0})], faults=tuple(fault(n) for n in range(2_000)))
    assert not ledger.has_shown_enough()


@needs_full
def test_a_reject_that_cannot_be_recorded_ends_the_load_with_the_reason(make: Make) -> None:
    ledger = make(rejects=FULL)
    with pytest.raises(SpoolError, match=r"/dev/full.*No space left"), ledger.rejects:
        mapped(ledger, [P(1, {"a": 1.0})], faults=(fault(1),))


@pytest.mark.parametrize("place", ["folder", "folder/none/rejects.csv"])
def test_a_rejects_file_that_could_never_be_written_is_refused_before_the_load(tmp_path: Path, place: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(ConfigurationError, match="name a file in a folder that exists"):
        RejectsFile(tmp_path / place)


def test_accounts_that_cannot_be_kept_are_said_so_before_the_load(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SpoolError, match=r"cannot keep the accounts .* --state-dir"):
        Spool(tmp_path / "file" / "state")


def test_accounts_that_cannot_be_kept_any_longer_end_the_load(make: Make, tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    ledger = make(spool=spool)
    lines = mapped(ledger, [P(1, {"a": 1.0})])
    shutil.rmtree(spool.folder)
    with pytest.raises(SpoolError, match=r"cannot keep the accounts .* make room"):
        ledger.note_outcome(Outcome(lines, (), 0))


def test_overwritten_values_are_warned_of_with_examples_and_the_tag_that_would_keep_them() -> None:
    found = Duplicates(tag_hint="bird")
    found.kinds["overwritten"] = 1_234
    found.examples.append(DuplicateExample("m,k=x", 1_600_000_000_000_000_001, "lat", "1.5", "2.5"))
    warnings: list[str] = []
    warn_of_duplicates(found, warnings)
    (warning,) = warnings
    assert "1,234 points overwrote" in warning
    assert "'bird'" in warning
    assert "make it a tag" in warning
    assert "m,k=x at 2020-09-13T12:26:40.000000001Z: lat 1.5 became 2.5" in warning


def test_duplicates_that_lost_nothing_are_not_warned_of() -> None:
    found = Duplicates()
    found.kinds.update({"identical": 5, "merged": 5})
    warnings: list[str] = []
    warn_of_duplicates(found, warnings)
    assert warnings == []


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "1970-01-01T00:00:00.000000000Z"),
        (-1, "1969-12-31T23:59:59.999999999Z"),
        (2**63 - 2, "2262-04-11T23:47:16.854775806Z"),
        (-(2**63) + 2, "1677-09-21T00:12:43.145224194Z"),
    ],
)
def test_times_are_told_to_the_nanosecond(ns: int, text: str) -> None:
    assert rfc3339(ns) == text


def test_a_batch_without_faults_writes_no_reject(make: Make) -> None:
    ledger = make()
    found: PointBatch = batch([P(1, {"a": 1.0})])
    ledger.note_mapped(found, LineEncoder(ledger.series)(found))
    assert (ledger.first_reject, ledger.rejects.lines) == (None, 0)
