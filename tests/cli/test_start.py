"""The command line is there at once: what is heavy is imported when a command is carried out."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from importer.cli.commands import HELPS
from tests.loading import Start

HEAVY = {
    "duckdb",
    "fastapi",
    "influxdb_client",
    "jinja2",
    "matplotlib",
    "numpy",
    "polars",
    "pydantic",
    "pydantic_settings",
    "reactivex",
    "tenacity",
    "urllib3",
    "uvicorn",
    "zstandard",
}

IMPORTED = """
import sys
{statement}
try:
    {call}
finally:
    print(*sys.modules, sep="\\n", file=open("modules.txt", "w"))
"""


def imported(folder: Path, arguments: list[str], statement: str, call: str = "pass") -> tuple[int, set[str]]:
    """The exit code, and the outermost names of all modules that were imported."""
    code = IMPORTED.format(statement=statement, call=call)
    ended = subprocess.run([sys.executable, "-c", code, *arguments], cwd=folder, capture_output=True, check=False)
    return ended.returncode, {name.split(".")[0] for name in (folder / "modules.txt").read_text().split()}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--help"], 0),
        (["--version"], 0),
        (["load", "--help"], 0),
        (["clean", "--help"], 0),
        (["analyze", "--help"], 0),
        (["inspect", "--help"], 0),
        (["generate", "--help"], 0),
        (["read", "--help"], 0),
        (["server", "--help"], 0),
        (["serve", "--help"], 0),
        (["load", "--nonsense"], 2),
    ],
)
def test_help_version_and_errors_of_usage_import_nothing_heavy(arguments: list[str], code: int, tmp_path: Path) -> None:
    ended, modules = imported(tmp_path, arguments, "from importer.cli import main", "main()")
    assert (ended, "typer" in modules, modules & HEAVY) == (code, True, set())


def test_a_command_does_not_wait_for_the_definitions_of_the_others(tmp_path: Path) -> None:
    imported(tmp_path, ["clean", "--help"], "from importer.cli import main", "main()")
    own = {name for name in (tmp_path / "modules.txt").read_text().split() if name.startswith("importer.cli.")}
    assert own & {f"importer.cli.{name}" for name in HELPS} == {"importer.cli.clean"}
    assert "rich" not in imported(tmp_path, ["--version"], "from importer.cli import main", "main()")[1]


def test_importing_the_package_imports_nothing_heavy_and_a_name_that_is_asked_for_is_there(tmp_path: Path) -> None:
    assert imported(tmp_path, [], "import importer")[1] & HEAVY == set()
    assert imported(tmp_path, [], "from importer import load, clean")[1] >= {"polars", "influxdb_client"}


@pytest.mark.promise(
    fault="Ctrl-C or SIGTERM in the first second, while libraries are imported",
    promise="The command ends at once; nothing has begun.",
    seen="No word; exit code 130 or 143.",
)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("module", ["typer", "polars"])
def test_ctrl_c_while_modules_are_imported_ends_the_command_without_a_word(
    module: str, number: int, start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Slow, and makes an error of its own of whatever breaks it off.
    slow = 'import pathlib, time\npathlib.Path("reached").touch()\n'
    slow += 'try:\n    time.sleep(60)\nexcept BaseException:\n    raise ImportError("broken off")\n'
    (tmp_path / f"{module}.py").write_text(slow)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    process = start("load", "birds.csv", "--measurement", "birds", "--bucket", "b")
    deadline = time.monotonic() + 30
    while not Path("reached").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (128 + number, "", "")
