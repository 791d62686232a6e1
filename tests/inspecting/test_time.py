"""The time: in two columns or in parts, with a cell that is none among many, and asked so that the answer works."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import importer
from importer import Inspection
from importer.inspecting.records import RefusedType
from importer.inspecting.time_facts import TimeFacts
from tests.loading import Command, Trial

EITHER_WAY = [f"{1 + n % 12:02}/{1 + n % 11:02}/2021" for n in range(50)]
GOOD = [f"2021-01-01 {n // 60:02}:{n % 60:02}:00" for n in range(1_000)]


def inspected(trial: Trial, lines: list[str], **hints: object) -> Inspection:
    return importer.inspect(trial.csv("\n".join(lines) + "\n", name="times.csv"), **hints)  # type: ignore[arg-type]


def with_values(header: str, times: list[str]) -> list[str]:
    return [f"{header},v", *(f"{time},{n}" for n, time in enumerate(times))]


@pytest.mark.usefixtures("environment")
def test_the_answer_about_day_and_month_is_taken_as_it_is_printed_for_a_date_and_a_time_of_day(
    trial: Trial, command: Command
) -> None:
    times = [f"{date},{n % 24:02}:{n % 60:02}" for n, date in enumerate(EITHER_WAY)]
    found = inspected(trial, with_values("date,clock", times))
    (question,) = found.questions
    assert [choice.value for choice in question.choices] == ["%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M"]
    assert [choice.meaning.partition(" is ")[2] for choice in question.choices] == [
        "12 January 2021",
        "1 December 2021",
    ]
    path = trial.folder / "times.csv"
    for form, twelfth, named in (
        ("%d/%m/%Y %H:%M", "2021-01-12T11:11:00Z", ()),
        ("%m/%d/%Y %H:%M", "2021-12-01T11:11:00Z", ("--time", "date", "--time", "clock")),
    ):
        options = ("--bucket", trial.bucket, "--if-exists", "replace", *named, question.option, form)
        ended = command("load", path, *options)
        assert ended.code == 0, ended.err
        rows = trial.rows()
        assert (rows.height, rows["_time"][rows["_value"].to_list().index("11")]) == (50, twelfth)


@pytest.mark.parametrize(
    ("times", "bad"),
    [
        (GOOD, "n.a. yet"),
        (GOOD, "2021-13-01 00:00:00"),
        ([f"{1_600_000_000 + n}" for n in range(1_000)], "later"),
        ([f"{1 + n // 48:02}/01/2021 {n % 48 // 2:02}:{n % 2}0" for n in range(1_000)], "01/29/2021 00:00"),
    ],
)
def test_a_cell_that_is_no_time_among_many_is_named_and_its_row_alone_is_rejected(
    times: list[str], bad: str, trial: Trial
) -> None:
    found = inspected(trial, with_values("t", [*times[:700], bad, *times[700:]]))
    assert (found.questions, found.rejects) == ((), 1)
    assert f"line 702, t: '{bad}'" in found.reject_examples[0]
    assert any(f"line 702, t: '{bad}'" in warning for warning in found.warnings)
    report = trial.load(trial.folder / "times.csv", mapping=found.mapping, max_rejects=1)
    assert (report.rejected, report.points_written) == (1, found.rows - 1)


@pytest.mark.parametrize("odd", ["0", "-999", "1600000000123"])
@pytest.mark.parametrize("where", [3, 700])
def test_a_number_that_is_no_time_of_our_days_does_not_hide_the_others(where: int, odd: str, trial: Trial) -> None:
    times = [f"{1_600_000_000 + n}" for n in range(1_000)]
    found = inspected(trial, with_values("ts", [*times[:where], odd, *times[where:]]))
    assert (found.questions, found.rejects) == ((), int(odd > "1"))
    assert found.time is not None
    assert found.time.format == "unix_s"
    assert any(f"'{odd}'" in warning and f"line {where + 2}" in warning for warning in found.warnings)


def test_numbers_of_which_many_are_no_times_of_our_days_are_times_where_one_says_so(trial: Trial) -> None:
    lines = with_values("ts", [*(f"{1_600_000_000 + n}" for n in range(800)), *["0"] * 200])
    (question,) = inspected(trial, lines).questions
    assert (question.option, [choice.value for choice in question.choices]) == ("--time", ["ts"])
    assert "'0' in line 802 is not unix_s" in question.choices[0].meaning
    assert inspected(trial, lines, time="ts").questions == ()


def test_which_of_day_and_month_is_first_is_not_decided_by_the_first_block() -> None:
    times = TimeFacts()
    for cells in ({"01/13/2021": 60, "01/02/2021": 40}, {"13/01/2021": 50, "01/02/2021": 850}):
        counted = pl.DataFrame({"value": [*cells], "rows": [*cells.values()]})
        times.add(counted, lambda form, cell, why: RefusedType(type=form, example=cell, line=None, why=why))
    assert {fitting.format for fitting in times.fitting} == {"%d/%m/%Y", "%m/%d/%Y"}
    assert times.chosen is None


def test_a_bad_cell_is_named_in_a_sample_too(trial: Trial) -> None:
    found = inspected(trial, with_values("t", [*GOOD, "never"]), sample=1_000)
    assert (found.is_whole, found.rejects) == (False, 1)
    assert "t: 'never'" in found.reject_examples[0]


def test_a_bad_time_of_day_is_named_as_a_bad_date_is(trial: Trial) -> None:
    times = [time.replace(" ", ",") for time in GOOD[:100]]
    found = inspected(trial, with_values("date,clock", ["2021-01-01,noon", "soon,12:00:00", *times]))
    assert found.time is not None
    assert (found.time.columns, found.rejects) == (("date", "clock"), 2)
    assert ["noon" in found.reject_examples[0], "soon" in found.reject_examples[1]] == [True, True]


def test_dates_of_both_orders_in_one_column_are_asked_about_by_the_cells_that_contradict(trial: Trial) -> None:
    found = inspected(trial, with_values("t", [*EITHER_WAY, "13/01/2021", "01/13/2021", "soon"]))
    assert found.mapping is None
    (question,) = found.questions
    assert "'13/01/2021' in line 52 is not %m/%d/%Y" in question.text
    assert "'01/13/2021' in line 53 is not %d/%m/%Y" in question.text
    answered = inspected(
        trial,
        with_values("t", [*EITHER_WAY, "13/01/2021", "01/13/2021", "soon"]),
        time_format=question.choices[0].value,
    )
    assert (answered.questions, answered.rejects) == ((), 2)


def test_a_bad_cell_does_not_keep_the_others_from_telling_day_and_month_apart(trial: Trial) -> None:
    found = inspected(trial, with_values("t", ["soon", *EITHER_WAY, "13/01/2021"]))
    assert found.time is not None
    assert (found.time.format, found.rejects) == ("%d/%m/%Y", 1)
    assert "'13/01/2021' in line 53 is not %m/%d/%Y" in found.time.why


def test_of_few_cells_one_that_is_no_time_is_asked_about_by_its_place(trial: Trial) -> None:
    lines = with_values("t", [*GOOD[:4], "never"])
    (question,) = inspected(trial, lines).questions
    assert (question.option, [choice.value for choice in question.choices]) == ("--time", ["t"])
    assert "'never' in line 6 is not %Y-%m-%d %H:%M:%S" in question.choices[0].meaning
    answered = inspected(trial, lines, time="t")
    assert (answered.questions, answered.rejects) == ((), 1)


@pytest.mark.parametrize(
    ("header", "cells", "form", "last"),
    [
        ("year,month,day", ["2021,01,05", "2021,08,09", "2021,12,07"], "%Y %m %d", "2021-12-07T00:00:00Z"),
        ("Year,Month,Day", ["2021,Jan,05", "2021,Feb,09"], "%Y %B %d", "2021-02-09T00:00:00Z"),
        ("year,month,day,hour", ["2021,1,5,0", "2021,1,5,9"], "%Y %m %d %H:%M", "2021-01-05T09:00:00Z"),
        (
            "year,month,day,hour,minute,second",
            ["2021,01,05,00,05,00", "2021,01,05,00,05,07.25"],
            "%Y %m %d %H %M %S%.f",
            "2021-01-05T00:05:07.25Z",
        ),
    ],
)
def test_parts_of_a_time_in_columns_of_their_own_are_one_time_however_they_are_padded(
    header: str, cells: list[str], form: str, last: str, trial: Trial
) -> None:
    found = inspected(trial, with_values(header, cells))
    assert found.time is not None
    assert (found.time.format, found.time.last, found.rejects) == (form, last, 0)
    report = trial.load(trial.folder / "times.csv", mapping=found.mapping)
    assert (report.points_written, trial.rows()["_time"].max()) == (len(cells), last)


def test_parts_that_are_named_are_taken_without_a_format_and_a_bad_one_is_a_reject(trial: Trial) -> None:
    lines = with_values("year,month,day", ["2021,01,05", "2021,13,06", "2021,12,07"])
    found = importer.inspect(trial.csv("\n".join(lines) + "\n", name="times.csv"), time=("year", "month", "day"))
    assert (found.questions, found.rejects) == ((), 1)
    assert "'2021 13 06'" in found.reject_examples[0]


def test_parts_of_which_many_are_none_are_taken_only_where_one_says_so(trial: Trial) -> None:
    days = [(1 + n // 31, 1 + n) for n in range(59)]  # of the year, in January and February
    lines = with_values("year,month,day", [f"2021,{month},{day}" for month, day in days])
    assert [question.option for question in inspected(trial, lines).questions] == ["--time"]
    named = inspected(trial, lines, time=("year", "month", "day"))
    assert (named.questions, named.rejects) == ((), 28)


def test_a_format_that_no_column_is_of_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("\n".join(with_values("t", GOOD[:20])))
    found = importer.inspect(tmp_path / "a.csv", time_format="%d.%m.%Y")
    assert "No column holds times of the format %d.%m.%Y" in found.questions[0].text
