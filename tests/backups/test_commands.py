"""What the commands print, and how they end."""

from __future__ import annotations

import json
import signal
import time

import pytest

from importer.bucket import catalogue
from importer.bucket.settings import BucketSettings
from tests.backups.points import write
from tests.fault_proxy import Fault, fault_proxy
from tests.loading import Command, Start, Trial

START_NS = 1_600_000_000 * 10**9


@pytest.mark.usefixtures("environment")
def test_no_name_can_give_orders_to_the_terminal(trial: Trial, command: Command) -> None:
    name = f"{trial.bucket}-\x1b[2J\rsaved nothing"
    made = catalogue.create(trial.server, name, BucketSettings(), None)
    write(trial, made.id, f"m f=1 {START_NS}")
    saved = command("backup", name, "--to", "all\x1b[2J", "--keep", "1")
    (folder,) = trial.folder.glob("all*/2*")
    copied = command("restore", folder, "--as", f"{trial.bucket}-copy")
    again = command("backup", name, "--to", "all\x1b[2J", "--keep", "1", "--json")
    assert (saved.code, copied.code, again.code) == (0, 0, 0)
    assert "-�[2J�saved nothing: 1 values" in saved.out
    assert "(was " in copied.out
    (sidecar,) = trial.folder.glob("all*/2*/importer.json")
    described = json.loads(sidecar.read_text())
    described["files"]["\x1b[2J"] = "no description of a file"
    sidecar.write_text(json.dumps(described))
    damaged = command("restore", sidecar.parent, "--as", f"{trial.bucket}-copy2")
    assert (damaged.code, "is damaged" in damaged.err) == (2, True)
    for each in (saved, copied, again, damaged):
        assert not {"\x1b", "\r"} & {*each.out, *each.err}


@pytest.mark.usefixtures("environment")
def test_a_second_signal_ends_a_backup_at_once_and_promises_nothing(
    trial: Trial, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = catalogue.create(trial.server, trial.bucket, BucketSettings(), None)
    write(trial, made.id, f"m f=1 {START_NS}")
    asked = 0
    with fault_proxy(trial.connection.url) as proxy:

        def hang(_: object) -> Fault:
            nonlocal asked
            asked += 1
            return Fault(hangs_seconds=60)

        monkeypatch.setenv("INFLUX_URL", proxy.url)
        proxy.rule = hang
        process = start("backup", trial.bucket, "--to", "there")
        deadline = time.monotonic() + 60
        while not asked and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err.splitlines() == ["stopping; once more to stop at once", "stopped at once"]
