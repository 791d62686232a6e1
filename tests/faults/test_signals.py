"""Ctrl-C and SIGTERM while a server hangs, and what can be gone on with afterwards."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.fault_proxy import Fault, FaultProxy
from tests.faults.conftest import Proxied, at_writes
from tests.loading import BIRDS_FLAGS, Start, birds_csv

ROWS = 400_000
"""Three blocks; one is written in four requests, by one writer."""


def hanging_load(proxied: Proxied, start: Start, source: Path, *more: str) -> subprocess.Popen[str]:
    """A load in whose second block the server begins to hang."""
    proxied.proxy.rule = at_writes(range(6, 1_000), Fault(hangs_seconds=120))
    load = start(
        "load", source, *BIRDS_FLAGS, "--bucket", proxied.bucket, "--workers", "1", "--state-dir", "state", *more
    )
    deadline = time.monotonic() + 60
    while len(proxied.proxy.writes) < 6 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(proxied.proxy.writes) == 6
    return load


def gone_on_with(proxied: Proxied, start: Start, source: Path) -> None:
    proxied.proxy.rule = lambda _: None
    before = len(proxied.proxy.writes)
    load = start(
        "load", source, *BIRDS_FLAGS, "--bucket", proxied.bucket, "--workers", "1", "--state-dir", "state", "--resume"
    )
    _, err = load.communicate(timeout=120)
    assert load.returncode == 0, err
    assert "going on with the load" in err
    assert len(proxied.proxy.writes) - before <= 8  # the first block's four are not sent again
    assert proxied.rows().height == 2 * ROWS
    assert list(Path("state").iterdir()) == []


@pytest.mark.slow
@pytest.mark.promise(
    fault="Ctrl-C or SIGTERM while the server hangs",
    promise="nothing more is read, what is under way gets 10 seconds, and --resume goes on from what was acknowledged",
    seen="error: interrupted …; what was loaded so far is kept …; to go on: importer load … --resume; exit 130 or 143",
)
@pytest.mark.usefixtures("proxied_environment")
def test_what_hangs_is_broken_off_ten_seconds_after_the_first_signal(
    proxied: Proxied, start: Start, proxy: FaultProxy
) -> None:
    source = proxied.csv(birds_csv(ROWS))
    load = hanging_load(proxied, start, source)
    asked = time.monotonic()
    load.send_signal(signal.SIGINT)
    _, err = load.communicate(timeout=60)
    took = time.monotonic() - asked
    assert load.returncode == 130, err
    assert 9 < took < 14
    assert len(proxy.writes) == 6
    assert "stopping: what is under way gets 10 s to be finished" in err
    assert "--resume" in err.splitlines()[-1]
    gone_on_with(proxied, start, source)


@pytest.mark.slow
@pytest.mark.promise(
    fault="a second Ctrl-C or SIGTERM",
    promise="the importer ends at once, and --resume goes on from what was acknowledged",
    seen="stopped at once; a load can be gone on with by --resume; exit 130 or 143",
)
@pytest.mark.usefixtures("proxied_environment")
def test_the_second_signal_ends_it_at_once(proxied: Proxied, start: Start) -> None:
    source = proxied.csv(birds_csv(ROWS))
    load = hanging_load(proxied, start, source)
    load.send_signal(signal.SIGTERM)
    time.sleep(1)
    assert load.poll() is None
    asked = time.monotonic()
    load.send_signal(signal.SIGTERM)
    _, err = load.communicate(timeout=60)
    assert time.monotonic() - asked < 5
    assert load.returncode == 143, err
    assert "stopped at once" in err
    gone_on_with(proxied, start, source)
