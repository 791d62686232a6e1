"""The memory that an export takes does not grow with the number of rows."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.loading import Trial

from .conftest import Fill

MB = 1_000_000
FEW, MANY = 8_000, 40_000

# What a slice holds is bounded, by default by so much that it would take more rows than a test should write.
SCRIPT = f"""
import sys
from pathlib import Path
import importer
from importer.reading import points
points.MOST_VALUES = {FEW // 4}
bucket, path, rows = sys.argv[1:]
assert importer.export(bucket, path).rows == int(rows)
print(next(line.split()[1] for line in Path("/proc/self/status").open() if line.startswith("VmHWM:")))
"""


@pytest.mark.usefixtures("environment")
def test_five_times_the_rows_take_no_more_memory(trial: Trial, fill: Fill) -> None:
    peaks = []
    for first, rows in ((0, FEW), (FEW, MANY)):
        fill(*(f'm s="{n:>500}" {n}000000000' for n in range(first, rows)))
        words = [sys.executable, "-c", SCRIPT, trial.bucket, str(trial.folder / f"{rows}.csv"), str(rows)]
        ended = subprocess.run(words, capture_output=True, text=True, check=True)
        peaks.append(int(ended.stdout) * 1024)
    few, many = peaks
    assert many < 1.1 * few, f"{many / MB:.0f} MB, and {few / MB:.0f} MB for a fifth of the rows"
