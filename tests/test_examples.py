"""The sessions that the page of commands shows are what the commands print."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from importer.cli.commands import every_command
from tests.influxd import Influxd
from tests.loading import ROOT


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


examples = script("run_examples")


@pytest.mark.parametrize("name", examples.EXAMPLES)
def test_a_session_in_the_docs_is_what_its_commands_print(
    own_influxd: Callable[[], Influxd], tmp_path: Path, name: str
) -> None:
    shown = (examples.FOLDER / f"{name}.txt").read_text(encoding="utf-8")
    printed = examples.printed(name, own_influxd().connection, tmp_path)
    assert examples.without_what_varies(printed) == examples.without_what_varies(shown), "run them anew: make docs"


@pytest.mark.parametrize(
    ("text", "other", "same"),
    [
        ("took 1.25 s", "took 3 s", True),
        ("│ seconds      │   1.0 │", "│ seconds  │ 12 │", True),
        ("12 rows", "13 rows", False),
        ("12,600 rows at 5,000 rows/s", "12,600 rows at 400 rows/s", True),
        ("2023-05-01T04:04:24Z", "2023-05-01T04:04:25Z", False),
        ("id 0123456789abcdef", "id 00000000abcdef01", True),
        ("a\nload: 10% 1.0 of 2.0 MB, 12,600 rows, 5 rows/s, 0 points\nb", "a\nb", True),
        ("a\n  14 of 27 shard groups saved\nb", "a\nb", True),
        ("a\nload: failed\nb", "a\nb", False),
        ("      1  ingest   44.9  4,493  21.5  30  0", "      1  ingest   5.1  511  1.5  3  0", True),
        ("      1  ingest   44.9  4,493  21.5  30  0", "      1  ingest   5.1  511  1.5  3  1 timeout", False),
    ],
)
def test_only_what_differs_from_run_to_run_is_not_compared(text: str, other: str, same: bool) -> None:  # noqa: FBT001
    assert (examples.without_what_varies(text) == examples.without_what_varies(other)) is same


def test_every_command_has_a_session() -> None:
    shown = {path.stem for path in examples.FOLDER.glob("*.txt")}
    assert set(examples.EXAMPLES) == shown
    for name, command in every_command().items():
        names = {f"{name}-{inner}" for inner in getattr(command, "commands", ())} or {name}
        assert names <= shown
