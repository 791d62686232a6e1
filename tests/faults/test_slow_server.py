"""A server that is slow: the importer's memory stays what it was, and signs of life do no harm.

Measured is the peak of resident memory that the system tells of a process of its own (``VmHWM``, read at its end; what
``os.wait4`` tells includes the peak of the process that started it): of a load through the proxy at full speed, and of
one whose every request takes 50 times as long as the server takes for it. As even a server at full speed is slower
than the importer reads, the same is measured of a file that the slots hold as a whole: nothing can be read ahead of it.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from importer.bucket import catalogue, prepare
from tests.loading import START, Trial

from .conftest import Proxied

TIMES_SLOWER = 50
ROW_BYTES, ROWS, ROWS_IN_SLOTS, BLOCK_BYTES = 8_000, 3_000, 700, 1 << 20

LOAD = """
import sys
from pathlib import Path
import importer
from importer import LoadOptions
source, bucket, folder = sys.argv[1:]
mapping = {
    "measurement": "notes",
    "time": {"column": "t", "format": "unix_s"},
    "fields": {"note": {"column": "note", "type": "string"}},
}
paths = {"state_dir": Path(folder), "rejects": Path(folder, "rejects.csv")}
options = LoadOptions(bucket=bucket, block_bytes=BLOCK_BYTES, shard_duration_seconds=30 * 86_400, **paths)
assert importer.load(source, mapping=mapping, options=options).status == "verified"
print(next(line.split()[1] for line in Path("/proc/self/status").open() if line.startswith("VmHWM:")))
""".replace("BLOCK_BYTES", str(BLOCK_BYTES))


def peak_bytes(source: Path, bucket: str, folder: Path) -> int:
    """Peak of resident memory of a load in a process of its own, in bytes."""
    arguments = [sys.executable, "-c", LOAD, str(source), bucket, str(folder)]
    return int(subprocess.run(arguments, stdout=subprocess.PIPE, check=True, timeout=280).stdout) * 1024


@pytest.mark.slow
@pytest.mark.promise(
    fault="server 50 times slower",
    promise="Peak memory is within 10 % of the undisturbed run's: no more is read than there are slots for.",
    seen="A slower load, and nothing else; exit 0.",
)
@pytest.mark.usefixtures("proxied_environment")
def test_a_server_that_is_50_times_slower_costs_no_memory(proxied: Proxied) -> None:
    def peak(rows: int) -> int:
        lines = (f"{START + n * 60},{n:x}{'-' * ROW_BYTES}" for n in range(rows))
        source = proxied.csv("t,note\n" + "\n".join(lines) + "\n")
        return peak_bytes(source, proxied.bucket, proxied.state)

    proxied.state.mkdir()
    in_slots, undisturbed = peak(ROWS_IN_SLOTS), peak(ROWS)
    proxied.proxy.times_slower = TIMES_SLOWER
    slow = peak(ROWS)
    assert slow < 1.1 * undisturbed, f"{slow >> 20} MB instead of {undisturbed >> 20} MB"
    assert slow < 1.1 * in_slots, f"{slow >> 20} MB instead of {in_slots >> 20} MB"


def test_a_sign_of_life_that_waits_for_a_step_of_the_swap_does_not_undo_it(trial: Trial) -> None:
    target = prepare(trial.server, trial.bucket, "load-1", say=print)
    held = target._held
    with held._lock:  # as while the step's request is under way
        beat = threading.Thread(target=held.beat)
        beat.start()
        time.sleep(0.2)
        held.describe(replace(held.mark, phase="swapping"))
    beat.join()
    staging = catalogue.get(trial.server, target.bucket_id)
    held.stop()
    assert staging is not None
    assert staging.mark is not None
    assert staging.mark.phase == "swapping"
