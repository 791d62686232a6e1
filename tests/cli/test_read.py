from __future__ import annotations

import json
import re
import signal
import time
from pathlib import Path

import polars as pl
import pytest

from importer.cli import progress as shown
from tests.loading import Command, Start, Trial, birds_csv
from tests.terminal import seen_at_a_terminal
from tests.test_privileges import Tokens, tokens

__all__ = ["tokens"]

pytestmark = pytest.mark.usefixtures("environment")

DAY = "2020-09-13"


@pytest.fixture
def birds(trial: Trial) -> str:
    trial.load(trial.csv(birds_csv(100)))
    return trial.bucket


def test_rows_go_to_standard_output_as_csv_in_a_pipe_and_what_is_said_to_standard_error(
    birds: str, command: Command
) -> None:
    ended = command("read", birds, "--tag", "bird=b0", "--tag", "bird=b3", "--field", "n", "--limit", "3")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines() == [
        "time,measurement,bird,n",
        f"{DAY}T12:26:40Z,birds,b0,0",
        f"{DAY}T12:29:40Z,birds,b3,3",
        f"{DAY}T12:33:40Z,birds,b0,7",
    ]


def test_windows_are_asked_for_and_shown_as_a_table(birds: str, command: Command) -> None:
    ended = command(
        "read", birds, "--start", DAY, "--stop", "2020-09-14", "--aggregate", "1h", "--fn", "max", "--format", "table",
        "--tag", "bird=b1",
    )  # fmt: skip
    assert ended.code == 0
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in ended.out.splitlines() if "│" in line]
    assert cells[0] == [f"{DAY}T12:00:00Z", "birds", "b1", "47.029", "29"]
    assert len(cells) == 3
    assert max(map(len, ended.out.splitlines())) <= 110


def test_json_is_a_list_of_rows_and_nothing_is_an_empty_list_with_a_warning(birds: str, command: Command) -> None:
    (row,) = json.loads(command("read", birds, "--limit", "1", "--json").out)
    assert row == {"time": f"{DAY}T12:26:40Z", "measurement": "birds", "bird": "b0", "lat": 47.0, "n": 0}
    ended = command("read", birds, "--window", "1h", "--json")
    assert (ended.code, json.loads(ended.out)) == (0, [])
    assert ended.err == (
        "warning: nothing was found: look at --window, --start, --stop and the filters; "
        f"the bucket holds {DAY}T12:26:40Z to {DAY}T14:05:40Z\n"
    )


def test_a_file_is_written_with_its_mapping_and_the_command_that_it_prints_loads_it_back(
    trial: Trial, birds: str, command: Command
) -> None:
    ended = command("read", birds, "--output", "b.parquet", "--write-mapping", "b.toml")
    assert ended.code == 0
    (loading,) = (line.split(": ")[1] for line in ended.err.splitlines() if line.startswith("to load it back"))
    assert loading == f"importer load b.parquet --mapping b.toml --bucket {birds}-copy"
    assert command(*loading.split()[1:]).code == 0
    first = trial.digest()
    trial.bucket += "-copy"
    assert trial.digest() == first
    assert pl.read_parquet("b.parquet").height == 100
    again = command("read", birds, "--output", "b.parquet")
    assert (again.code, "'b.parquet' is there already" in again.err) == (2, True)
    told = json.loads(command("read", birds, "-o", "b.parquet", "--force", "--json").out)
    assert (told["rows"], told["values"], told["format"], told["measurements"]) == (100, 200, "parquet", ["birds"])


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--window", "30x"], 2, "window '30x' is not understood: write a length and a unit"),
        (["--start", "yesterday"], 2, "start 'yesterday' is not understood"),
        (["--start", "-1d", "--window", "1d"], 2, "either a window or a start"),
        (["--tag", "bird"], 2, "a tag filter is KEY=VALUE"),
        (["--tag", "brid=b0"], 2, "did you mean 'bird'"),
        (["--output", "b.xls"], 2, "the ending of 'b.xls' does not say what to write"),
        (["--output", "b.csv", "--format", "table"], 2, "a table is for looking at"),
        (["--format", "table", "--write-mapping", "b.toml"], 2, "a table is for looking at"),
        (["--output", "b.lp", "--write-mapping", "b.toml"], 2, "a mapping loads CSV and Parquet"),
    ],
)
def test_wrong_usage_is_exit_2_and_says_what_to_do(
    birds: str, command: Command, arguments: list[str], code: int, message: str
) -> None:
    ended = command("read", birds, *arguments)
    assert (ended.code, ended.out) == (code, "")
    assert message in ended.err
    assert not list(Path().glob("b.*"))


def test_an_unknown_bucket_and_an_absent_server_are_exit_1(
    birds: str, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = command("read", f"{birds}x")
    assert (ended.code, ended.err) == (1, f"error: there is no bucket '{birds}x'; did you mean '{birds}'?\n")
    monkeypatch.setenv("INFLUX_URL", "http://127.0.0.1:9")
    ended = command("read", birds, "--wait", "0")
    assert ended.code == 1
    assert "error: no answer from the server" in ended.err


def test_a_token_that_may_only_read_is_enough(
    trial: Trial, birds: str, command: Command, monkeypatch: pytest.MonkeyPatch, tokens: Tokens
) -> None:
    monkeypatch.setenv("INFLUX_TOKEN", tokens("read:orgs", "read:buckets", bucket_id=trial.bucket_id).token)
    ended = command("read", birds)
    assert (ended.code, len(ended.out.splitlines())) == (0, 101)
    monkeypatch.setenv("INFLUX_TOKEN", tokens("read:orgs").token)
    ended = command("read", birds)
    assert (ended.code, ended.err.splitlines()[-1].startswith("error: ")) == (1, True)


def test_nothing_is_said_of_apostrophes_where_no_text_got_one(birds: str, command: Command) -> None:
    ended = command("read", birds, "--limit", "1", "--escape-formulas")
    assert (ended.code, ended.err) == (0, "")


def test_a_signal_leaves_nothing_half(trial: Trial, start: Start) -> None:
    trial.load(trial.csv(birds_csv(150_000)), verify=False)
    folder = Path("out")
    folder.mkdir()
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        process = start("read", trial.bucket, "--output", "out/b.csv")
        deadline = time.monotonic() + 60
        while not list(folder.iterdir()) and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out) == (code, "")
        assert err.startswith("stopping")
        assert "Traceback" not in err
        assert list(folder.iterdir()) == []


def test_a_reader_that_goes_away_ends_it_quietly(trial: Trial, start: Start) -> None:
    trial.load(trial.csv(birds_csv(10_000)), verify=False)
    process = start("read", trial.bucket)
    assert process.stdout is not None
    assert process.stdout.readline() == "time,measurement,bird,lat,n\n"
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    assert process.wait(60) == 1


def test_texts_that_look_like_markup_are_shown_as_they_are(trial: Trial, command: Command) -> None:
    trial.load(trial.csv('t,bird,lat,n\n1600000000,"\\[/red]",1.5,1\n1600000060,"[bold]x",2.5,2\n'))
    ended = command("read", trial.bucket, "--format", "table")
    assert ended.code == 0, ended.err
    assert r"\[/red]" in ended.out
    assert "[bold]x" in ended.out


def test_names_and_texts_that_a_terminal_would_obey_are_shown_without_harm(trial: Trial, command: Command) -> None:
    trial.load(trial.csv("t,bird,lat,n\n1600000000,\x1b[2J\x9b31mb,1.5,1\n"))
    ended = command("read", trial.bucket, "--format", "table")
    assert (ended.code, ended.err) == (0, "")
    assert "\N{REPLACEMENT CHARACTER}[2J\N{REPLACEMENT CHARACTER}31mb" in ended.out
    assert {"\x1b", "\x9b"} & set(ended.out) == set()
    command("read", trial.bucket, "--output", "\x1b[2J.csv", "--write-mapping", "m.toml")
    told = command("read", trial.bucket, "--output", "\x1b[2J.csv", "--write-mapping", "m.toml", "--force").err
    assert "to load it back" in told
    assert "\x1b" not in told


def test_progress_is_a_bar_with_figures_on_a_terminal_and_plain_lines_elsewhere(
    trial: Trial, start: Start, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial.load(trial.csv(birds_csv(20_000)), verify=False)
    code, seen = seen_at_a_terminal(start, "read", trial.bucket, "--output", "b.csv")
    assert code == 0
    assert re.search(r"read.*[━╸]{3}.*40,000 of 40,000 values, 20,000 rows", seen)
    monkeypatch.setattr(shown, "LINE_EVERY_SECONDS", 0.0)
    told = command("read", trial.bucket, "--output", "b.csv", "--force").err
    assert told.splitlines()[0] == "read: 100% 40,000 of 40,000 values, 20,000 rows"
    assert "\x1b" not in told
    assert command("read", trial.bucket, "--output", "b.csv", "--force", "--quiet").err == ""


@pytest.mark.parametrize("what", ["read", "generate"])
def test_a_full_disk_behind_standard_output_is_told_of(what: str, trial: Trial, start: Start) -> None:
    trial.load(trial.csv(birds_csv(5)))
    words = ("read", trial.bucket) if what == "read" else ("generate", "m1")
    with Path("/dev/full").open("wb") as full:
        process = start(*words, stdout=full)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "cannot write the output: No space left" in err
    assert "Traceback" not in err
