"""Memory does not grow with the length of the input."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.loading import BIRDS_FLAGS, START, Trial
from tests.measuring import measured

MB = 1_000_000
NOTE = b"n" * 2_000
ROWS_AT_ONCE = 500


def wide_rows(total_bytes: int) -> Iterator[bytes]:
    """Rows of 2 kB, most of which is a column that nobody asked for, so that it is the reading that is heavy."""
    yield b"t,bird,lat,n,note\n"
    given, n = 0, 0
    while given < total_bytes:
        rows = b"".join(b"%d,b%d,47.5,%d,%b\n" % (START + k, k % 7, k, NOTE) for k in range(n, n + ROWS_AT_ONCE))
        yield rows
        given, n = given + len(rows), n + ROWS_AT_ONCE


@pytest.mark.slow
@pytest.mark.promise(
    fault="2 GB through a pipe",
    promise="Peak memory is within a fifth of that of 50 MB: blocks in flight are bounded; what grows with rows goes "
    "to disk.",
    seen="The load, and nothing else; exit 0.",
)
@pytest.mark.usefixtures("environment")
def test_2_gb_through_a_pipe_take_no_more_memory_than_50_mb(trial: Trial) -> None:
    options = ("--state-dir", trial.state, "--report", trial.folder / "report.json", "--quiet")
    peaks = []
    for size in (50 * MB, 2_000 * MB):
        bucket = f"{trial.bucket}-{size}"
        cost = measured(trial.folder, "load", "-", *BIRDS_FLAGS, "--bucket", bucket, *options, feed=wide_rows(size))
        assert (cost.code, cost.err) == (0, "")
        peaks.append(cost.peak_bytes)
    little, much = peaks
    assert much < 1.2 * little, f"{much / MB:.0f} MB, and {little / MB:.0f} MB for a fortieth of it"
