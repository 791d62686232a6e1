"""How commands end that are told to, or whose output is not taken."""

from __future__ import annotations

import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.loading import BIRDS_FLAGS, Start, Trial, birds_csv

pytestmark = pytest.mark.usefixtures("environment")

MAIN = "from importer.cli import main; main()"


@pytest.mark.parametrize(
    "words",
    ["read BUCKET --format table", "read BUCKET", "analyze BUCKET --json", "buckets list", "clean", "--help"],
)
def test_an_output_that_is_full_is_an_error_and_no_trace(words: str, trial: Trial) -> None:
    trial.load(trial.csv(birds_csv(10)), verify=False)
    line = [sys.executable, "-c", MAIN, *words.replace("BUCKET", trial.bucket).split()]
    ended = subprocess.run(f"{shlex.join(line)} >/dev/full", shell=True, capture_output=True, text=True, check=False)  # noqa: S602
    assert (ended.returncode, ended.stderr) == (1, "error: cannot write the output: No space left on device\n")


SLOW = """
import importlib, pathlib, sys, time
{module} = importlib.import_module("{module}")
def {function}(*_, **__):
    pathlib.Path("reached").touch()
    time.sleep(60)
{module}.{function} = {function}
from importer.cli import main
main()
"""


def interrupted(number: int, module: str, function: str, *arguments: str) -> tuple[int, str, str]:
    """What becomes of a command that gets a signal in the midst of a function."""
    code = SLOW.replace("{module} =", "module =").replace("{module}.{function} =", f"module.{function} =")
    program = code.format(module=module, function=function)
    with subprocess.Popen(
        [sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        deadline = time.monotonic() + 30
        while not Path("reached").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    return process.returncode, out, err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    ("place", "words", "said"),
    [
        ("importer.inspecting.inspect.inspect", "inspect birds.csv", "interrupted; nothing was written"),
        ("importer.analysis.analyze.analyze", "analyze birds", "interrupted; nothing was written"),
        ("importer.cleaning.clean", "clean", "interrupted"),
    ],
)
def test_a_signal_in_the_midst_of_a_command_is_told_by_a_word_and_the_code(
    number: int, place: str, words: str, said: str
) -> None:
    module, _, function = place.rpartition(".")
    assert interrupted(number, module, function, *words.split()) == (128 + number, "", f"error: {said}\n")


def test_a_signal_behind_a_load_does_not_change_its_code(trial: Trial) -> None:
    source = trial.csv(birds_csv(10))
    words = ("load", str(source), *BIRDS_FLAGS, "--bucket", trial.bucket)
    code, _, err = interrupted(signal.SIGTERM, "importer.cli.running", "show_summary", *words)
    assert (code, "error" in err) == (0, False)
    assert trial.rows().height == 20


def test_a_generated_file_that_is_interrupted_is_not_there_and_that_is_said(start: Start) -> None:
    process = start("generate", "m1", "--points", "20000000", "-o", "m.csv")
    deadline = time.monotonic() + 30
    while not list(Path().glob(".m.csv*")) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err.splitlines()[-1]) == (130, "error: interrupted; nothing was written")
    assert list(Path().glob("*m.csv*")) == []
