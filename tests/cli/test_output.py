from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from importer.cli import progress as shown
from importer.progress import Snapshot
from tests.loading import BIRDS_FLAGS, SAMPLE, SAMPLE_MAPPING, Command, Start, Trial, birds_csv
from tests.terminal import seen_at_a_terminal

pytestmark = pytest.mark.usefixtures("environment")

TWICE = "t,bird,lat,n\n1600000000,a,1,1\n1600000000,a,2,1\n"


def test_summary_is_on_standard_output_and_the_log_on_standard_error(trial: Trial, command: Command) -> None:
    ended = command("load", trial.csv(birds_csv(1234)), *BIRDS_FLAGS, "--bucket", trial.bucket)
    rows = {line.strip("│ ").split("│")[0].strip(): line for line in ended.out.splitlines() if "│" in line}
    for name in ("rows read", "mapped", "points emitted", "written, distinct"):
        assert "1,234" in rows[name], name
    assert "verified" in ended.out
    assert "shard groups of" in ended.err
    assert "shard groups of" not in ended.out


def test_quiet_prints_nothing_about_a_clean_load(trial: Trial, command: Command) -> None:
    ended = command("load", trial.csv(birds_csv(10)), *BIRDS_FLAGS, "--bucket", trial.bucket, "--quiet")
    assert (ended.code, ended.out, ended.err) == (0, "", "")


def test_quiet_still_prints_warnings_and_errors(trial: Trial, command: Command) -> None:
    arguments = (*BIRDS_FLAGS, "--bucket", trial.bucket, "--quiet")
    warned = command("load", trial.csv(TWICE), *arguments)
    assert warned.out == ""
    assert "warning: 1 points overwrote an earlier one" in warned.err
    failed = command("load", trial.csv(birds_csv(10, bad_lines=(3,))), *arguments)
    assert failed.code == 3
    assert failed.err.startswith("error: 1 rejected where 0 are allowed")


def test_every_line_of_a_json_log_parses_warnings_and_errors_included(trial: Trial, command: Command) -> None:
    arguments = (*BIRDS_FLAGS, "--bucket", trial.bucket, "--log-json")
    for text, level in ((TWICE, "warning"), (birds_csv(10, bad_lines=(3,)), "error")):
        ended = command("load", trial.csv(text), *arguments)
        lines = [json.loads(line) for line in ended.err.splitlines()]
        assert all({"time", "level", "message"} <= set(line) for line in lines)
        assert level in {line["level"] for line in lines}


def test_an_absent_server_gives_json_lines_too(trial: Trial, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFLUX_URL", "http://127.0.0.1:9")
    arguments = (*BIRDS_FLAGS, "--bucket", trial.bucket, "--log-json", "--wait", "1")
    ended = command("load", trial.csv(birds_csv(3)), *arguments)
    levels = [json.loads(line)["level"] for line in ended.err.splitlines()]
    assert levels.count("warning") >= 2
    assert levels[-1] == "error"


@pytest.mark.parametrize("method", ["write", "bulk"])
def test_progress_is_plain_lines_where_there_is_no_terminal(
    trial: Trial, command: Command, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    monkeypatch.setattr(shown, "LINE_EVERY_SECONDS", 0.0)
    ended = command("load", trial.csv(birds_csv(2000)), *BIRDS_FLAGS, "--bucket", trial.bucket, "--method", method)
    assert ("2,000 points sorted" in ended.err) is (method == "bulk")
    line = re.search(r"^verify: 100% (.*)$", ended.err, re.MULTILINE)
    assert line is not None
    assert re.search(r"MB, 2,000 rows, [\d,]+ rows/s, 2,000 points acknowledged, 0 rejected", line[1])
    assert "\x1b" not in ended.err


def test_progress_is_a_bar_with_figures_on_a_terminal(trial: Trial, start: Start) -> None:
    source = trial.csv(birds_csv(150_000))
    options = ("--bucket", trial.bucket, "--batch-rows", "500")
    code, text = seen_at_a_terminal(start, "load", source, *BIRDS_FLAGS, *options)
    assert code == 0
    assert re.search(r"[━╸]{3}", text)
    assert re.search(r"\d of \d+\.\d MB, [\d,]+ rows, [\d,]+ rows/s, [\d,]+ points acknowledged, 0 rejected", text)
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    (log_line,) = [line for line in re.split(r"[\r\n]+", plain) if "shard groups of" in line]
    assert log_line.startswith("shard groups of"), "a log line stands on a line of its own, not in the bar"


def test_progress_is_heard_one_at_a_time_and_adds_up(trial: Trial) -> None:
    class Listening:
        def __init__(self) -> None:
            self.busy = threading.Lock()
            self.heard: list[Snapshot] = []

        def update(self, snapshot: Snapshot) -> None:
            assert self.busy.acquire(blocking=False), "two at once"
            threading.Event().wait(0.005)
            self.heard.append(snapshot)
            self.busy.release()

    listening = Listening()
    source = trial.csv(birds_csv(5_000))
    trial.load(source, progress=listening, workers=4, block_bytes=3_000)
    phases = list(dict.fromkeys(snapshot.phase for snapshot in listening.heard))
    assert phases == ["first pass", "load", "duplicates", "verify", "swap"]
    last = listening.heard[-1]
    assert (last.rows, last.points, last.rejects) == (5_000, 5_000, 0)
    assert last.bytes_read == last.total_bytes == source.stat().st_size
    shares = [snapshot.share for snapshot in listening.heard if snapshot.phase == "verify" and snapshot.share]
    assert shares[-1] == 1


def test_sample_rows_are_printed_as_flux_gives_them_back(trial: Trial, command: Command) -> None:
    ended = command("load", SAMPLE, "--mapping", SAMPLE_MAPPING, "--bucket", trial.bucket, "--sample", "2")
    assert ended.code == 0
    shown_rows = ended.out.split("rows that Flux gave back")[1]
    assert "2023-05-01" in shown_rows
    assert "migration" in shown_rows


def test_brackets_in_names_are_printed_as_they_are(trial: Trial, command: Command) -> None:
    source = trial.csv("t,[red]\n1600000000,1\n")
    flags = ("--measurement", "[bold]m", "--time", "t", "--time-format", "unix_s", "--field", "[red]:float")
    ended = command("load", source, *flags, "--bucket", trial.bucket)
    assert "[bold]m" in ended.out
    assert "[red]" in ended.out


@pytest.mark.parametrize("code", [0, 3])
def test_the_token_is_never_printed_or_recorded(trial: Trial, command: Command, code: int) -> None:
    source = trial.csv(birds_csv(10, bad_lines=(3,) if code else ()))
    ended = command("load", source, *BIRDS_FLAGS, "--bucket", trial.bucket, "--report", "r.json", "--sample", "1")
    assert ended.code == code
    assert trial.connection.token not in ended.out + ended.err + Path("r.json").read_text()


def test_a_token_is_not_taken_as_an_argument(trial: Trial, command: Command) -> None:
    ended = command("load", trial.csv(birds_csv(1)), *BIRDS_FLAGS, "--bucket", trial.bucket, "--token", "secret")
    assert ended.code == 2
    assert "--token" in ended.err
    assert trial.buckets == set()


def test_version_and_help_are_printed_with_exit_code_0(command: Command) -> None:
    assert re.fullmatch(r"importer \d+\.\d+\.\d+\n", command("--version").out)
    for arguments in ([], ["load"], ["server"]):
        ended = command(*arguments, "--help")
        assert ended.code == 0
        assert "Usage" in ended.out


@pytest.mark.parametrize("ending", ["| true", "> /dev/full"])
def test_a_summary_that_nobody_can_read_is_no_failed_load(trial: Trial, ending: str) -> None:
    source = trial.csv(birds_csv(10))
    words = ["-c", "from importer.cli import main; main()", "load", str(source), *BIRDS_FLAGS, "--bucket", trial.bucket]
    line = f"set -o pipefail; {shlex.join([sys.executable, *words])} {ending}"
    ended = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False)
    assert (ended.returncode, "Traceback" in ended.stderr) == (0, False)
    assert trial.rows().height == 20
    assert "cannot be written" in ended.stderr or ending == "| true"


def test_files_that_are_something_else_are_not_overwritten(trial: Trial, command: Command) -> None:
    mapping = Path("m.toml")
    mapping.write_text(SAMPLE_MAPPING.read_text())
    for option in ("--report", "--rejects"):
        ended = command("load", SAMPLE, "--mapping", mapping, "--bucket", trial.bucket, option, mapping)
        assert ended.code == 2
        assert f"name another {'file' if option == '--report' else 'one'} by {option}" in ended.err
    same = command("load", SAMPLE, "--mapping", mapping, "--bucket", trial.bucket, "--report", "x", "--rejects", "x")
    assert (same.code, "cannot both go to 'x'" in same.err) == (2, True)
    assert mapping.read_text() == SAMPLE_MAPPING.read_text()


def test_a_mapper_and_a_mapping_are_not_mixed(command: Command) -> None:
    ended = command("load", SAMPLE, "--mapping", SAMPLE_MAPPING, "--mapper", "a:b", "--bucket", "b")
    assert (ended.code, "--mapping cannot go with --mapper" in ended.err) == (2, True)


def test_sampled_rows_show_the_time_to_the_nanosecond(trial: Trial, command: Command) -> None:
    source = trial.csv("t,bird,lat,n\n1600000000.123456789,b,1.5,7\n")
    ended = command("load", source, *BIRDS_FLAGS, "--bucket", trial.bucket, "--sample", "1")
    assert ended.code == 0
    assert "2020-09-13T12:26:40.123456789Z" in "".join(ended.out.split())
