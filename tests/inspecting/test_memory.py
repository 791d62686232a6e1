"""What an inspection takes of memory does not grow with the rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.measuring import measured

MB = 1_000_000
SHARING_KEYS = 1_000
FEW, MANY = 100_000, 500_000
MOST_GROWTH = 84
"""Bytes for each further row: fewer than its cells would take. Of the same rows, one run may take 20 MB more."""

ANNOTATIONS = "#constant measurement,m\n#datatype dateTime:unix_s,tag,string,double,long\n"


def written(folder: Path, rows: int, annotations: str) -> Path:
    """Rows of which each has a text and numbers of its own; of the first ones, some have the key of another."""
    path = folder / f"{rows}.csv"
    with path.open("w") as file:
        file.write(f"{annotations}time,bird,text,lat,n\n")
        file.writelines(
            f"{1_600_000_000 + (n - n % 2 if n < SHARING_KEYS else n)},b{n % 7 // 2},text {n},"
            f"{n * 7919 % 100_000 / 1000},{n}\n"
            for n in range(rows)
        )
    return path


@pytest.mark.slow
@pytest.mark.parametrize("annotations", ["", ANNOTATIONS], ids=["inferred", "annotated"])
@pytest.mark.usefixtures("no_settings")
def test_more_rows_take_no_more_memory(annotations: str, tmp_path: Path) -> None:
    peaks = []
    for rows in (FEW, MANY):
        cost = measured(tmp_path, "inspect", written(tmp_path, rows, annotations))
        assert (cost.code, cost.err) == (0, "")
        peaks.append(cost.peak_bytes)
    little, much = peaks
    assert much - little < MOST_GROWTH * (MANY - FEW), f"{much / MB:.0f} MB, {little / MB:.0f} MB of a fifth"
