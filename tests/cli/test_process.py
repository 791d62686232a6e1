"""Settings of the process: they hold for the libraries, and what the environment says comes first."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

HELD = """
import os, sys
from importer.cli.process import give_large_pieces_back
if sys.argv[1] == "given back":
    give_large_pieces_back()

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

before = resident()
first = b"x" * 9_000_000
del first  # which teaches glibc to keep such pieces in its heap
pieces, behind = [], []
for _ in range(12):
    pieces.append(b"x" * 8_000_000)
    behind.append(b"y" * 200_000)
del pieces
print((resident() - before) // 1_000_000)
"""


def resident_mb(how: str, **environment: str) -> int:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    done = subprocess.run(
        [sys.executable, "-c", HELD, how], env=clean | environment, capture_output=True, text=True, check=True
    )
    return int(done.stdout)


def test_large_pieces_of_memory_are_given_back() -> None:
    assert resident_mb("given back") < resident_mb("left") / 2


def test_what_the_environment_says_of_memory_comes_first() -> None:
    settings = {"MALLOC_MMAP_THRESHOLD_": "30000000", "MALLOC_TRIM_THRESHOLD_": "1000000000"}
    assert resident_mb("given back", **settings) > 1.5 * resident_mb("given back")


def test_threads_are_left_as_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    from importer.cli.process import leave_processors_to_the_server  # noqa: PLC0415

    monkeypatch.setenv("POLARS_MAX_THREADS", "7")
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    leave_processors_to_the_server()
    assert (os.environ["POLARS_MAX_THREADS"], os.environ["OPENBLAS_NUM_THREADS"]) == ("7", "1")
