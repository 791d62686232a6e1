"""What an inspection takes of memory does not grow with the rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.measuring import measured

MB = 1_000_000
SHARING_KEYS = 1_000
ANNOTATIONS = "#constant measurement,m\n#datatype dateTime:unix_s,tag,string,double,long\n"


def written(folder: Path, rows: int, annotations: str) -> Path:
    """Rows of which each has a text and numbers of its own; of the first ones, some have the key of another."""
    path = folder / f"{rows}.csv"
    with path.open("w") as file:
        file.write(f"{annotations}time,bird,text,lat,n\n")
        for n in range(rows):
            time = 1_600_000_000 + (n - n % 2 if n < SHARING_KEYS else n)
            file.write(f"{time},b{n % 7 // 2},text {n},{n * 7919 % 100_000 / 1000},{n}\n")
    return path


@pytest.mark.slow
@pytest.mark.parametrize("annotations", ["", ANNOTATIONS], ids=["inferred", "annotated"])
@pytest.mark.usefixtures("no_settings")
def test_four_times_the_rows_take_no_more_memory(annotations: str, tmp_path: Path) -> None:
    peaks = []
    for rows in (200_000, 800_000):
        cost = measured(tmp_path, "inspect", written(tmp_path, rows, annotations))
        assert (cost.code, cost.err) == (0, "")
        peaks.append(cost.peak_bytes)
    little, much = peaks
    assert much < 1.25 * little, f"{much / MB:.0f} MB, and {little / MB:.0f} MB for a quarter of the rows"
