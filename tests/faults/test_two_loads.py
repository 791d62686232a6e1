"""Two loads of one target: at once, and one after the other's crash in its swap, on another machine."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time

import pytest

from importer import LoadInProgressError
from importer.bucket.counting import count_values
from importer.bucket.mark import Owner
from tests.fault_proxy import Fault
from tests.loading import BIRDS_FLAGS, Command, Start, Trial, birds_csv

from .conftest import Proxied

STEPS = ["announce", "set aside", "put in place", "carry", "retire", "close"]

KILLED_IN_ITS_SWAP = """
import functools, os, signal, sys
from importer.bucket import Target
step, *words = sys.argv[1:]

def checkpoint(done):
    if done == step:
        os.kill(os.getpid(), signal.SIGKILL)

Target.commit = functools.partialmethod(Target.commit, checkpoint=checkpoint)
sys.argv = ["importer", *words]
from importer.cli import main
main()
"""


def be_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on this process is on another machine."""
    owner = Owner("elsewhere", "another machine", os.getpid())
    for module in ("holding", "target"):
        monkeypatch.setattr(f"importer.bucket.{module}.this_process", lambda: owner)


@pytest.mark.promise(
    fault="a run from another machine after a crash in the swap",
    promise="One complete copy exists at every moment; the next load, of whatever bucket and from whatever machine, "
    "completes the swap or takes it back once the crashed load has shown no life for a minute.",
    seen="`completed the load … of …, which was interrupted in its last steps`, or that --resume goes on; exit 0.",
)
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.usefixtures("environment")
def test_a_crash_in_the_swap_is_healed_from_another_machine(
    trial: Trial, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_source = trial.csv(birds_csv(50), "new.csv")
    trial.load(new_source)
    new = trial.digest()
    trial.load(trial.csv(birds_csv(30)))
    old = trial.digest()
    words = ["load", str(new_source), "--bucket", trial.bucket, *BIRDS_FLAGS, "--state-dir", str(trial.state)]
    killed = subprocess.run([sys.executable, "-c", KILLED_IN_ITS_SWAP, step, *words], check=False, timeout=120)
    assert killed.returncode == -signal.SIGKILL
    complete = {count_values(trial.server, bucket_id) for bucket_id in _ids(trial)}
    assert complete & {60, 100}

    be_elsewhere(monkeypatch)
    monkeypatch.setattr("importer.bucket.holding.DEAD_AFTER_SECONDS", 0.5)  # and not a minute
    time.sleep(1.6)  # the server tells its time in whole seconds
    there = trial.folder / "there"
    trial.load(trial.csv(birds_csv(1), "other.csv"), bucket=f"{trial.bucket}-other", state_dir=there)
    left = {".importer-staging"} if step == "announce" else set()  # an unfinished load again
    assert trial.buckets == {"", "-other", *left}
    assert trial.digest() == (old if step == "announce" else new)


def _ids(trial: Trial) -> list[str]:
    buckets = trial.server.call("GET", "/api/v2/buckets", query={"limit": "100"})["buckets"]
    return [bucket["id"] for bucket in buckets if bucket["name"].startswith(trial.bucket)]


@pytest.mark.promise(
    fault="two loads into one bucket at once",
    promise="The second is refused before it changes anything; the first goes on.",
    seen="`error: the bucket … is being filled by the load … (process … on …, begun …)`; exit 2.",
)
@pytest.mark.usefixtures("proxied_environment")
def test_a_second_load_is_refused_and_names_the_first_from_any_machine(
    proxied: Proxied, start: Start, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxied.load(proxied.csv(birds_csv(3)))
    before = proxied.state_now()
    proxied.proxy.rule = lambda request: Fault(503) if request.is_write else None
    flags = ("--bucket", proxied.bucket, *BIRDS_FLAGS, "--quiet", "--state-dir", proxied.state)
    first = start("load", proxied.csv(birds_csv(5), "first.csv"), *flags)
    while not proxied.proxy.writes[1:]:
        assert first.poll() is None
        time.sleep(0.05)
    second = command("load", proxied.csv(birds_csv(9), "second.csv"), *flags)
    assert second.code == 2
    refused = f"the bucket '{proxied.bucket}' is being filled by the load .* \\(process {first.pid} on .*, begun "
    assert re.search(refused, second.err)
    be_elsewhere(monkeypatch)
    with pytest.raises(LoadInProgressError, match=refused):
        proxied.load(proxied.csv(birds_csv(7), "third.csv"), state_dir=proxied.folder / "there")
    assert proxied.state_now() == before
    proxied.proxy.rule = lambda _: None
    _, err = first.communicate(timeout=60)
    assert first.returncode == 0, err
    assert proxied.rows().height == 10
