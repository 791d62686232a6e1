"""The same file by one, two and four writers, with faults in between: the very same data."""

from __future__ import annotations

import random
from typing import Any

import pytest

from importer import Report
from tests.fault_proxy import Fault
from tests.loading import START
from tests.test_all_or_nothing import AtPhase

from .conftest import Proxied

ROWS, BLOCK_BYTES = 2_000, 4_096

FAULTS = [
    Fault(resets="before"),
    Fault(resets="during"),
    Fault(resets="during", passed_on=True),
    Fault(),
    Fault(passed_on=True),
    Fault(503),
    Fault(429, {"Retry-After": "0.01"}),
    Fault(500, passed_on=True),
    Fault(cut="in head"),
]
# What may differ between two loads of the same file.
OWN = {"load_id", "elapsed_seconds", "rows_per_second", "phases", "retries", "shard_group", "writing"}


def repeating_csv() -> str:
    """Each key several times, within blocks and far from each other, with other values, the same, or none."""
    lines = ["t,bird,lat,n"]
    for n in range(ROWS):
        moment = n // 3 if n % 4 else n % 700
        latitude = "" if n % 5 == 0 else f"{(n if n % 7 else moment) % 17}.25"
        lines.append(f"{START + moment * 60},b{n % 2},{latitude},{moment if n % 3 else ''}")
    return "\n".join(lines) + "\n"


def accounts(report: Report) -> dict[str, Any]:
    return report.model_dump(exclude=OWN)


@pytest.mark.promise(
    fault="the same file with 1, 2 and 4 writers and faults in between, duplicates included",
    promise="The very same data and accounts every time: of several values of a field of a point the last one in the "
    "input wins, whatever order the writes and their repetitions arrive in.",
    seen="The same report, but for times and `retries`.",
)
@pytest.mark.usefixtures("short_pauses")
def test_neither_writers_nor_faults_change_what_is_stored(proxied: Proxied) -> None:
    source = proxied.csv(repeating_csv())
    undisturbed = proxied.load(source, block_bytes=BLOCK_BYTES, workers=1)
    digest = proxied.digest()
    kinds = undisturbed.duplicate_kinds
    assert min(kinds["identical"], kinds["merged"], kinds["overwritten"]) > 20
    for workers, seed in ((1, 1), (2, 2), (4, 3)):
        seeded = random.Random(seed)  # noqa: S311 - the same faults on each run
        proxied.proxy.faults = [seeded.choice([None, *FAULTS]) for _ in range(60)]
        report = proxied.load(source, block_bytes=BLOCK_BYTES, workers=workers)
        assert report.retries > 10
        assert accounts(report) == accounts(undisturbed)
        assert proxied.digest() == digest, f"{workers} writers, seed {seed}"


@pytest.mark.promise(
    fault="a write whose connection broke reaches the server only later",
    promise="An earlier value that comes back by it is overwritten again: after any retry, the points whose key stands "
    "in several blocks are written once more behind the verification. (Later still, nothing can be done.)",
    seen="The same report, but for times and `retries`.",
)
@pytest.mark.parametrize("phase", ["duplicates", "verify"])
@pytest.mark.usefixtures("short_pauses")
def test_a_write_that_lands_late_brings_no_earlier_value_back(proxied: Proxied, phase: str) -> None:
    source = proxied.csv(repeating_csv())
    undisturbed = proxied.load(source, block_bytes=BLOCK_BYTES)
    digest = proxied.digest()
    proxied.proxy.faults = [Fault(held=True)] * 4
    released: list[int] = []
    report = proxied.load(
        source,
        block_bytes=BLOCK_BYTES,
        progress=AtPhase(phase, lambda: released.append(proxied.proxy.release())),
    )
    assert released == [4]
    assert accounts(report) == accounts(undisturbed)
    assert proxied.digest() == digest
