"""influxd ends as in a power cut (kill -9), and is back within the time that the load waits."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable

import pytest

from importer.progress import Snapshot
from tests.influxd import Influxd
from tests.loading import Trial, birds_csv
from tests.test_all_or_nothing import AtPhase

ROWS, BLOCK_BYTES = 12_000, 8_192
AWAY_SECONDS = 1.0


class Nap:
    """A server that is killed, and started again a little later."""

    def __init__(self, server: Influxd) -> None:
        self._server = server
        self._waking: list[threading.Timer] = []

    def __call__(self) -> None:
        self._server.kill()
        self._waking.append(threading.Timer(AWAY_SECONDS, self._server.restart))
        self._waking[-1].start()

    def end(self) -> int:
        """Wait until it is awake; returns how often it slept."""
        for waking in self._waking:
            waking.join()
        return len(self._waking)


@pytest.fixture
def dying(own_influxd: Callable[[], Influxd], trial: Trial) -> Trial:
    """Loads into a server that the test may kill."""
    trial.influxd = own_influxd()
    return trial


@pytest.mark.promise(
    fault="influxd killed (-9) mid-load and restarted within `--wait`",
    promise="The load goes on as soon as the server is back; no acknowledged row is missing.",
    seen="A line for each failed try, `retries` in the report; exit 0.",
)
def test_a_server_that_is_killed_again_and_again_in_mid_load_holds_all_of_it(dying: Trial) -> None:
    source = dying.csv(birds_csv(ROWS))
    undisturbed = dying.load(source, block_bytes=BLOCK_BYTES)
    digest = dying.digest()
    nap, seeded, updates = Nap(dying.influxd), random.Random(4), 0  # noqa: S311 - the same points on each run
    killed_at = set(seeded.sample(range(2, ROWS * 22 // BLOCK_BYTES - 2), 3))

    class Killing:
        def update(self, snapshot: Snapshot) -> None:
            nonlocal updates
            updates += snapshot.phase == "load"
            if snapshot.phase == "load" and updates in killed_at:
                nap.end()
                nap()

    report = dying.load(source, wait_seconds=60, block_bytes=BLOCK_BYTES, progress=Killing())
    assert nap.end() == len(killed_at) == 3
    assert (report.status, report.points_written) == ("verified", ROWS)
    assert report.retries >= 3
    assert report.fields == undisturbed.fields
    assert dying.digest() == digest
    assert dying.buckets == {""}


@pytest.mark.promise(fault="influxd killed (-9) mid-load and restarted within `--wait`")
@pytest.mark.parametrize("phase", ["duplicates", "verify", "swap"])
def test_a_server_that_is_killed_after_the_last_block_is_waited_for_too(dying: Trial, phase: str) -> None:
    rows = birds_csv(2_000)
    source = dying.csv(rows + rows.partition("\n")[2].replace(".", ".7"))  # every key stands in two blocks
    dying.load(source, block_bytes=BLOCK_BYTES)
    digest = dying.digest()
    nap = Nap(dying.influxd)
    report = dying.load(source, wait_seconds=60, block_bytes=BLOCK_BYTES, progress=AtPhase(phase, nap))
    assert nap.end() == 1
    assert (report.status, report.points_written, report.duplicates) == ("verified", 2_000, 2_000)
    assert dying.digest() == digest
    assert dying.buckets == {""}
