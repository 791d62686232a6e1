"""Write docs/reliability.md from the tests' ``promise`` markers: ``make docs``."""

from __future__ import annotations

import contextlib
import io
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.promises import Promise, promises  # noqa: E402 - found once its folder is named

__all__ = ["reliability_page"]

HEAD = """# What happens when something goes wrong

One row for each fault: what the importer does then, what you see of it, and the tests that show it against a real
InfluxDB. Written by `make docs` from the `promise` markers of the tests; `pytest -m promise` runs them all.

| fault | what happens | what you see | shown by |
|---|---|---|---|
"""


def reliability_page() -> str:
    """The page, as Markdown.

    Raises:
        ValueError: the tests cannot be collected, or a marker is not as it should be.
    """
    return HEAD + "".join(_row(promise) for promise in promises(_collected()))


class _Collector:
    def __init__(self) -> None:
        self.items: list[pytest.Item] = []

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        self.items = list(items)


def _collected() -> list[pytest.Item]:
    collector, printed = _Collector(), io.StringIO()
    words = ["--collect-only", "--quiet", "--rootdir", str(ROOT), "-m", "promise", str(ROOT / "tests")]
    with contextlib.redirect_stdout(printed):
        ended = pytest.main([*words, "-p", "no:cacheprovider"], plugins=[collector])
    if ended != pytest.ExitCode.OK:
        raise ValueError(f"the tests cannot be collected:\n{printed.getvalue()}")
    return [item for item in collector.items if item.get_closest_marker("promise")]


def _row(promise: Promise) -> str:
    shown = "<br>".join(_link(test) for test in promise.tests)
    return f"| {_cell(promise.fault)} | {_cell(promise.promise)} | {_cell(promise.seen)} | {shown} |\n"


def _link(test: str) -> str:
    path, _, name = test.partition("::")
    return f"[{path.removeprefix('tests/')}](../{path})::{name}"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    page = reliability_page()
    if sys.argv[1:] == ["-"]:
        sys.stdout.write(page)
    else:
        Path(__file__).with_name("reliability.md").write_text(page, encoding="utf-8")
